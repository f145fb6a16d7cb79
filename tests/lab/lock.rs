//! The lock under fire: four operators want four different things at the same moment, and are killed at random.

use std::fs::File;
use std::ops::Range;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::story::{Story, name_server, pause, profile, say, wait_until};
use super::support::variable;

const REGION: &str = "us-east-1";
const OPERATORS: usize = 4;
/// Seconds of silence after which a lock is abandoned.
const TTL: f64 = 10.0;
/// A lock that is not taken over after twice its time is stuck; how long it really takes is shown.
const STUCK: f64 = 2.0 * TTL;
/// Calls that change something without the lock riding along.
const UNFENCED: [&str; 2] = [
    "AuthorizeSecurityGroupIngress",
    "RevokeSecurityGroupIngress",
];
const SWAP: &str = "ChangeResourceRecordSets";

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_lock_has_one_holder() {
    contend("t-lock", 0..3);
}

/// `DSLINE_LOCK_ROUNDS=26..50` plays some of them only.
#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_lock_has_one_holder_a_hundred_times() {
    let named = variable("DSLINE_LOCK_ROUNDS");
    let (from, to) = named
        .as_deref()
        .unwrap_or("0..100")
        .split_once("..")
        .unwrap();
    contend("t-lock100", from.parse().unwrap()..to.parse().unwrap());
}

fn contend(line: &'static str, rounds: Range<u64>) {
    let story = Story::of(line, REGION).with_domain(REGION);
    for who in 0..OPERATORS {
        let text = wish(&story, who);
        std::fs::write(story.home().join(format!("{who}.toml")), text).unwrap();
    }
    story.run("up --yes --profile 0.toml").exits(0);
    let mut sums = Sums::default();
    for round in rounds.clone() {
        let mut dice = Dice(round);
        // So that there is work which the account does not guard by itself.
        let port = 9000 + round;
        story.cloud.ec2(REGION, &format!("Action=AuthorizeSecurityGroupIngress&GroupName=dsline-{line}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort={port}&IpPermissions.1.ToPort={port}&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0"));
        story.cloud.forget_calls();
        let killed = play(&story, &mut dice);
        let calls = story.cloud.calls();
        sums.add(&calls, &killed, round);
        assert_eq!(story.cloud.instances(line).len(), 1, "round {round}");
    }
    say(&format!("   rounds {rounds:?} of {OPERATORS}: {sums:?}"));
    assert!(sums.changes > 0, "nobody did any work");
    let ran = story.run("up --yes --profile 1.toml").exits(0);
    say(&ran.to_string());
    story.run("plan --profile 1.toml").exits(0);
}

/// What one of them wants: another network let in, and another lifetime of the answers.
fn wish(story: &Story, who: usize) -> String {
    let rest = format!(
        "[dns]\nhost = \"llm.{}.test\"\nresolver = \"{}\"\nttl = {}\n\n[lock]\nttl_seconds = {TTL}\n",
        story.line,
        name_server(),
        60 + who
    );
    let text = profile(story.line, REGION, &rest);
    text.replace("allow = [", &format!("allow = [\"203.0.113.{who}/32\", "))
}

/// Lets all begin at once and kills some of them; tells who was killed.
fn play(story: &Story, dice: &mut Dice) -> Vec<String> {
    let mut running: Vec<(String, Child, Duration)> = (0..OPERATORS)
        .map(|who| {
            let name = format!("operator{who}");
            let file = format!("{who}.toml");
            let words = ["up", "--yes", "--lock-wait", "240", "--profile", &file];
            let log = File::create(story.home().join(format!("{name}.log"))).unwrap();
            let mut command = story.command(&words);
            command
                .env("AWS_SDK_UA_APP_ID", &name)
                .stdout(Stdio::null())
                .stderr(log);
            // Every second one lives; who dies does so at any moment of what a whole change takes.
            let death = match dice.roll(2) {
                0 => Duration::MAX,
                _ => Duration::from_millis(dice.roll(6000)),
            };
            (name, command.spawn().unwrap(), death)
        })
        .collect();
    let begun = Instant::now();
    let mut killed = Vec::new();
    while !running.is_empty() {
        assert!(begun.elapsed().as_secs() < 240, "a round does not end");
        running.retain_mut(|(name, child, death)| {
            if let Some(status) = child.try_wait().unwrap() {
                let log = story.home().join(format!("{name}.log"));
                assert!(
                    status.success() || killed.contains(name),
                    "{name}: {status}: {}",
                    std::fs::read_to_string(log).unwrap()
                );
                return false;
            }
            if begun.elapsed() >= *death && !killed.contains(name) {
                child.kill().unwrap();
                killed.push(name.clone());
            }
            true
        });
        pause();
    }
    killed
}

