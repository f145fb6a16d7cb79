//! The account itself is in the way: quotas, credentials that expire, a wrong clock, throttling, Route 53 down.

use insta::assert_snapshot;
use serde_json::json;

use super::cloud::refusal;
use super::story::{Story, fresh, say};

const REGION: &str = "sa-east-1";

#[test]
fn a_quota_is_named_as_service_quotas_names_it() {
    let none = json!({ "node_kind": "none", "vcpu_quota": 1 });
    let story = Story::of("t-quota", REGION).with_settings(&none);
    assert_snapshot!(story.run("up --yes --quiet").shown(), @"
    sa-east-1            create the security group  (the region has no security group of this line)
    sa-east-1            set ingress rules (5 to add, 0 to remove)  (a new group lets nobody in)
    sa-east-1/1          launch a t3.micro (generation 1)  (the slot is empty)
    sa-east-1/1          finish first boot  (its first boot has not been finished)
    sa-east-1/1          push files  (it has no release yet)
    5 steps
    FAILED sa-east-1/1: launch a t3.micro (generation 1): sa-east-1: the quota `Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances` is used up (ec2:RunInstances: You have requested more vCPU capacity than your current vCPU limit of 1 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.)
      hint: raise `Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances` of Amazon Elastic Compute Cloud (Amazon EC2) in the Service Quotas console of sa-east-1, or remove what uses it up; then run the command again
    exit code 3
    ");
    let story = story.with_settings(&json!({ "group_quota": 1 }));
    story.run("teardown --yes").exits(0);
    let ran = story.run("up --yes").exits(3);
    ran.says("sa-east-1: the quota `VPC security groups per Region` is used up")
        .says("in the Service Quotas console of sa-east-1");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_quota_of_health_checks_leaves_the_node_and_a_later_run_ends_it() {
    let story = Story::of("t-checks", REGION).with_domain(REGION);
    let story = story.with_settings(&json!({ "node_kind": "slim", "check_quota": 0 }));
    let ran = story.run("up --yes").exits(3);
    say(&ran.to_string());
    ran.says("Route 53: the quota `Health checks` is used up")
        .says("in the Service Quotas console of us-east-1")
        .says("done sa-east-1/1: push files");
    story.cloud.set(&json!({ "check_quota": 200 }));
    story.run("up --yes").exits(0);
    story.run("plan").exits(0);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn credentials_that_expire_half_way_end_the_run_in_good_order() {
    let story = Story::of(fresh("t-halfway"), REGION).with_domain(REGION);
    let story = story.with_settings(&json!({ "node_kind": "slim" }));
    // The look at the line, two around the launch; then nothing more.
    let rule = json!({ "action": "expire", "operation": "DescribeInstances", "skip": 3 });
    story.cloud.fault(&rule);
    let ran = story.run("up --yes").exits(3);
    say(&ran.to_string());
    let shown = ran.stderr_shown().replace(story.line, "t-halfway");
    assert_snapshot!(shown, @"
      .. sa-east-1: create the security group
    done sa-east-1: create the security group ([TIME] s)
      .. sa-east-1: set ingress rules (5 to add, 0 to remove)
    done sa-east-1: set ingress rules (5 to add, 0 to remove) ([TIME] s)
      .. sa-east-1/1: launch a t3.micro (generation 1)
    done sa-east-1/1: launch a t3.micro (generation 1) ([TIME] s)
      .. sa-east-1/1: finish first boot
      .. sa-east-1/1: finish first boot: waiting until EC2 runs it
    FAILED sa-east-1/1: finish first boot: sa-east-1: the AWS credentials have expired (ec2:DescribeInstances: Request has expired.)
    skipped sa-east-1/1: push files: needs `finish first boot` at sa-east-1/1
    skipped sa-east-1/1: create the health check: needs `finish first boot` at sa-east-1/1
    skipped t-halfway.test: point the records at the line's nodes: AWS takes no more calls
    3 of 7 steps are done, 1 failed, 3 skipped

    hint: log in again (`aws sso login`, or fetch new session credentials) and repeat the command; it goes on from here
    ");
    let hints = ran.stderr.matches("log in again").count();
    assert_eq!(hints, 1, "it is said once");
    story.cloud.fault(&json!({ "action": "expire" }));
    // Removing needs AWS as well: what is not looked at is not called clean.
    let ran = story.run("teardown --yes").exits(1);
    ran.says("the AWS credentials have expired")
        .says("log in again");
    story.cloud.mend();
    story.run("up --yes").exits(0);
    story.run("plan").exits(0);
    assert_eq!(story.cloud.instances(story.line).len(), 1);
}

#[test]
fn a_wrong_clock_is_named_with_its_error() {
    // AWS is behind, so this machine is ahead.
    let behind = json!({ "clock_ahead_seconds": -3 * 3600 - 300 });
    let story = Story::of("t-clock", REGION).with_settings(&behind);
    assert_snapshot!(story.run("plan").shown(), @"
    error: sa-east-1: this machine's clock is 3 h 5 min ahead of AWS's, which refuses ec2:DescribeInstances for it: Request has expired.

    hint: set this machine's clock (`timedatectl set-ntp true`) and repeat the command
    exit code 1
    ");
}

#[test]
fn route_53_down_changes_nothing_and_says_so() {
    let story = Story::of("t-down", REGION).with_domain(REGION);
    let story = story.with_settings(&json!({ "node_kind": "none" }));
    let down = refusal(
        "ServiceUnavailable",
        "The service is unavailable.",
        &json!({ "service": "route53" }),
    );
    story.cloud.fault(&down);
    assert_snapshot!(story.run("up --yes").shown(), @"
    error: Route 53: AWS could not do route53:ListHostedZones, again and again: ServiceUnavailable: The service is unavailable.

    hint: look at https://health.aws.amazon.com and run the command again in some minutes
    exit code 1
    ");
    assert!(story.cloud.instances(story.line).is_empty());
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn nodes_are_shown_while_route_53_is_down() {
    let story = Story::of("t-half-seen", REGION).with_domain(REGION);
    story.run("up --yes").exits(0);
    let down = refusal(
        "ServiceUnavailable",
        "The service is unavailable.",
        &json!({ "service": "route53" }),
    );
    story.cloud.fault(&down);
    let ran = story.run("status").exits(3);
    say(&ran.to_string());
    ran.says("sa-east-1/1")
        .says("healthy")
        .says("cannot be compared with the profile: the zone could not be looked at: Route 53: AWS could not do route53:ListHostedZones");
    story.run("status --json").exits(3);
    story.cloud.mend();
    story.run("status").exits(0);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn route_53_refusing_a_check_leaves_nodes_that_a_later_run_puts_into_dns() {
    let story = Story::of("t-refused", REGION).with_domain(REGION);
    let story = story.with_settings(&json!({ "node_kind": "slim" }));
    let refused = refusal(
        "AccessDenied",
        "User is not authorized",
        &json!({ "operation": "CreateHealthCheck" }),
    );
    story.cloud.fault(&refused);
    let ran = story.run("up --yes").exits(3);
    say(&ran.to_string());
    ran.says("the credentials may not call route53:CreateHealthCheck")
        .says("no node is ready, so the records stay as they are")
        .says("done sa-east-1/1: push files");
    story.cloud.mend();
    story.run("up --yes").exits(0);
    story.run("plan").exits(0);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn throttling_that_outlasts_the_sdk_is_told_and_a_later_run_goes_on() {
    let story = Story::of("t-throttle", REGION).with_settings(&json!({ "node_kind": "slim" }));
    let rule = json!({ "action": "throttle", "operation": "RunInstances", "times": 4 });
    story.cloud.fault(&rule);
    let ran = story.run("up --yes").exits(3);
    say(&ran.to_string());
    ran.says("sa-east-1: ec2:RunInstances was throttled again and again")
        .says("run the command again in a minute");
    story.run("up --yes").exits(0);
    story.run("plan").exits(0);
}
