//! Regions taken out of service and lost, under fifty requests a second: who notices what, and how long it takes.
//!
//! The lab's checkers run ten times as fast as Route 53's and the TTL is a tenth, so what waits for them is given times ten.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::story::{Story, profile, say, wait_until};
use super::traffic::{Traffic, failures};

const REGIONS: &str = "us-east-1,ap-southeast-1,eu-west-1";
const REGION: &str = "eu-west-1";
/// The lab's clock.
const FACTOR: f64 = 10.0;
/// A tenth of the usual 60 seconds.
const TTL: Duration = Duration::from_secs(6);
/// Three failures, 30 seconds apart, and the time of a probe that gets no answer.
const DETECTION: f64 = 3.0 * 30.0 + 10.0;
/// What is told of it while it is out of service.
const OUT: &str =
    "eu-west-1 was taken out of service (1 of 1 nodes drained, 1 of 1 health checks held down)";
/// Checkers need some rounds, and a node its boot.
const HEALTH: Duration = Duration::from_mins(3);

/// The line, up and healthy, with limits that no user of these stories meets.
fn line(name: &'static str, regions: &str, rest: &str) -> Story {
    let story = with_profile(Story::of(name, regions).with_domain(regions), regions, rest);
    say(&story.run("up --yes").exits(0).to_string());
    is_healthy(&story);
    story
}

fn with_profile(story: Story, regions: &str, rest: &str) -> Story {
    let line = story.line;
    let dns = format!(
        "[dns]\nhost = \"llm.{line}.test\"\nresolver = \"{}\"\nttl = {}\n{rest}\n\n\
         [quota]\nrequests_per_minute = 0\naddress_requests_per_minute = 0\n\n\
         [nginx]\nrequests_per_second = 1000\nburst = 1000\n",
        super::story::name_server(),
        TTL.as_secs()
    );
    story.with(|lab| lab.with_profile(&profile(line, regions, &dns)))
}

pub(crate) fn is_healthy(story: &Story) {
    wait_until("status finds everything healthy", HEALTH, || {
        story.run("status").code == 0
    });
}

/// A drill with users; returns what it reports and what failed, by seconds since its beginning.
fn drill(story: &Story, words: &str) -> (Value, Vec<(f32, String)>) {
    let traffic = Traffic::begin(story, TTL);
    super::story::sleep(Duration::from_secs(2));
    let begun = Instant::now();
    let ran = story.run(&format!("failover {REGION} --drill --json {words}"));
    let requests = traffic.end();
    say(&ran.to_string());
    let report = ran.exits(0).json();
    (report, failures(&requests, begun))
}

/// Seconds until DNS had moved, in the first move.
fn moved(report: &Value) -> f64 {
    report["moves"][0]["dns"]["seconds"]
        .as_f64()
        .expect("DNS moved")
}

/// Planned, with Route 53 at hand: the health checks are held down at once, so nothing of it waits for checkers.
fn planned(story: &Story) -> f64 {
    let (report, failed) = drill(story, "");
    assert_eq!(failed, [], "a planned move is not felt");
    let seconds = moved(&report);
    assert!(seconds <= 10.0, "{seconds} s");
    assert_eq!(report["moves"][0]["checks"], 1);
    seconds
}

/// Planned, with every call of AWS refused: the nodes' own drain alone.
fn without_aws(story: &Story) -> f64 {
    story.cloud.fault(
        &json!({ "action": "error", "code": "ServiceUnavailable", "status": 503, "message": "no" }),
    );
    let (report, failed) = drill(story, "");
    story.cloud.mend();
    assert_eq!(failed, [], "a planned move is not felt");
    assert_eq!(report["moves"][0]["checks"], 0);
    let seconds = moved(&report) * FACTOR;
    assert!(seconds <= DETECTION, "{seconds} s");
    seconds
}

