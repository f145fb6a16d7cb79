//! EC2 has no room for an instance: it is launched elsewhere, or what was tried is told.

use insta::assert_snapshot;
use serde_json::json;

use super::story::{Story, say};

const REGION: &str = "ca-central-1";

impl Story {
    /// How many calls of an operation there were since calls were forgotten.
    fn calls_of(&self, operation: &str) -> usize {
        let calls = self.cloud.calls();
        calls
            .iter()
            .filter(|call| call["operation"] == operation)
            .count()
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
fn a_full_zone_and_a_full_type_are_got_around() {
    let full = json!({ "node_kind": "slim", "no_capacity": "t3.micro,t3.small" });
    let story = Story::of("t-room", REGION).with_settings(&full);
    story.cloud.forget_calls();
    assert_snapshot!(story.run("up --yes --quiet").shown(), @"");
    // Every way once: the SDK would have asked four times for each.
    assert_eq!(story.calls_of("RunInstances"), 8);
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
fn an_instance_made_elsewhere_whose_answer_was_lost_is_found_again() {
    let full = json!({ "node_kind": "slim", "no_capacity": "ca-central-1a" });
    let story = Story::of("t-lost", REGION).with_settings(&full);
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
