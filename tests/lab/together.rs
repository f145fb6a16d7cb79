//! Several commands at once on one line: one line comes of it, nothing is doubled, and who has to wait is told.

use std::time::Duration;

use super::story::{Story, say};
use super::support::{Lab, SECRET};

const REGION: &str = "us-west-2";
const SLOW: Duration = Duration::from_mins(12);

/// Another operator of the same line, with a home and an SSH key of their own.
fn another(story: &Story, profile_text: &str) -> Lab {
    let mut lab = Lab::at(&story.cloud.url())
        .with_secret(story.line, SECRET)
        .with("NO_PROXY", "*")
        .without("DSLINE_GATEWAY");
    for name in ["DSLINE_GATEWAY", "DEEPSEEK_API_KEY"] {
        if let Some(value) = super::support::variable(name) {
            lab = lab.with(name, &value);
        }
    }
    lab.with_profile(profile_text).with_key_pair()
}

fn is_single(story: &Story) {
    assert_eq!(story.cloud.instances(story.line).len(), 1);
    let checks = story.cloud.checks();
    let reference = format!("<CallerReference>dsline/{}/", story.line);
    assert!(checks.matches(&reference).count() <= 1, "{checks}");
    let groups = story.cloud.ec2(REGION, "Action=DescribeSecurityGroups");
    let named = format!("<groupName>dsline-{}<", story.line);
    assert!(groups.matches(&named).count() == 1, "{groups}");
    story.run("plan").exits(0);
}

/// A line without a domain has no lock before it has a node, so these two really run beside each other.
#[test]
#[ignore = "long: tests/run.sh --full"]
fn two_first_ups_without_a_lock_make_one_line() {
    let story = Story::of("t-pair", REGION);
    let runs = [story.begin("up --yes"), story.begin("up --yes")];
    for run in runs {
        say(&run.ends(SLOW).exits(0).to_string());
    }
    is_single(&story);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn three_operators_bring_one_line_up() {
    let story = Story::of("t-three", REGION).with_domain(REGION);
    let text = std::fs::read_to_string(story.home().join("dsline.toml")).unwrap();
    let (second, third) = (another(&story, &text), another(&story, &text));
    let mut first = story.begin("up --yes");
    assert!(first.says("launch a", SLOW));
    let waiting = second.begin("up --yes --lock-wait 600");
    let refused = third.begin("up --yes --lock-wait 0").ends(SLOW).exits(4);
    say(&refused.to_string());
    refused.says("up").says("since").says("hint: ");
    say(&first.ends(SLOW).exits(0).to_string());
    // Its key is not on the node, which was made with the first one's.
    let waited = waiting.ends(SLOW);
    say(&waited.to_string());
    assert!([0, 3].contains(&waited.code), "{waited}");
    is_single(&story);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_teardown_waits_for_up_and_leaves_nothing() {
    let story = Story::of("t-against", REGION).with_domain(REGION);
    let mut up = story.begin("up --yes");
    assert!(up.says("launch a", SLOW));
    let refused = story.run("teardown --yes --lock-wait 0").exits(4);
    say(&refused.to_string());
    let down = story.begin("teardown --yes --lock-wait 600");
    up.ends(SLOW).exits(0);
    down.ends(SLOW).exits(0).says("nothing of the line is left");
    assert_eq!(story.cloud.instances(story.line).len(), 0);
}
