//! The life of a line: up from nothing, nothing to do, asked from three continents, drift mended, a region out of service and
//! back, a node lost and replaced, gone without a trace.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::disturbance::a_file_changed_by_hand_is_found_and_mended;
use super::failover::{is_healthy, is_put_back, is_taken_out};
use super::reconcile::one_tick_mends_drift;
use super::story::{Story, name_server, profile, say, wait_until};

const REGIONS: &str = "us-east-1,ap-southeast-1,eu-west-1";
/// Who lives where: a place that the lab knows, and the node that is its home.
const HOMES: [(&str, &str); 3] = [
    ("america", "us-east-1/1"),
    ("asia", "ap-southeast-1/1"),
    ("europe", "eu-west-1/1"),
];
/// Checkers need some rounds, which the lab makes ten times as fast as Route 53.
const CHECKERS: Duration = Duration::from_mins(3);

#[test]
fn a_line_lives() {
    let story = Story::of("t-life", REGIONS).with_domain(REGIONS);
    // As long as a region that is taken out waits for those who still know its address.
    let dns = format!(
        "[dns]\nhost = \"llm.t-life.test\"\nresolver = \"{}\"\nttl = 6\n",
        name_server()
    );
    let text = profile(story.line, REGIONS, &dns);
    let story = story.with(|lab| lab.with_profile(&text));
    comes_up(&story);
    has_nothing_to_do(&story);
    is_found_healthy(&story);
    answers_each_continent(&story);
    a_file_changed_by_hand_is_found_and_mended(&story);
    one_tick_mends_drift(&story);
    is_taken_out(&story);
    is_put_back(&story);
    loses_a_node_and_replaces_it(&story);
    goes_without_a_trace(&story);
}

fn comes_up(story: &Story) {
    story.cloud.forget_calls();
    let ran = story.run("up --yes").exits(0);
    say(&ran.to_string());
    // Two of Route 53's are the lock's, and one more for each third of its time to live (60 s) that this takes.
    let renewals = usize::try_from(ran.took.as_secs() / 20).unwrap_or_default();
    spares_calls(story, 15, 14 + renewals);
}

fn has_nothing_to_do(story: &Story) {
    let before = story.state_of_nodes(REGIONS);
    story.cloud.forget_calls();
    let ran = story.run("up --yes").exits(0);
    say(&ran.to_string());
    spares_calls(story, 5, 6);
    ran.says("nothing to do");
    let after = story.state_of_nodes(REGIONS);
    for (node, state) in &before {
        assert!(
            state.contains("/var/lib/dsline/current")
                && state.contains("ActiveEnterTimestampMonotonic="),
            "{node}: {state}"
        );
        assert_eq!(state, &after[node], "something on {node} was touched");
    }
}

/// Insists on few calls of EC2 in each region, and of Route 53.
fn spares_calls(story: &Story, of_region: usize, of_route53: usize) {
    let counts: BTreeMap<String, usize> = story.call_counts();
    say(&format!("   calls, polls and retries left out: {counts:?}"));
    for (service, count) in counts {
        let limit = if service == "route53" {
            of_route53
        } else {
            of_region
        };
        assert!(
            count <= limit,
            "{service}: {count} calls, {limit} are allowed"
        );
    }
}

fn is_found_healthy(story: &Story) {
    is_healthy(story);
    let status = story.run("status --json").exits(0).json();
    assert_eq!(status["healthy"], true);
    assert_eq!(status["pending"], 0);
    let nodes = status["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 3);
    for node in nodes {
        assert_eq!(
            (&node["health"], &node["state"], &node["checkers"]),
            (&"healthy".into(), &"running".into(), &true.into())
        );
        assert_eq!(node["drift"].as_array().map(Vec::len), Some(0));
    }
    say(&story.run("status").to_string());
}

fn answers_each_continent(story: &Story) {
    let addresses = story.addresses();
    for (place, home) in HOMES {
        is_served_by(story, place, home);
        let (node, answer) = story.chat(&addresses[home]);
        say(&format!(
            "   {place} -> {} -> {node}: {answer}",
            addresses[home]
        ));
        assert!(
            node == home && !answer.is_empty(),
            "{place} was answered by {node}: {answer}"
        );
    }
    // Who has no node on the continent is served by the first region.
    is_served_by(story, "africa", "us-east-1/1");
}

fn is_served_by(story: &Story, place: &str, node: &str) {
    let address = story.addresses()[node].clone();
    wait_until(&format!("{place} is served by {node}"), CHECKERS, || {
        story.ask(place) == [address.as_str()]
    });
}

fn loses_a_node_and_replaces_it(story: &Story) {
    let lost = story.addresses()["ap-southeast-1/1"].clone();
    story
        .cloud
        .act(&format!("{}/ap-southeast-1/1", story.line), "off");
    wait_until("DNS answers Asia with another node", CHECKERS, || {
        let answer = story.ask("asia");
        !answer.is_empty() && !answer.contains(&lost)
    });
    let ran = story.run("status").exits(3);
    say(&ran.to_string());
    ran.says("EC2 says it is stopp");
    let ran = story.run("up --yes").exits(0);
    say(&ran.to_string());
    ran.says("launch a t3.micro (generation 2)");
    assert_ne!(story.addresses()["ap-southeast-1/1"], lost);
    is_nowhere(story, &lost);
    is_healthy(story);
    is_served_by(story, "asia", "ap-southeast-1/1");
    story.run("up --yes").exits(0).says("nothing to do");
}

/// An address that is given up must be left by everything: soon it is somebody else's.
pub(crate) fn is_nowhere(story: &Story, address: &str) {
    let value = format!(">{address}<");
    assert!(
        !story.cloud.records(story.zone()).contains(&value),
        "{address} is still in the records"
    );
    assert!(
        !story.cloud.checks().contains(&value),
        "{address} is still checked"
    );
    let instances = story.cloud.instances(story.line);
    assert!(
        instances.iter().all(|one| one["address"] != address),
        "{address} is still an instance's: {instances:?}"
    );
    for place in ["asia", "europe", "america", "africa"] {
        assert!(
            !story.ask(place).iter().any(|answer| answer == address),
            "{place} is still sent to {address}"
        );
    }
}

fn goes_without_a_trace(story: &Story) {
    let addresses = story.addresses();
    let ran = story.run("teardown --yes --json").exits(0);
    say(&ran.to_string());
    let document = ran.json();
    assert_eq!(document["clean"], true);
    assert_eq!(document["receipt"]["leftovers"], json!([]));
    assert_eq!(document["receipt"]["not_looked_at"], json!([]));
    for address in addresses.values() {
        is_nowhere(story, address);
    }
    assert!(
        !story
            .cloud
            .records(story.zone())
            .contains(&format!("dsline/{}/", story.line))
    );
    assert!(
        !story
            .cloud
            .checks()
            .contains(&format!("dsline/{}/", story.line))
    );
    assert_eq!(story.cloud.instances(story.line).len(), 0);
    for region in REGIONS.split(',') {
        let groups = story.cloud.ec2(region, "Action=DescribeSecurityGroups");
        assert!(
            !groups.contains(&format!("dsline-{}<", story.line)),
            "{region} still has the security group"
        );
    }
    story.run("status").exits(3).says("missing");
    story
        .run("teardown --yes")
        .exits(0)
        .says("nothing of the line is left");
}
