//! `dsline report` where only the loop's log can be read, and on times that are none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use insta::assert_snapshot;

use super::offline;
use super::support::KEY;

const LOG: &str = ".local/state/dsline/home.decisions.jsonl";

fn tick(time: &str, ending: &str, why: &str) -> String {
    format!(
        r#"{{"at": "2026-11-23T{time}Z", "line": "home", "ending": "{ending}", "why": "{why}", "steps": [], "notes": [], "decisions": []}}"#
    )
}

#[test]
fn the_loops_log_is_told_though_no_node_can_be_asked() {
    let log = [
        tick("05:59:00", "held", "before its time"),
        tick("06:00:00", "nothing", "nothing"),
        tick("06:01:00", "held", "us-east-1 does not answer"),
        tick("06:02:00", "held", "us-east-1 does not answer"),
        tick("06:03:00", "failed", &format!("refused {KEY}")),
        "cut sho".to_owned(),
    ];
    let lab = offline().with_file(LOG, log.join("\n").as_bytes());
    let span = "report --since 2026-11-23T06:00:00Z --until 2026-11-23T07:00:00Z";
    // Both look long for the account.
    let (ran, document) = thread::scope(|scope| {
        let document = scope.spawn(|| lab.run(&format!("{span} --json")));
        (lab.run(span), document.join().unwrap())
    });
    let ran = ran.exits(3);
    let (_, timeline) = ran.stdout.split_once("## Timeline\n\n").unwrap();
    let (timeline, _) = timeline.split_once("\n\n##").unwrap();
    assert_snapshot!(timeline, @"
    | time | where | who tells it | what happened |
    |---|---|---|---|
    | 2026-11-23T06:01:00Z | line home | loop | us-east-1 does not answer (2 ticks in a row) |
    | 2026-11-23T06:03:00Z | line home | loop | refused [hidden] |
    ");
    ran.says("| sources not read | 2 |")
        .says("| the line's nodes, their releases and trails | us-east-1: ec2:Describe");
    let found = document.exits(3).json();
    assert_eq!(found["summary"]["changes"], 1);
    assert_eq!(found["summary"]["error_share"], serde_json::Value::Null);
    assert_eq!(found["timeline"][0]["word"], "held");
}

#[test]
fn the_file_is_its_owners_only() {
    let lab = offline();
    let ran = lab.run("report --since 1h --out report.md").exits(3);
    ran.says("wrote ");
    let path = lab.home().join("report.md");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(path).unwrap();
    assert!(text.starts_with("# Line `home` from "), "{text}");
    assert!(text.contains("no `dsline reconcile` has written"), "{text}");
}

#[test]
fn a_time_that_is_none_is_refused() {
    let lab = offline();
    lab.run("report").exits(64);
    lab.run("report --since yesterday")
        .exits(1)
        .says("--since: `yesterday` is no time");
    lab.run("report --since 1h --until never")
        .exits(1)
        .says("--until: `never` is no time");
    lab.run("report --since 1h --until 2h")
        .exits(1)
        .says("there is no time between");
}
