//! Signals at every step of a whole life: first `up`, a changing one, `teardown`; each time the next run goes on.

use std::time::Duration;

use serde_json::json;

use super::story::{Story, say};
use super::support::Ran;

const BEFORE: &str = "eu-central-1";
const AFTER: &str = "ap-northeast-1";
const SLOW: Duration = Duration::from_mins(10);

/// Beginnings of steps' titles, in the order in which a first `up` comes to them.
const MAKING: [&str; 7] = [
    "create the security group",
    "set ingress rules",
    "launch a",
    "finish first boot",
    "push files",
    "create the health check",
    "point the records",
];
/// Those that a move to another region adds.
const MOVING: [&str; 4] = [
    "launch a",
    "change the records",
    "terminate",
    "delete health check",
];
const REMOVING: [&str; 4] = [
    "remove the line's records",
    "delete health check",
    "terminate",
    "delete security group",
];

/// How somebody stops a run.
#[derive(Clone, Copy, Debug)]
struct Way {
    line: &'static str,
    signals: &'static [&'static str],
}

/// Calls that are slow enough for a signal to find them in flight.
const CALLS: [(&str, &str); 8] = [
    ("ec2", "CreateSecurityGroup"),
    ("ec2", "AuthorizeSecurityGroupIngress"),
    ("ec2", "RunInstances"),
    ("ec2", "TerminateInstances"),
    ("ec2", "DeleteSecurityGroup"),
    ("route53", "CreateHealthCheck"),
    ("route53", "DeleteHealthCheck"),
    ("route53", "ChangeResourceRecordSets"),
];

/// Stops run after run, each at the first step that none before was stopped at; returns how many steps were met.
fn stop_at_each(story: &Story, words: &str, titles: &[&str], way: Way) -> usize {
    let mut left = titles;
    let mut met = 0;
    while !left.is_empty() {
        let mut run = story.begin(words);
        let Some(which) = run.says_one_of(left, SLOW) else {
            say(&format!(
                "   {words}: none of {left:?} was to be done any more"
            ));
            run.ends(SLOW);
            break;
        };
        let title = left[which];
        left = &left[which + 1..];
        for (count, signal) in way.signals.iter().enumerate() {
            if count > 0 && !run.says("stopping after this", SLOW) {
                break;
            }
            run.signal(signal);
        }
        let ran = run.ends(SLOW);
        say(&format!(
            "   {words} stopped by {:?} at `{title}`: exit code {} after {:.1} s",
            way.signals,
            ran.code,
            ran.took.as_secs_f32()
        ));
        insist_on_report(&ran);
        met += 1;
    }
    met
}

/// A stopped run tells what it did, or it had only one step left and did it.
fn insist_on_report(ran: &Ran) {
    assert!([0, 3].contains(&ran.code), "{ran}");
    assert!(
        ran.code == 0 || ran.has("stopped: ") || ran.has("left:"),
        "{ran}"
    );
}

fn is_swept(story: &Story) {
    let of_line = format!("dsline/{}/", story.line);
    assert!(!story.cloud.records(story.zone()).contains(&of_line));
    assert!(!story.cloud.checks().contains(&of_line));
    assert_eq!(story.cloud.instances(story.line).len(), 0);
    for region in [BEFORE, AFTER] {
        let groups = story.cloud.ec2(region, "Action=DescribeSecurityGroups");
        assert!(!groups.contains(&format!("dsline-{}<", story.line)));
    }
}

fn life_stopped(way: Way) {
    let story = Story::of(way.line, BEFORE).with_domain(BEFORE);
    for (service, operation) in CALLS {
        story.cloud.fault(&json!({
            "action": "delay", "service": service, "operation": operation, "seconds": 1.5,
        }));
    }
    let up = "up --yes --lock-wait 90";
    let mut met = stop_at_each(&story, up, &MAKING, way);
    story.run(up).exits(0);
    story.run("plan").exits(0);
    assert_eq!(story.addresses().len(), 1);
    let moved = format!("{up} --regions {AFTER}");
    met += stop_at_each(&story, &moved, &MOVING, way);
    story.run(&moved).exits(0);
    let addresses = story.addresses();
    assert_eq!(
        addresses.keys().map(String::as_str).collect::<Vec<_>>(),
        ["ap-northeast-1/1"]
    );
    met += stop_at_each(&story, "teardown --yes --lock-wait 90", &REMOVING, way);
    story
        .run("teardown --yes --lock-wait 90")
        .exits(0)
        .says("nothing of the line is left");
    is_swept(&story);
    say(&format!(
        "{met} of {} steps stopped by {:?}",
        MAKING.len() + MOVING.len() + REMOVING.len(),
        way.signals
    ));
    assert!(met > 10, "only {met} steps were met");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn ctrl_c_once_at_every_step() {
    life_stopped(Way {
        line: "t-once",
        signals: &["INT"],
    });
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn ctrl_c_twice_at_every_step() {
    life_stopped(Way {
        line: "t-twofold",
        signals: &["INT", "INT"],
    });
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn sigterm_once_at_every_step() {
    life_stopped(Way {
        line: "t-term",
        signals: &["TERM"],
    });
}
