//! Lines that live in a storm of AWS faults: whatever a run came to, the next one in good weather ends it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::story::{Story, say};
use super::support::variable;

const REGIONS: &str = "eu-north-1,ap-south-1";
/// What a step is made of: a fault of one of these outlasts the SDK's attempts in every run.
const OPERATIONS: [&str; 6] = [
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupIngress",
    "RunInstances",
    "DescribeInstances",
    "CreateHealthCheck",
    "ChangeResourceRecordSets",
];
const FAULTS: [&str; 3] = ["throttle", "lost", "reset"];
/// The SDK tries each call four times.
const OUTLASTING: u64 = 5;
/// A run in a storm still ends: no wait is longer than this.
const PATIENCE: Duration = Duration::from_mins(10);

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_line_comes_and_goes_in_a_storm() {
    weather(&[(4, 0.1), (9, 0.3)]);
}

/// `DSLINE_STORMS=17,42` repeats some of them.
#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_line_comes_and_goes_in_sixty_storms() {
    let named = variable("DSLINE_STORMS").map(|text| {
        let seeds = text
            .split(',')
            .map(|seed| seed.parse().expect("a seed is a number"));
        seeds.collect::<Vec<u64>>()
    });
    let seeds = named.unwrap_or_else(|| (0..60).collect());
    let strong = |seed| if seed < 30 { 0.1 } else { 0.3 };
    let storms: Vec<(u64, f64)> = seeds.into_iter().map(|seed| (seed, strong(seed))).collect();
    weather(&storms);
}

fn weather(seeds: &[(u64, f64)]) {
    let story = Story::of("t-storm", REGIONS).with_domain(REGIONS);
    let story = story.with_settings(&json!({ "node_kind": "slim" }));
    let others = story.loose();
    story.run("up --yes").exits(0);
    let expected = story.shape();
    story.run("teardown --yes").exits(0);
    let storms = Storms {
        story,
        expected,
        others,
    };
    storms.insist_on_nothing(0);
    for (seed, strength) in seeds {
        storms.weather(*seed, *strength);
    }
    say(&format!(
        "   {} of {} storms weathered",
        seeds.len(),
        seeds.len()
    ));
}

/// A line, what it is like in good weather, and what was in the account before it.
struct Storms {
    story: Story,
    expected: BTreeSet<String>,
    others: BTreeSet<String>,
}

impl Storms {
    fn weather(&self, seed: u64, strength: f64) {
        let story = &self.story;
        let begun = Instant::now();
        story.storm(seed, strength);
        let rough = story.run("up --yes");
        assert!(rough.took < PATIENCE, "seed {seed}: {rough}");
        story.tells_the_truth(&rough, seed);
        story.cloud.mend();
        let calm = story.run("up --yes");
        assert_eq!(calm.code, 0, "seed {seed}: after\n{rough}came\n{calm}");
        let plan = story.run("plan");
        assert_eq!(plan.code, 0, "seed {seed}: after\n{calm}came\n{plan}");
        assert_eq!(
            story.shape(),
            self.expected,
            "seed {seed}: after\n{rough}\n{calm}"
        );
        story.storm(seed + 1000, strength);
        let gone = story.run("teardown --yes");
        assert!(gone.took < PATIENCE, "seed {seed}: {gone}");
        if gone.code == 0 {
            self.insist_on_nothing(seed);
        }
        story.cloud.mend();
        let removed = story.run("teardown --yes");
        assert_eq!(removed.code, 0, "seed {seed}: after\n{gone}came\n{removed}");
        self.insist_on_nothing(seed);
        say(&format!(
            "   seed {seed} at {strength}: up {} in {:.0} s, teardown {} in {:.0} s, all {:.0} s",
            rough.code,
            rough.took.as_secs_f32(),
            gone.code,
            gone.took.as_secs_f32(),
            begun.elapsed().as_secs_f32()
        ));
    }

    /// Asks the account itself whether anything is left.
    fn insist_on_nothing(&self, seed: u64) {
        let mut left = self.story.shape();
        left.extend(self.story.zone_records().iter().map(Value::to_string));
        left.extend(self.story.loose().difference(&self.others).cloned());
        assert!(left.is_empty(), "seed {seed}: {left:?}");
    }
}