/// The power goes: requests fail until checkers have noticed and resolvers have forgotten.
fn crash(story: &Story) -> f64 {
    let (report, failed) = drill(story, "--crash --yes");
    // The machine falls silent some time after EC2 is asked to switch it off.
    let at = || failed.iter().map(|(at, _)| f64::from(*at));
    let window = (at().fold(0.0, f64::max) - at().fold(f64::INFINITY, f64::min)) * FACTOR;
    say(&format!(
        "   {} requests failed within {window:.0} s (unscaled)",
        failed.len()
    ));
    let allowed = DETECTION + TTL.as_secs_f64() * FACTOR;
    assert!(window <= allowed, "they failed for {window} s: {failed:?}");
    let seconds = moved(&report) * FACTOR;
    // Until EC2 has switched the machine off, it answers; a second of this machine's is ten of the lab's.
    assert!(seconds <= DETECTION + 20.0, "{seconds} s");
    is_healthy(story);
    seconds
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_region_is_taken_out_and_lost_and_users_are_led_away() {
    let story = line("t-failover", REGIONS, "");
    let figures = [planned(&story), without_aws(&story), crash(&story)];
    say(&format!(
        "   moved after: planned {:.1} s, AWS refusing {:.0} s, crashed {:.0} s (unscaled)",
        figures[0], figures[1], figures[2]
    ));
    stays_out_until_it_is_put_back(&story);
}

fn stays_out_until_it_is_put_back(story: &Story) {
    is_taken_out(story);
    // Its node's proxy is down: it is not put back.
    story.on_nodes(REGION, "systemctl stop nginx");
    let refused = story.run(&format!("failover {REGION} --restore")).exits(5);
    say(&refused.to_string());
    refused.says("is not put back");
    story.on_nodes(REGION, "systemctl start nginx");
    story.run("status").exits(3).says(OUT);
    is_put_back(story);
    let refused = story
        .run(&format!("failover {REGION} --to ap-southeast-1"))
        .exits(5);
    refused.says("us-east-1 would take over");
}

/// A region is taken out of service; what others say and do about it.
pub(crate) fn is_taken_out(story: &Story) {
    let ran = story.run(&format!("failover {REGION}")).exits(0);
    say(&ran.to_string());
    story.run("status").exits(3).says(OUT).says("draining");
    story
        .run("up --yes")
        .exits(0)
        .says(OUT)
        .says("nothing to do");
    assert_ne!(
        story.ask("europe"),
        [story.addresses()["eu-west-1/1"].as_str()]
    );
}

/// The region is put back into service, and is well.
pub(crate) fn is_put_back(story: &Story) {
    let ran = story.run(&format!("failover {REGION} --restore")).exits(0);
    say(&ran.to_string());
    is_healthy(story);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn drills_five_times_each() {
    let story = line("t-drills", REGIONS, "");
    for (name, play) in [
        ("planned", planned as fn(&Story) -> f64),
        ("AWS refusing", without_aws),
        ("crashed", crash),
    ] {
        let figures: Vec<String> = (0..5)
            .map(|_| {
                is_healthy(&story);
                format!("{:.1}", play(&story))
            })
            .collect();
        say(&format!(
            "   {name}: moved after {} s (unscaled)",
            figures.join(", ")
        ));
    }
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn with_any_two_of_three_regions_down_everybody_is_served() {
    let story = line("t-two-down", REGIONS, "");
    let regions: Vec<&str> = REGIONS.split(',').collect();
    for left in &regions {
        let down: Vec<&&str> = regions.iter().filter(|region| *region != left).collect();
        for region in &down {
            story
                .cloud
                .act(&format!("{}/{region}/1", story.line), "off");
        }
        let address = story.addresses()[&format!("{left}/1")].clone();
        for place in ["europe", "asia", "america", "africa"] {
            wait_until(&format!("{place} is sent to {left}"), HEALTH, || {
                story.ask(place) == [address.as_str()]
            });
        }
        let (node, _) = story.chat(&address);
        assert_eq!(node, format!("{left}/1"));
        let refused = story.run(&format!("failover {left}")).exits(5);
        refused.says("no other region has a healthy node");
        for region in &down {
            story.cloud.act(&format!("{}/{region}/1", story.line), "on");
        }
        is_healthy(&story);
    }
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_line_changes_its_shape_and_nobody_notices() {
    let two = "us-east-1,eu-west-1";
    let mut story = line("t-shape", two, "");
    for (what, regions, rest, words, says) in [
        (
            "another map",
            two,
            "places = { SA = \"eu-west-1\" }",
            "up --yes",
            "0 record sets to create, 1 to change, 0 to delete",
        ),
        ("a third region", REGIONS, "", "up --yes", "launch a"),
        (
            "two nodes in each region",
            REGIONS,
            "\n[nodes]\nper_region = 2\n",
            "up --yes",
            "launch a",
        ),
        (
            "a region less",
            two,
            "\n[nodes]\nper_region = 2\n",
            "up --yes --force",
            "terminate",
        ),
    ] {
        story = with_profile(story, regions, rest);
        let traffic = Traffic::begin(&story, TTL);
        let begun = Instant::now();
        let plan = story.run(&words.replace("up --yes", "plan")).exits(2);
        say(&format!("== {what}\n{plan}"));
        let ran = story.run(words).exits(0);
        say(&ran.to_string());
        ran.says(says);
        is_healthy(&story);
        super::story::sleep(TTL + Duration::from_secs(2));
        let requests = traffic.end();
        assert_eq!(failures(&requests, begun), [], "{what}");
    }
}
