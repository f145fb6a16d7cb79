//! EC2 has no room for an instance: it is launched elsewhere, or what was tried is told.

use insta::assert_snapshot;
use serde_json::json;

use super::story::{Story, fresh, say};

const REGION: &str = "ca-central-1";

impl Story {
    /// How many calls were refused with a code since calls were forgotten.
    fn refusals(&self, code: &str) -> usize {
        let calls = self.cloud.calls();
        calls.iter().filter(|call| call["error"] == code).count()
    }

    /// The types of the line's instances that are not gone.
    fn types(&self) -> Vec<String> {
        let all = self.cloud.instances(self.line);
        all.iter()
            .map(|one| one["type"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_full_zone_and_a_full_type_are_got_around() {
    let full = json!({ "node_kind": "slim", "no_capacity": "t3.micro,t3.small" });
    let story = Story::of(fresh("t-room"), REGION).with_settings(&full);
    story.cloud.forget_calls();
    assert_snapshot!(story.run("up --yes --quiet").shown(), @"
    ca-central-1         create the security group  (the region has no security group of this line)
    ca-central-1         set ingress rules (5 to add, 0 to remove)  (a new group lets nobody in)
    ca-central-1/1       launch a t3.micro (generation 1)  (the slot is empty)
    ca-central-1/1       finish first boot  (its first boot has not been finished)
    ca-central-1/1       push files  (it has no release yet)
    5 steps
    FAILED ca-central-1/1: launch a t3.micro (generation 1): ca-central-1: no capacity for ec2:RunInstances: We currently do not have sufficient t3.small capacity in the Availability Zone you requested (ca-central-1d). Our system will be working on provisioning additional capacity. You can currently get t3.small capacity by not specifying an Availability Zone in your request. (tried: t3.micro, t3.micro in ca-central-1a, t3.micro in ca-central-1b, t3.micro in ca-central-1d, t3.small, t3.small in ca-central-1a, t3.small in ca-central-1b, t3.small in ca-central-1d)
      hint: run the command again later, or name other types as `nodes.instance_types` or another region in the profile
    exit code 3
    ");
    // Every way once: the SDK would have asked four times for each.
    assert_eq!(story.refusals("InsufficientInstanceCapacity"), 8);
    story
        .cloud
        .set(&json!({ "no_capacity": "t3.micro,ca-central-1a" }));
    let ran = story.run("up --yes").exits(0);
    say(&ran.to_string());
    ran.says("EC2 has no capacity for a t3.micro; trying a t3.micro in ca-central-1a")
        .says("EC2 has no capacity for a t3.small in ca-central-1a; trying a t3.small in ca-central-1b");
    assert_eq!(story.types(), ["t3.small"]);
    story.run("plan").exits(0);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn an_instance_made_elsewhere_whose_answer_was_lost_is_found_again() {
    let full = json!({ "node_kind": "slim", "no_capacity": "ca-central-1a" });
    let story = Story::of(fresh("t-lost"), REGION).with_settings(&full);
    // EC2's choice and zone a are refused; of zone b no answer ever comes, and the instance is there.
    story
        .cloud
        .fault(&json!({ "action": "lost", "operation": "RunInstances", "skip": 2, "times": 4 }));
    let ran = story.run("up --yes").exits(3);
    say(&ran.to_string());
    ran.says("trying a t3.micro in ca-central-1b")
        .says("could not be reached");
    let made = story.cloud.instances(story.line);
    assert_eq!(made.len(), 1, "{made:?}");
    // The first choice has room again by now.
    story.cloud.set(&json!({ "no_capacity": "" }));
    story.run("up --yes").exits(0);
    let kept = story.cloud.instances(story.line);
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(kept[0]["instance"], made[0]["instance"]);
    story.run("plan").exits(0);
}