impl Story {
    fn storm(&self, seed: u64, strength: f64) {
        let pick = |among: &[&'static str], by: u64| {
            among[usize::try_from(seed / by).unwrap() % among.len()]
        };
        self.cloud.fault(&json!({
            "action": pick(&FAULTS, 6),
            "operation": pick(&OPERATIONS, 1),
            "skip": seed % 3,
            "times": OUTLASTING,
        }));
        self.cloud
            .fault(&json!({ "action": "storm", "probability": strength, "seed": seed }));
    }

    /// What a run claims to be done is done, and what it does not claim it gives a reason for.
    fn tells_the_truth(&self, ran: &super::support::Ran, seed: u64) {
        let instances = self.alive().len();
        match ran.code {
            0 => assert_eq!(instances, 2, "seed {seed}: {ran}"),
            1 => assert!(ran.has("error: ") && instances == 0, "seed {seed}: {ran}"),
            3 => assert!(
                ran.has("FAILED") || ran.has("not looked at") || ran.has("! "),
                "seed {seed}: {ran}"
            ),
            _ => panic!("seed {seed}: {ran}"),
        }
        let claimed = ran.stderr.matches(": launch a ").count();
        let done = ran
            .stderr
            .lines()
            .filter(|line| line.starts_with("done ") && line.contains(": launch a "))
            .count();
        assert!(done <= instances && done <= claimed, "seed {seed}: {ran}");
    }

    fn alive(&self) -> Vec<Value> {
        let gone = |one: &Value| one["state"] == "terminated" || one["state"] == "shutting-down";
        let mut all = self.cloud.instances(self.line);
        all.retain(|one| !gone(one));
        all
    }

    /// The line in the account, with its addresses replaced by the nodes that have them.
    fn shape(&self) -> BTreeSet<String> {
        let account = self.cloud.account();
        let mut shape = BTreeSet::new();
        let mut add = |text: String| assert!(shape.insert(text.clone()), "twice: {text}");
        let mut places: Vec<(String, String)> = Vec::new();
        for one in self.alive() {
            let node = format!("{}/{}", text(&one, "region"), text(&one, "slot"));
            places.push((text(&one, "address"), node.clone()));
            add(format!(
                "{node} {} {}",
                text(&one, "type"),
                text(&one, "state")
            ));
        }
        let named = |address: &str| {
            let found = places.iter().find(|(known, _)| known == address);
            found.map_or_else(|| address.to_owned(), |(_, node)| node.clone())
        };
        for group in list(&account, "groups") {
            if text(&group, "name") == format!("dsline-{}", self.line) {
                add(format!(
                    "group {} {}",
                    text(&group, "region"),
                    group["rules"]
                ));
            }
        }
        let mut checks = Vec::new();
        for check in list(&account, "checks") {
            if text(&check, "reference").starts_with(&format!("dsline/{}/", self.line)) {
                let node = named(&text(&check, "address"));
                checks.push((text(&check, "id"), format!("check of {node}")));
                add(format!("check of {node}"));
            }
        }
        for record in self.zone_records() {
            // The lock's own record tells who held it last.
            if record["Type"] != "TXT" {
                let mut shown = record.to_string();
                for (id, check) in &checks {
                    shown = shown.replace(id, check);
                }
                for (address, node) in &places {
                    shown = shown.replace(&format!("\"{address}\""), node);
                }
                add(format!("record {shown}"));
            }
        }
        shape
    }

    /// The records of the line's own zone.
    fn zone_records(&self) -> Vec<Value> {
        let mut records = list(&self.cloud.account(), "records");
        records.retain(|one| text(one, "zone").starts_with(self.line));
        records
    }

    /// Whatever is in the account and bears no line's name.
    fn loose(&self) -> BTreeSet<String> {
        let account = self.cloud.account();
        let kinds = ["volumes", "key_pairs", "elastic_addresses"];
        let found = kinds.iter().flat_map(|kind| list(&account, kind));
        found.map(|one| text(&one, "id")).collect()
    }
}

fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_default().to_owned()
}

fn list(account: &Value, kind: &str) -> Vec<Value> {
    account[kind].as_array().expect("a list").clone()
}
