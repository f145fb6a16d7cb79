//! A line that had a bad time, told in one file; and what the file says of a node that nobody can reach.

use std::time::Duration;

use serde_json::Value;

use super::http::exchange;
use super::story::{Story, say, upstream, wait_until};
use super::support::{KEY, SECRET};

const REGIONS: &str = "us-east-1,eu-west-1";
const NODE: &str = "us-east-1/1";
const OTHER: &str = "eu-west-1/1";
/// Long enough for a first boot with everything before it.
const SPAN: &str = "report --since 1h";

fn count(found: &Value, kind: &str, word: &str) -> usize {
    let events = found["timeline"].as_array().unwrap();
    let alike = events
        .iter()
        .filter(|one| one["kind"] == kind && one["word"] == word);
    alike.count()
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_bad_hour_is_told_with_what_could_not_be_read() {
    let story = Story::of("t-report", REGIONS).with_domain(REGIONS);
    story.run("up --yes").exits(0);
    let address = story.addresses()[NODE].clone();
    for _ in 0..3 {
        story.chat(&address);
    }
    let set = |knobs: &str| {
        let (status, told) = exchange(&upstream(), "POST /_lab/knobs", &[], knobs);
        assert!(status < 300, "{status} {told}");
    };
    set(r#"{"error_rate": 1, "error_status": 500}"#);
    let broken = story.many_questions(5, true);
    set(r#"{"error_rate": 0, "error_status": 503}"#);
    say(&broken);
    // A push of what is there already is none.
    let path = story.home().join("dsline.toml");
    let text = std::fs::read_to_string(&path).unwrap() + "\n[quota]\nrequests_per_minute = 900\n";
    std::fs::write(&path, text).unwrap();
    story.run("push --yes --why mended").exits(0);
    // What the loop makes of it is told elsewhere; here it only has to be quoted.
    story.run("reconcile --once");
    let mut found = Value::Null;
    wait_until("the trail has all", Duration::from_secs(30), || {
        found = story.run(&format!("{SPAN} --json")).exits(0).json();
        found["summary"]["requests"].as_u64() >= Some(8)
    });
    assert!(found["summary"]["errors"].as_u64() > Some(0), "{found:#}");
    assert!(found["summary"]["starts"].as_u64() >= Some(2), "{found:#}");
    assert!(count(&found, "release", "healthy") >= 2, "{found:#}");
    assert_eq!(found["summary"]["worst"]["node"], NODE);
    assert_eq!(found["now"].as_array().unwrap().len(), 2);
    assert_eq!(found["not_read"], serde_json::json!([]));
    let text = story.run(SPAN).exits(0).stdout;
    say(&text);
    for part in [
        "## Timeline",
        "(mended)",
        "status=5",
        "Everything was read.",
    ] {
        assert!(text.contains(part), "`{part}` is missing in\n{text}");
    }
    for hidden in [KEY, SECRET, "Who answers?", "Bearer"] {
        assert!(!text.contains(hidden), "`{hidden}` is in\n{text}");
    }
    let other = format!("{}/{OTHER}", story.line);
    story.cloud.act(&other, "cut");
    let text = story.run(SPAN).exits(3).stdout;
    say(&text);
    story.cloud.act(&other, "mend");
    assert!(text.contains(&format!("releases, state and trail of {OTHER}")));
    assert!(text.contains(&format!("| {NODE} |")));
}
