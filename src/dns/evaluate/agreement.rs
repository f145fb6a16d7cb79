//! Agreement with the lab's evaluator, which was written from the same rules by another hand in another language: the
//! same zones, the same questions, the same possible answers (tests only).

use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::answer::{Question, answer};
use super::check::Checks;
use super::tree::RecordTree;
use super::trees::{Dice, PLACES, Tree, ZONE, draw, say};
use crate::dns::read_listing;
use crate::line::{Place, RecordType, plain_name};

const QUESTIONS: usize = 4;

struct Case {
    seed: u64,
    records: Value,
    health: Value,
    name: String,
    kind: &'static str,
    place: Place,
}

fn cases(seeds: Range<u64>) -> Vec<Case> {
    let mut cases = Vec::new();
    for seed in seeds {
        let mut dice = Dice::new(seed);
        let Tree {
            records,
            health,
            names,
        } = draw(&mut dice);
        let (records, health) = (Value::from(records), Value::from(health));
        cases.extend((0..QUESTIONS).map(|_| Case {
            seed,
            records: records.clone(),
            health: health.clone(),
            name: plain_name(dice.pick::<String>(&names)),
            kind: if dice.chance(95) { "A" } else { "CNAME" },
            place: dice.pick(&PLACES).parse().unwrap(),
        }));
    }
    cases
}

/// Our answer; `None` where it is refused. What is outside the zone is left out, as the lab does not tell it.
fn ours(case: &Case) -> Option<Vec<String>> {
    let listing = json!({"ResourceRecordSets": case.records}).to_string();
    let records = read_listing(&listing).unwrap();
    let checks = Checks::parse(&case.health.to_string()).unwrap();
    let tree = RecordTree::new(&records, None);
    let question = Question {
        name: &case.name,
        kind: &RecordType::named(case.kind),
        place: case.place,
    };
    let answer = answer(&tree, &checks, &question).ok()?;
    let is_told = |value: &&&str| case.kind != "A" || value.starts_with("192.0.2.");
    let told = answer.possible.iter().filter(is_told);
    Some(told.map(|value| (*value).to_owned()).collect())
}

fn as_asked(case: &Case) -> Value {
    let subdivision = match case.place {
        Place::State(state) => Some(state.code()),
        _ => None,
    };
    json!({
        "zone": ZONE,
        "records": case.records,
        "health": case.health,
        "name": case.name,
        "type": case.kind,
        "place": {
            "continent": case.place.continent().map(|continent| continent.code()),
            "country": case.place.country().map(|country| country.code()),
            "subdivision": subdivision,
        },
    })
}

/// The lab's answers; `None` where there is no Python to run it.
fn theirs(cases: &[Case]) -> Option<Vec<Option<Vec<String>>>> {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/lab/dns");
    let mut python = Command::new("python3")
        .arg("compare.py")
        .current_dir(lab)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let asked = Value::from(cases.iter().map(as_asked).collect::<Vec<_>>()).to_string();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(asked.as_bytes())
        .unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "the lab's evaluator failed");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_labs_evaluator_finds_the_same_answers() {
    agree(0..300);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn the_labs_evaluator_finds_the_same_answers_to_many_more_questions() {
    agree(300..3000);
}

fn agree(seeds: Range<u64>) {
    let trees = seeds.end - seeds.start;
    let cases = cases(seeds);
    let Some(theirs) = theirs(&cases) else {
        say("skipped: there is no `python3` here to run the lab's evaluator");
        return;
    };
    assert_eq!(theirs.len(), cases.len());
    let (mut refused, mut empty, mut several, mut differing) = (0, 0, 0, Vec::new());
    for (case, theirs) in cases.iter().zip(&theirs) {
        let ours = ours(case);
        refused += usize::from(ours.is_none());
        empty += usize::from(ours.as_ref().is_some_and(Vec::is_empty));
        several += usize::from(ours.as_ref().is_some_and(|values| values.len() > 1));
        if ours != *theirs {
            differing.push(format!(
                "seed {}: {} {} from {}: ours {ours:?}, theirs {theirs:?}\n{:#}\n{}",
                case.seed, case.name, case.kind, case.place, case.records, case.health
            ));
        }
    }
    say(&format!(
        "{trees} zones, {} questions answered alike ({refused} refused by both, {empty} without an answer, {several} with several values)",
        cases.len() - differing.len()
    ));
    assert!(
        differing.is_empty(),
        "{} differ, first: {}",
        differing.len(),
        differing[0]
    );
}