/// What all rounds showed.
#[derive(Debug, Default)]
struct Sums {
    changes: usize,
    swaps: usize,
    handovers: usize,
    killed: usize,
    takeovers: usize,
    longest_takeover_seconds: f64,
}

impl Sums {
    /// Judges one round by what the account was asked: nobody who has not got the lock changes anything.
    fn add(&mut self, calls: &[Value], killed: &[String], round: u64) {
        let mut swaps: Vec<&Value> = calls.iter().filter(|call| is_done(call, SWAP)).collect();
        swaps.sort_by(|a, b| end_of(a).total_cmp(&end_of(b)));
        for call in calls.iter().filter(|call| is_unfenced(call)) {
            let before = |swap: &&&Value| end_of(swap) <= begin_of(call);
            let holder = swaps.iter().rfind(before).map(|swap| &swap["application"]);
            assert_eq!(
                holder,
                Some(&call["application"]),
                "round {round}: {call} without the lock"
            );
            self.changes += 1;
        }
        for pair in swaps.windows(2) {
            let [old, new] = pair else { continue };
            if old["application"] == new["application"] {
                continue;
            }
            self.handovers += 1;
            let silence = end_of(new) - end_of(old);
            let name = old["application"].as_str().unwrap_or_default();
            if killed.iter().any(|killed| killed == name) {
                assert!(
                    silence <= STUCK,
                    "round {round}: the lock was stuck for {silence} s"
                );
                self.takeovers += 1;
                self.longest_takeover_seconds = self.longest_takeover_seconds.max(silence);
            }
        }
        self.swaps += swaps.len();
        self.killed += killed.len();
    }
}

fn is_done(call: &Value, operation: &str) -> bool {
    call["operation"] == operation && call["status"] == json!(200)
}

fn is_unfenced(call: &Value) -> bool {
    UNFENCED.iter().any(|operation| is_done(call, operation))
}

fn begin_of(call: &Value) -> f64 {
    call["time"].as_f64().unwrap()
}

fn end_of(call: &Value) -> f64 {
    begin_of(call) + call["seconds"].as_f64().unwrap_or_default()
}

/// Random enough, and the same each time (Steele, Lea, Flood: `SplitMix64`).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % sides
    }
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn who_does_not_get_the_lock_is_told_who_has_it() {
    let story = Story::of("t-locked", REGION).with_domain(REGION);
    let slow = json!({ "operation": "RunInstances", "action": "delay", "seconds": 8 });
    story.cloud.fault(&slow);
    let mut first = story.command(&["up", "--yes"]);
    first
        .env("USER", "annabelle")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut first = first.spawn().unwrap();
    wait_until("the first has the lock", Duration::from_secs(10), || {
        story
            .cloud
            .records(story.zone())
            .contains("dsline-lease-1 1 ")
    });
    let records = story.cloud.records(story.zone());
    assert!(
        !records.contains("annabelle"),
        "a public zone names nobody: {records}"
    );
    let refused = story.run("up --yes --lock-wait 0").exits(4);
    say(&refused.to_string());
    refused
        .says("error: the line is locked by annabelle@")
        .says("(`dsline up`, since ")
        .says("hint: wait until it has ended, or pass --lock-wait SECONDS");
    story
        .run("teardown --yes --lock-wait 0")
        .exits(4)
        .says("locked by annabelle@");
    story.run("plan").exits(2);
    story.cloud.mend();
    first.wait().unwrap();
    story.run("up --yes").exits(0).says("nothing to do");
}
