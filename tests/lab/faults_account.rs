//! The account itself is in the way: quotas, credentials that expire, a wrong clock, throttling, Route 53 down.

use insta::assert_snapshot;
use serde_json::json;

use super::cloud::refusal;
use super::story::{Story, say};

const REGION: &str = "sa-east-1";

#[test]
fn a_quota_is_named_as_service_quotas_names_it() {
    let none = json!({ "node_kind": "none", "vcpu_quota": 1 });
    let story = Story::of("t-quota", REGION).with_settings(&none);
    assert_snapshot!(story.run("up --yes --quiet").shown(), @"");
    let story = story.with_settings(&json!({ "group_quota": 1 }));
    story.run("teardown --yes").exits(0);
    let ran = story.run("up --yes").exits(3);
    ran.says("sa-east-1: the quota `VPC security groups per Region` is used up")
        .says("in the Service Quotas console of sa-east-1");
}

#[test]
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
fn credentials_that_expire_half_way_end_the_run_in_good_order() {
    let story = Story::of("t-halfway", REGION).with_domain(REGION);
    let story = story.with_settings(&json!({ "node_kind": "slim" }));
    // What is looked at, the group, its rules, the launch; then nothing more.
    story
        .cloud
        .fault(&json!({ "action": "expire", "skip": 15 }));
    let ran = story.run("up --yes").exits(3);
    say(&ran.to_string());
    assert_snapshot!(ran.shown(), @"");
    let hints = ran.stderr.matches("log in again").count();
    assert_eq!(hints, 1, "it is said once");
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
    assert_snapshot!(story.run("plan").shown(), @"");
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
    assert_snapshot!(story.run("up --yes").shown(), @"");
    assert!(story.cloud.instances(story.line).is_empty());
}

#[test]
fn route_53_refusing_changes_leaves_nodes_that_a_later_run_puts_into_dns() {
    let story = Story::of("t-refused", REGION).with_domain(REGION);
    let story = story.with_settings(&json!({ "node_kind": "slim" }));
    let refused = |operation| {
        refusal(
            "AccessDenied",
            "User is not authorized",
            &json!({ "operation": operation }),
        )
    };
    story.cloud.fault(&refused("CreateHealthCheck"));
    story.cloud.fault(&refused("ChangeResourceRecordSets"));
    let ran = story.run("up --yes").exits(3);
    say(&ran.to_string());
    ran.says("the credentials may not call route53:CreateHealthCheck")
        .says("skipped t-refused.test")
        .says("done sa-east-1/1: push files");
    story.cloud.mend();
    story.run("up --yes").exits(0);
    story.run("plan").exits(0);
}

#[test]
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
