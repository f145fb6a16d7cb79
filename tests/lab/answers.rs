//! What the lab's name server answers over the wire, beside what `dsline`'s own evaluator says is possible.

use std::time::Duration;

use super::story::{Story, name_server, profile, say, sleep, wait_until};

const REGIONS: &str = "us-east-1,ap-southeast-1,eu-west-1";
/// States of health that are drawn, out of 64.
const STATES: u32 = 12;
/// Questions to each place in each state: a group answers with one of its nodes, drawn by lot.
const QUESTIONS: usize = 4;
/// Where the draw begins: the same states each time.
const SEED: u32 = 20_261_123;
/// A place as the lab's `ask` knows it, and as `dns explain` does.
const PLACES: [(&str, &str); 5] = [
    ("europe", "EU"),
    ("asia", "AS"),
    ("america", "NA"),
    ("africa", "AF"),
    ("oceania", "OC"),
];

#[test]
#[ignore = "long: tests/run.sh --full"]
fn real_answers_are_among_those_that_the_evaluator_finds() {
    let rest = format!(
        "[dns]\nhost = \"llm.t-answers.test\"\nresolver = \"{}\"\n\n[nodes]\nper_region = 2\n",
        name_server()
    );
    let text = profile("t-answers", REGIONS, &rest);
    let story = Story::of("t-answers", REGIONS).with_domain(REGIONS);
    let story = story.with(|lab| lab.with_profile(&text));
    story.run("up --yes").exits(0);
    wait_until(
        "status finds everything healthy",
        Duration::from_mins(3),
        || story.run("status").code == 0,
    );
    let checks = story.cloud.check_ids(story.line);
    assert_eq!(checks.len(), 6);
    let (mut state, mut asked) = (SEED, 0);
    for _ in 0..STATES {
        // A linear congruential generator's upper bits (Numerical Recipes).
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let held = state >> 26;
        for (index, id) in checks.iter().enumerate() {
            story.cloud.hold_check(id, held >> index & 1 == 1);
        }
        // The name server reads checks ten times a second.
        sleep(Duration::from_millis(500));
        for (place, code) in PLACES {
            let told = story.run(&format!("dns explain --from {code} --json"));
            let told = told.exits(0).json();
            assert_eq!(told["route53"]["agrees"], true, "from {code}: {told}");
            let possible: Vec<&str> = told["possible"]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(|value| value.as_str())
                .collect();
            for _ in 0..QUESTIONS {
                let given = story.ask(place);
                let is_possible = |one: &String| possible.contains(&one.as_str());
                assert!(
                    !given.is_empty() && given.iter().all(is_possible),
                    "held {held:06b}, from {place}: {given:?} is not among {possible:?}"
                );
                asked += 1;
            }
        }
    }
    say(&format!(
        "   {asked} real answers in {STATES} states of health, all among those that are possible"
    ));
}
