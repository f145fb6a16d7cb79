//! The proof, by walking every state: while one node of a line lives, everybody is answered with living nodes of the
//! nearest region that has one (tests only).

use std::time::Instant;

use super::answer::Question;
use super::tree::RecordTree;
use super::trees::say;
use crate::dns::{NodeRecord, desired};
use crate::line::{Place, Profile, RecordType, Region};

const SIX: [&str; 6] = [
    "us-east-1",
    "ap-southeast-1",
    "eu-west-1",
    "sa-east-1",
    "af-south-1",
    "ap-southeast-2",
];

/// Regions, and nodes in each; its states take longer than those of all smaller ones together.
const LARGEST: (usize, usize) = (6, 3);

fn line(regions: &[&str], places: &[(&str, &str)]) -> Profile {
    let mut profile = Profile {
        regions: regions.iter().map(|name| name.parse().unwrap()).collect(),
        ..Profile::default()
    };
    profile.dns.host = "llm.example.com".to_owned();
    let place = |(place, region): &(&str, &str)| (place.parse().unwrap(), region.parse().unwrap());
    profile.dns.places = places.iter().map(place).collect();
    profile
}

/// The line's nodes; address and check of each carry its number, counted from 0 through all regions.
fn nodes(profile: &Profile, per_region: usize) -> Vec<NodeRecord> {
    let node = |(index, region): (usize, &Region)| {
        let (region, index_in) = (region.clone(), index % per_region);
        NodeRecord {
            slot: format!("{region}/{}", index_in + 1).parse().unwrap(),
            address: [198, 18, 0, u8::try_from(index).unwrap()].into(),
            check_id: index.to_string(),
        }
    };
    let regions = profile
        .regions
        .iter()
        .flat_map(|region| std::iter::repeat_n(region, per_region));
    regions.enumerate().map(node).collect()
}

/// What must be answered, by arithmetic alone: for each place the nodes of each region, nearest first, as bits.
fn orders(profile: &Profile, places: &[Place], per_region: usize) -> Vec<Vec<u32>> {
    let bits = |region: &Region| {
        let index = profile
            .regions
            .iter()
            .position(|other| other == region)
            .unwrap();
        ((1 << per_region) - 1) << (index * per_region)
    };
    let order = |place: &Place| {
        let home = profile.home_of(*place);
        let near = home.nearest(&profile.regions);
        [home].into_iter().chain(near).map(bits).collect()
    };
    places.iter().map(order).collect()
}

/// Asks from every place in the states `first`, `first + step`, … of dead nodes; the number of answers that were right.
fn walk(
    profile: &Profile,
    places: &[Place],
    per_region: usize,
    (first, step): (u32, usize),
) -> u64 {
    let nodes = nodes(profile, per_region);
    let records = desired(profile, "Z1", &nodes);
    let tree = RecordTree::new(&records, Some("Z1"));
    let orders = orders(profile, places, per_region);
    let all: u32 = (1 << nodes.len()) - 1;
    let mut count = 0;
    for dead in (first..=all).step_by(step) {
        let is_alive = |check: &str| dead >> check.parse::<u32>().unwrap() & 1 == 0;
        for (place, order) in places.iter().zip(&orders) {
            let question = Question {
                name: "llm.example.com",
                kind: &RecordType::A,
                place: *place,
            };
            let answer = tree.answer(&question, &is_alive).unwrap();
            let number =
                |value: &&str| -> u32 { value.rsplit_once('.').unwrap().1.parse().unwrap() };
            let given = answer
                .possible
                .iter()
                .map(number)
                .fold(0, |sum, bit| sum | 1 << bit);
            // With nobody alive the home region's are tried all the same.
            let living = order
                .iter()
                .map(|region| region & !dead)
                .find(|living| *living != 0);
            assert_eq!(
                given,
                living.unwrap_or(order[0]),
                "from {place}, dead {dead:b}"
            );
            count += 1;
        }
    }
    count
}

/// Walks all states of one line on two threads.
fn prove(profile: &Profile, per_region: usize) -> u64 {
    let places: Vec<Place> = profile.places().into_iter().collect();
    std::thread::scope(|scope| {
        let half = |first| {
            let places = &places;
            scope.spawn(move || walk(profile, places, per_region, (first, 2)))
        };
        [half(0), half(1)]
            .map(|half| half.join().unwrap())
            .iter()
            .sum()
    })
}

#[test]
fn a_living_node_of_the_nearest_living_region_is_answered_in_every_state() {
    let shapes = (1..=6).flat_map(|regions| (1..=3).map(move |per_region| (regions, per_region)));
    prove_all(shapes.filter(|shape| *shape != LARGEST), 43_034);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_living_node_of_the_nearest_living_region_is_answered_in_every_state_of_the_largest_line() {
    prove_all([LARGEST], 262_144);
}

/// Walks all states of lines of so many regions and nodes in each.
fn prove_all(shapes: impl IntoIterator<Item = (usize, usize)>, states: u64) {
    let begun = Instant::now();
    let mut count = 0;
    for (regions, per_region) in shapes {
        let answers = prove(&line(&SIX[..regions], &[]), per_region);
        assert_eq!(answers, 8 << (regions * per_region));
        count += answers;
    }
    say(&format!(
        "walked {states} states of dead nodes from 8 places: {count} answers, all right, in {:.1} s",
        begun.elapsed().as_secs_f64()
    ));
    assert_eq!(count, states * 8);
}

#[test]
fn placed_countries_and_states_are_answered_by_their_own_order() {
    let placed = [
        ("AS-JP", "us-east-1"),
        ("NA-US", "eu-west-1"),
        ("NA-US-CA", "ap-southeast-1"),
        ("*", "eu-west-1"),
        ("AF", "ap-southeast-1"),
    ];
    let profile = line(&SIX[..3], &placed);
    let answers = prove(&profile, 2);
    assert_eq!(answers, (1 << 6) * 11);
}
