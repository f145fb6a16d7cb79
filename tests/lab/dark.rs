//! A region that does not answer: the others go on, and nobody calls it clean.

use insta::assert_snapshot;
use serde_json::json;

use super::story::Story;

fn darken(story: &Story, region: &str) {
    story
        .cloud
        .fault(&json!({ "action": "reset", "service": "ec2", "region": region }));
}

#[test]
fn a_plan_without_one_region_says_so_and_plans_the_others() {
    let story = Story::of("t-dark", "us-east-1,ap-southeast-1");
    darken(&story, "ap-southeast-1");
    assert_snapshot!(story.run("plan").shown(), @"
    us-east-1            create the security group  (the region has no security group of this line)
    us-east-1            set ingress rules (5 to add, 0 to remove)  (a new group lets nobody in)
    us-east-1/1          launch a t3.micro (generation 1)  (the slot is empty)
    us-east-1/1          finish first boot  (its first boot has not been finished)
    us-east-1/1          push files  (it has no release yet)
    ap-southeast-1       ! not looked at: ap-southeast-1: ec2:DescribeInstances could not be reached: connection closed before message completed
    5 steps
    exit code 2
    ");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_region_that_hangs_is_given_up_in_time() {
    let story = Story::of("t-hang", "us-east-1,ap-southeast-1");
    story
        .cloud
        .fault(&json!({ "action": "dark", "service": "ec2", "region": "ap-southeast-1" }));
    let ran = story.run("plan").exits(2);
    assert!(ran.took.as_secs() < 150, "{ran}");
    ran.says("not looked at").says("launch a t3.micro");
}

#[test]
fn a_plan_is_one_document_that_scripts_can_read() {
    let story = Story::of("t-json", "us-east-1,eu-west-1");
    let ran = story.run("plan --json").exits(2);
    let plan = ran.json();
    let steps = plan["steps"].as_array().expect("steps are a list");
    let actions: Vec<&str> = steps
        .iter()
        .filter_map(|step| step["action"].as_str())
        .collect();
    assert_eq!(
        actions,
        [
            "create-group",
            "set-rules",
            "create-group",
            "set-rules",
            "launch",
            "boot",
            "push",
            "launch",
            "boot",
            "push",
        ]
    );
    assert!(steps.iter().all(|step| step["reason"].is_string()));
    assert_eq!(plan["troubles"], json!([]));
    assert_eq!(plan["line"], "t-json");
    assert_snapshot!(story.run("plan").shown(), @"
    us-east-1            create the security group  (the region has no security group of this line)
    us-east-1            set ingress rules (5 to add, 0 to remove)  (a new group lets nobody in)
    eu-west-1            create the security group  (the region has no security group of this line)
    eu-west-1            set ingress rules (5 to add, 0 to remove)  (a new group lets nobody in)
    eu-west-1/1          launch a t3.micro (generation 1)  (the slot is empty)
    eu-west-1/1          finish first boot  (its first boot has not been finished)
    eu-west-1/1          push files  (it has no release yet)
    us-east-1/1          launch a t3.micro (generation 1)  (the slot is empty)
    us-east-1/1          finish first boot  (its first boot has not been finished)
    us-east-1/1          push files  (it has no release yet)
    10 steps
    exit code 2
    ");
}

#[test]
fn a_teardown_of_nothing_is_clean() {
    let story = Story::of("t-nothing", "us-east-1");
    let ran = story.run("teardown --yes").exits(0);
    ran.says("looked at 17 regions")
        .says("nothing of the line is left");
    let document = story.run("teardown --yes --json").exits(0).json();
    assert_eq!(document["clean"], true);
    assert_eq!(document["receipt"]["leftovers"], json!([]));
    assert_eq!(document["receipt"]["not_looked_at"], json!([]));
}

#[test]
fn a_teardown_that_cannot_see_a_region_never_calls_it_clean() {
    let story = Story::of("t-unseen", "us-east-1,eu-west-1");
    story
        .cloud
        .create_group("us-east-1", "t-unseen", "0123456789abcdef");
    darken(&story, "eu-west-1");
    let ran = story.run("teardown --yes --force").exits(3);
    assert!(!ran.has("nothing of the line is left"), "{ran}");
    ran.says("not looked at: eu-west-1")
        .says("delete security group");
    story.cloud.mend();
    story
        .run("teardown --yes --force")
        .exits(0)
        .says("nothing of the line is left");
}

#[test]
fn what_teardown_removes_is_asked_for_first() {
    let story = Story::of("t-ask", "us-east-1");
    story
        .cloud
        .create_group("us-east-1", "t-ask", "0123456789abcdef");
    let ran = story.run("teardown --force").exits(2);
    ran.says("delete security group sg-")
        .says("nothing was changed: pass --yes");
}
