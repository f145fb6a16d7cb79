//! Lines that live in a storm of AWS faults: whatever a run came to, the next one in good weather ends it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::story::{Story, say};

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
fn a_line_comes_and_goes_in_a_storm() {
    weather(&[(4, 0.1), (9, 0.3)]);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_line_comes_and_goes_in_sixty_storms() {
    let seeds: Vec<(u64, f64)> = (0..60)
        .map(|seed| (seed, if seed < 30 { 0.1 } else { 0.3 }))
        .collect();
    weather(&seeds);
}

fn weather(seeds: &[(u64, f64)]) {
    let story = Story::of("t-storm", REGIONS).with_domain(REGIONS);
    let story = story.with_settings(&json!({ "node_kind": "slim" }));
    story.run("up --yes").exits(0);
    let expected = story.shape();
    story.run("teardown --yes").exits(0);
    assert_eq!(story.leftovers(), Vec::<String>::new());
    for (seed, strength) in seeds {
        story.weathers(*seed, *strength, &expected);
    }
    say(&format!(
        "   {} of {} storms weathered",
        seeds.len(),
        seeds.len()
    ));
}

impl Story {
    fn weathers(&self, seed: u64, strength: f64, expected: &BTreeSet<String>) {
        let begun = Instant::now();
        self.storm(seed, strength);
        let stormy = self.run("up --yes");
        assert!(stormy.took < PATIENCE, "seed {seed}: {stormy}");
        self.tells_the_truth(&stormy, seed);
        self.cloud.mend();
        let calm = self.run("up --yes");
        assert_eq!(calm.code, 0, "seed {seed}: after\n{stormy}came\n{calm}");
        let plan = self.run("plan");
        assert_eq!(plan.code, 0, "seed {seed}: after\n{calm}came\n{plan}");
        assert_eq!(
            self.shape(),
            *expected,
            "seed {seed}: after\n{stormy}\n{calm}"
        );
        self.storm(seed + 1000, strength);
        let gone = self.run("teardown --yes");
        assert!(gone.took < PATIENCE, "seed {seed}: {gone}");
        if gone.code == 0 {
            assert_eq!(
                self.leftovers(),
                Vec::<String>::new(),
                "seed {seed}: {gone}"
            );
        }
        self.cloud.mend();
        let removed = self.run("teardown --yes");
        assert_eq!(removed.code, 0, "seed {seed}: after\n{gone}came\n{removed}");
        assert_eq!(
            self.leftovers(),
            Vec::<String>::new(),
            "seed {seed}: {removed}"
        );
        say(&format!(
            "   seed {seed} at {strength}: up {} in {:.0} s, teardown {} in {:.0} s, all {:.0} s",
            stormy.code,
            stormy.took.as_secs_f32(),
            gone.code,
            gone.took.as_secs_f32(),
            begun.elapsed().as_secs_f32()
        ));
    }

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
        for record in list(&account, "records") {
            if record["zone"]
                .as_str()
                .is_some_and(|zone| zone.starts_with(self.line))
            {
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

    /// Whatever of the line is in the account, asked of the account itself.
    fn leftovers(&self) -> Vec<String> {
        let account = self.cloud.account();
        let mut left: Vec<String> = self
            .alive()
            .iter()
            .map(|one| text(one, "instance"))
            .collect();
        left.extend(self.shape());
        left.extend(list(&account, "volumes").iter().map(|one| text(one, "id")));
        left.extend(
            list(&account, "key_pairs")
                .iter()
                .map(|one| text(one, "id")),
        );
        left
    }
}

fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_default().to_owned()
}

fn list(account: &Value, kind: &str) -> Vec<Value> {
    account[kind].as_array().expect("a list").clone()
}
