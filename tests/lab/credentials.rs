//! Credentials that have expired or may not do what is needed, and types that are not free.

use insta::assert_snapshot;
use serde_json::json;

use super::cloud::refusal;
use super::story::Story;

#[test]
fn expired_credentials_say_so() {
    let story = Story::of("t-expired", "us-east-1,eu-west-1");
    story.cloud.fault(&refusal(
        "RequestExpired",
        "Request has expired.",
        &json!({ "service": "ec2" }),
    ));
    assert_snapshot!(story.run("plan").shown(), @"
    error: eu-west-1: the AWS credentials have expired (ec2:DescribeInstances: Request has expired.)

    hint: log in again (`aws sso login`, or fetch new session credentials) and repeat the command
    exit code 1
    ");
}

#[test]
fn credentials_that_aws_does_not_know_say_so() {
    let story = Story::of("t-unknown", "us-east-1");
    let message = "AWS was not able to validate the provided access credentials";
    story.cloud.fault(&refusal(
        "AuthFailure",
        message,
        &json!({ "service": "ec2" }),
    ));
    assert_snapshot!(story.run("plan").shown(), @"
    error: us-east-1: AWS does not accept the credentials for ec2:DescribeRegions: AWS was not able to validate the provided access credentials

    hint: check the access key of the profile in use (AWS_PROFILE), and this machine's clock
    exit code 1
    ");
}

#[test]
fn a_missing_permission_is_named_and_the_rest_is_tidy() {
    let story = Story::of("t-denied", "us-east-1").with_settings(&json!({ "node_kind": "none" }));
    let message = "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/lab is not \
                   authorized to perform: ec2:RunInstances because no identity-based policy allows it";
    story.cloud.fault(&refusal(
        "UnauthorizedOperation",
        message,
        &json!({ "operation": "RunInstances" }),
    ));
    assert_snapshot!(story.run("up --yes").shown(), @"
    us-east-1            create the security group  (the region has no security group of this line)
    us-east-1            set ingress rules (5 to add, 0 to remove)  (a new group lets nobody in)
    us-east-1/1          launch a t3.micro (generation 1)  (the slot is empty)
    us-east-1/1          finish first boot  (its first boot has not been finished)
    us-east-1/1          push files  (it has no release yet)
    5 steps
      .. us-east-1: create the security group
    done us-east-1: create the security group ([TIME] s)
      .. us-east-1: set ingress rules (5 to add, 0 to remove)
    done us-east-1: set ingress rules (5 to add, 0 to remove) ([TIME] s)
      .. us-east-1/1: launch a t3.micro (generation 1)
    FAILED us-east-1/1: launch a t3.micro (generation 1): us-east-1: the credentials may not call ec2:RunInstances: You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/lab is not authorized to perform: ec2:RunInstances because no identity-based policy allows it
      hint: let an administrator allow `ec2:RunInstances` for these credentials
    skipped us-east-1/1: finish first boot: needs `launch a t3.micro (generation 1)` at us-east-1/1
    skipped us-east-1/1: push files: needs `finish first boot` at us-east-1/1
    2 of 5 steps are done, 1 failed, 2 skipped
    exit code 3
    ");
    story.cloud.mend();
    story
        .run("teardown --yes")
        .exits(0)
        .says("delete security group")
        .says("nothing of the line is left");
}

#[test]
fn a_permission_missing_for_looking_is_named() {
    let story = Story::of("t-blind", "us-east-1,eu-west-1");
    let message = "You are not authorized to perform this operation.";
    let rule = json!({ "operation": "DescribeSecurityGroups", "region": "eu-west-1" });
    story
        .cloud
        .fault(&refusal("UnauthorizedOperation", message, &rule));
    let ran = story.run("plan").exits(2);
    ran.says("not looked at: eu-west-1: the credentials may not call ec2:DescribeSecurityGroups")
        .says("launch a t3.micro");
}

#[test]
fn a_type_that_is_not_offered_free_is_refused_with_those_that_are() {
    let line = "t-paid";
    let story = Story::of(line, "us-east-1");
    let wanted = super::story::profile(
        line,
        "us-east-1",
        "[nodes]\ninstance_types = [\"m5.large\"]\n",
    );
    let story = story.with(|lab| lab.with_profile(&wanted));
    assert_snapshot!(story.run("plan").shown(), @"
    error: us-east-1: none of m5.large is offered free to this account; free there: c7i-flex.large, m7i-flex.large, t3.micro, t3.small, t8i.micro, t8i.small

    hint: set `nodes.instance_types` to one of them, or pass --allow-paid to launch it anyway, at on-demand price
    exit code 5
    ");
    let ran = story.run("plan --allow-paid").exits(2);
    ran.says("launch a m5.large");
}
