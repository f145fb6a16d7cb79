//! Ctrl-C, SIGTERM, a closed terminal and a reader that goes away, at moments when nothing has booted yet.

use std::time::Duration;

use serde_json::json;

use super::story::{Story, pause, wait_until};

const REGION: &str = "us-west-2";
const SOON: Duration = Duration::from_mins(2);
/// Seconds that a call takes which is given up before it ends.
const LONG: u32 = 60;
/// A run that gives such a call up ends well before it.
const AT_ONCE: Duration = Duration::from_secs(40);

/// Lets one call of EC2 take its time.
fn slow(story: &Story, operation: &str, seconds: u32) {
    story.cloud.fault(&json!({
        "action": "delay", "service": "ec2", "region": REGION, "operation": operation, "seconds": seconds,
    }));
}

/// A line of which nothing but the security group is there.
fn with_group(line: &'static str) -> Story {
    let story = Story::of(line, REGION);
    story.cloud.create_group(REGION, line, "0123456789abcdef");
    story
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn before_anything_is_changed_a_signal_just_ends() {
    let story = with_group("t-early");
    slow(&story, "DescribeInstances", LONG);
    for (words, signal) in [("up --yes", "INT"), ("teardown --yes --force", "TERM")] {
        story.cloud.forget_calls();
        let run = story.begin(words);
        wait_until("the call is under way", SOON, || {
            let calls = story.cloud.calls();
            let is_it = |call: &serde_json::Value| {
                call["operation"] == "DescribeInstances" && call["region"] == REGION
            };
            calls.iter().any(is_it)
        });
        run.signal(signal);
        let ran = run.ends(SOON).exits(130);
        assert!(ran.took < Duration::from_secs(LONG.into()), "{ran}");
        ran.says("error: stopped before anything was changed");
    }
    story.cloud.mend();
    story
        .run("teardown --force")
        .exits(2)
        .says("delete security group");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn the_first_signal_finishes_what_is_in_flight() {
    for signal in ["INT", "TERM", "HUP"] {
        let story = Story::of("t-first", REGION);
        slow(&story, "CreateSecurityGroup", 2);
        let mut run = story.begin("up --yes");
        assert!(run.says("create the security group", SOON));
        run.signal(signal);
        run.ends(SOON)
            .exits(3)
            .says("create the security group: stopping after this; once more (Ctrl-C or SIGTERM) gives it up")
            .says("done us-west-2: create the security group")
            .says("skipped us-west-2: set ingress rules (5 to add, 0 to remove): stopped before its turn")
            .says("stopped: 1 of 5 steps are done, 0 failed, 0 were given up, 4 were not begun; run the same command again to go on");
        story.cloud.mend();
        let plan = story.run("plan").exits(2).says("set ingress rules");
        assert!(!plan.has("create the security group"), "{plan}");
        story
            .run("teardown --yes")
            .exits(0)
            .says("nothing of the line is left");
    }
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn the_second_signal_stops_at_once_and_names_what_was_given_up() {
    let story = Story::of("t-second", REGION);
    slow(&story, "AuthorizeSecurityGroupIngress", LONG);
    let mut run = story.begin("up --yes --json");
    assert!(run.says("set ingress rules", SOON));
    run.signal("INT");
    assert!(run.says("stopping after this", SOON));
    run.signal("TERM");
    let ran = run.ends(AT_ONCE).exits(3);
    let document = ran.json();
    assert_eq!(
        (&document["stopped"], &document["complete"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(document["endings"][1]["ending"], "given up");
    assert_eq!(document["endings"][2]["ending"], "skipped");
    ran.says("given up us-west-2: set ingress rules")
        .says("1 of 5 steps are done, 0 failed, 1 were given up, 3 were not begun");
    story.cloud.mend();
    story.run("plan").exits(2).says("launch a t3.micro");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_closed_terminal_never_counts_as_the_second_signal() {
    let story = Story::of("t-hangup", REGION);
    slow(&story, "CreateSecurityGroup", 2);
    let mut run = story.begin("up --yes");
    assert!(run.says("create the security group", SOON));
    run.signal("HUP");
    assert!(run.says("stopping after this", SOON));
    run.signal("HUP");
    run.ends(SOON)
        .exits(3)
        .says("done us-west-2: create the security group");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_teardown_finishes_its_step_and_still_looks_again() {
    let story = with_group("t-down");
    slow(&story, "DeleteSecurityGroup", 2);
    let mut run = story.begin("teardown --yes --force");
    assert!(run.says("delete security group", SOON));
    run.signal("INT");
    run.ends(SOON)
        .exits(0)
        .says("stopping after this")
        .says("nothing of the line is left");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_teardown_that_is_stopped_twice_calls_nothing_clean() {
    let story = with_group("t-twice-down");
    slow(&story, "DeleteSecurityGroup", LONG);
    let mut run = story.begin("teardown --yes --force");
    assert!(run.says("delete security group", SOON));
    run.signal("INT");
    assert!(run.says("stopping after this", SOON));
    run.signal("INT");
    let ran = run.ends(AT_ONCE).exits(3);
    assert!(!ran.has("nothing of the line is left"), "{ran}");
    ran.says("given up us-west-2: delete security group")
        .says("what is left is not known");
    story.cloud.mend();
    story
        .run("teardown --yes --force")
        .exits(0)
        .says("nothing of the line is left");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn the_second_look_can_be_stopped_too() {
    let story = with_group("t-look");
    slow(&story, "DescribeVolumes", LONG);
    let mut run = story.begin("teardown --yes --force");
    assert!(run.says("done us-west-2: delete security group", SOON));
    run.signal("INT");
    let ran = run.ends(AT_ONCE).exits(3);
    assert!(!ran.has("nothing of the line is left"), "{ran}");
    ran.says("stopped before the second look had ended: what is left is not known; `dsline teardown` looks again");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn what_nohup_shields_from_goes_on() {
    let story = with_group("t-nohup");
    slow(&story, "DeleteSecurityGroup", 2);
    let mut run = story.begin_script("trap '' HUP; exec \"$DSLINE\" teardown --yes --force");
    assert!(run.says("delete security group", SOON));
    run.signal("HUP");
    let ran = run.ends(SOON).exits(0);
    assert!(!ran.has("stopping after this"), "{ran}");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_reader_that_goes_away_does_not_end_a_run() {
    let story = with_group("t-pipe");
    story
        .begin_script("\"$DSLINE\" plan --json 2>&1 | head -c 20")
        .ends(SOON)
        .exits(0);
    story
        .begin_script("\"$DSLINE\" teardown --yes --force 2>&1 | head -n 1")
        .ends(SOON)
        .exits(0);
    story
        .begin_script("\"$DSLINE\" teardown --yes --force 2>&- >&-")
        .ends(SOON)
        .exits(0);
    let groups = story.cloud.ec2(REGION, "Action=DescribeSecurityGroups");
    assert!(!groups.contains("dsline-t-pipe<"), "the pipe ended it");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn ctrl_c_at_the_question_changes_nothing() {
    let story = with_group("t-question");
    // `script` gives it a terminal, on which Ctrl-C is typed.
    let mut run = story.begin_script(
        "env --default-signal=INT script -qefc '\"$DSLINE\" teardown --force' /dev/null 1>&2",
    );
    assert!(run.says("1 step", SOON));
    pause();
    run.types(b"\x03");
    run.ends(SOON)
        .exits(130)
        .says("[y/N]")
        .says("stopped before anything was changed");
    story
        .run("teardown --force")
        .exits(2)
        .says("delete security group");
}
