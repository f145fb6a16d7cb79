//! The pitfalls of Route 53 that others fell into, one test each for what the records and their batch can show of it
//! (tests only). Numbers 6, 7 and 16 are also, or only, a matter of order: `plan/pitfalls.rs`; 8 and 11 of the calls:
//! `cloud/checks.rs`, `cloud/zone.rs`.

use std::collections::BTreeSet;

use super::change::{ChangeAction, ChangeBatch, change};
use super::desired::desired;
use super::evaluate::{Checks, Question, RecordTree, answer};
use super::model::apply;
use super::node::NodeRecord;
use crate::line::{
    CheckReference, CheckSpeed, Failover, Profile, RecordSet, RecordType, RecordValue, Routing,
};

const SIX: [&str; 6] = [
    "us-east-1",
    "ap-southeast-1",
    "eu-west-1",
    "sa-east-1",
    "af-south-1",
    "ap-southeast-2",
];

fn profile(regions: usize, per_region: u16) -> Profile {
    let mut profile = Profile {
        name: "home".parse().unwrap(),
        regions: SIX[..regions]
            .iter()
            .map(|name| name.parse().unwrap())
            .collect(),
        ..Profile::default()
    };
    profile.nodes.per_region = per_region;
    profile.dns.host = "llm.example.com".to_owned();
    profile
}

fn nodes(profile: &Profile) -> Vec<NodeRecord> {
    let node = |slot: crate::line::Slot| NodeRecord {
        address: [
            198,
            18,
            u8::try_from(slot.region.as_str().len()).unwrap(),
            u8::try_from(slot.number).unwrap(),
        ]
        .into(),
        check_id: format!("check-{slot}"),
        slot,
    };
    profile.slots().map(node).collect()
}

fn records(profile: &Profile) -> Vec<RecordSet> {
    desired(profile, "Z1", &nodes(profile))
}

fn batch(profile: &Profile, from: &[RecordSet], to: &[RecordSet]) -> ChangeBatch {
    change(&profile.name, from, to).unwrap()
}

/// Shapes that a line goes through: smaller, larger, other places.
fn shapes() -> Vec<Vec<RecordSet>> {
    let mut placed = profile(3, 2);
    placed.dns.places = [
        ("AS-JP", "us-east-1"),
        ("NA-US-CA", "eu-west-1"),
        ("OC", "eu-west-1"),
    ]
    .map(|(place, region)| (place.parse().unwrap(), region.parse().unwrap()))
    .into();
    let profiles = [
        profile(1, 1),
        profile(2, 3),
        profile(3, 1),
        profile(6, 2),
        placed,
    ];
    [vec![Vec::new()], profiles.iter().map(records).collect()].concat()
}

#[test]
fn pitfall_01_an_alias_never_comes_before_its_target() {
    let profile = profile(1, 1);
    for before in shapes() {
        for after in shapes() {
            let batch = batch(&profile, &before, &after);
            let reached = apply(before.clone(), &batch).unwrap();
            assert_eq!(reached.len(), after.len());
        }
    }
    // The model that accepts these refuses the same changes the other way round.
    let mut reversed = batch(&profile, &[], &records(&profile));
    reversed.changes.reverse();
    assert!(
        apply(Vec::new(), &reversed)
            .unwrap_err()
            .contains("alias that targets")
    );
}

#[test]
fn pitfall_02_a_primary_that_is_no_alias_has_a_health_check() {
    for record in shapes().concat() {
        let is_primary = record.routing == Routing::Failover(Failover::Primary);
        assert!(!is_primary || record.alias().is_some() || record.health_check.is_some());
        assert_eq!(
            record.alias().is_none(),
            record.health_check.is_some(),
            "{record:?}"
        );
    }
}

#[test]
fn pitfall_03_a_set_identifier_is_replaced_and_never_renamed() {
    let profile = profile(2, 1);
    let wanted = records(&profile);
    let mut listed = wanted.clone();
    let place = listed
        .iter()
        .position(|record| record.name == "llm.example.com")
        .unwrap();
    listed[place].set_identifier = Some("dsline/home/place/renamed".to_owned());
    let batch = batch(&profile, &listed, &wanted);
    let done: Vec<_> = batch
        .changes
        .iter()
        .map(|change| (change.action, &change.record))
        .collect();
    assert_eq!(
        done,
        [
            (ChangeAction::Delete, &listed[place]),
            (ChangeAction::Create, &wanted[place])
        ]
    );
    apply(listed.clone(), &batch).unwrap();
}

#[test]
fn pitfall_04_set_identifiers_are_unique_in_the_whole_zone() {
    for shape in shapes() {
        let identifiers: BTreeSet<_> = shape.iter().map(|record| &record.set_identifier).collect();
        assert_eq!(identifiers.len(), shape.len());
    }
}

#[test]
fn pitfall_05_a_simple_record_at_our_name_is_refused_and_not_converted() {
    let profile = profile(1, 1);
    let simple = RecordSet {
        name: "llm.example.com".to_owned(),
        kind: RecordType::A,
        set_identifier: None,
        routing: Routing::Simple,
        value: RecordValue::Values {
            ttl: 60,
            values: vec!["192.0.2.9".to_owned()],
        },
        health_check: None,
    };
    let refusal = change(&profile.name, &[simple], &records(&profile)).unwrap_err();
    let message = refusal.to_string();
    assert!(
        message.contains("unrelated A record at `llm.example.com` (192.0.2.9)"),
        "{message}"
    );
}

#[test]
fn pitfall_06_no_record_keeps_the_check_of_a_node_that_goes() {
    let (before, after) = (profile(2, 2), profile(2, 1));
    let wanted = records(&after);
    let left = apply(
        records(&before),
        &batch(&before, &records(&before), &wanted),
    )
    .unwrap();
    let named: BTreeSet<&str> = left
        .iter()
        .filter_map(|record| record.health_check.as_deref())
        .collect();
    assert_eq!(
        named,
        BTreeSet::from(["check-ap-southeast-1/1", "check-us-east-1/1"])
    );
}

#[test]
fn pitfall_07_a_new_machine_changes_address_and_check_at_once() {
    let profile = profile(1, 1);
    let old = nodes(&profile);
    let mut new = old.clone();
    new[0].address = [198, 18, 7, 7].into();
    new[0].check_id = "check-new".to_owned();
    let (before, after) = (desired(&profile, "Z1", &old), desired(&profile, "Z1", &new));
    let batch = batch(&profile, &before, &after);
    assert_eq!(batch.changes.len(), 1);
    assert_eq!(batch.changes[0].action, ChangeAction::Upsert);
    assert_eq!(
        batch.changes[0].record.health_check.as_deref(),
        Some("check-new")
    );
    let reference =
        |node: &NodeRecord| CheckReference::new(&profile.name, &node.slot, node.address, "x");
    assert!(
        !reference(&old[0]).is_same_check(&reference(&new[0])),
        "another address is another check"
    );
}

#[test]
fn pitfall_08_what_is_checked_is_no_name_that_geolocation_answers() {
    // A check asks an address (`cloud/checks.rs`); the records that carry one stand below the users' name.
    for record in shapes()
        .concat()
        .iter()
        .filter(|record| record.health_check.is_some())
    {
        assert_ne!(record.name, "llm.example.com");
        let RecordValue::Values { values, .. } = &record.value else {
            panic!("an alias with a check: {record:?}")
        };
        assert!(values[0].parse::<std::net::Ipv4Addr>().is_ok());
    }
}

#[test]
fn pitfall_09_a_deletion_is_an_exact_copy_of_what_is_listed() {
    let profile = profile(2, 1);
    let mut listed = records(&profile);
    for record in &mut listed {
        if let RecordValue::Values { ttl, values } = &mut record.value {
            *ttl = 17;
            values.push("192.0.2.99".to_owned());
        }
        if let Routing::Weighted(weight) = &mut record.routing {
            *weight = 3;
        }
    }
    let batch = batch(&profile, &listed, &[]);
    assert_eq!(batch.changes.len(), listed.len());
    assert!(
        batch
            .changes
            .iter()
            .all(|change| listed.contains(&change.record))
    );
    assert!(apply(listed, &batch).unwrap().is_empty());
}

#[test]
fn pitfall_10_a_change_of_a_whole_line_fits_into_one_batch() {
    // Route 53's limits: 1000 elements, where an UPSERT counts twice, and 32000 characters of values.
    let profile = profile(6, 20);
    let mut moved = nodes(&profile);
    for node in &mut moved {
        node.address = [203, 0, 113, u8::try_from(node.slot.number).unwrap()].into();
    }
    let batch = batch(
        &profile,
        &records(&profile),
        &desired(&profile, "Z1", &moved),
    );
    let weight = |action| if action == ChangeAction::Upsert { 2 } else { 1 };
    let elements: usize = batch
        .changes
        .iter()
        .map(|change| weight(change.action))
        .sum();
    assert_eq!(elements, 240);
    let anew: usize = records(&profile).len();
    assert!(anew <= 1000, "{anew}");
}

#[test]
fn pitfall_11_an_alias_into_another_zone_of_the_same_name_is_not_followed() {
    // Which of two zones is the line's is decided in `cloud/zone.rs`; here one zone's records are read as that one's.
    let profile = profile(1, 1);
    let records = records(&profile);
    let question = Question {
        name: "llm.example.com",
        kind: &RecordType::A,
        place: "AS".parse().unwrap(),
    };
    let possible = |zone_id| {
        let tree = RecordTree::new(&records, Some(zone_id));
        answer(&tree, &Checks::default(), &question)
            .unwrap()
            .possible
            .concat()
    };
    assert_eq!(possible("Z1"), "198.18.9.1");
    assert_eq!(possible("Z2"), "us-east-1.llm.example.com");
}

#[test]
fn pitfall_12_names_that_become_tags_hold_only_what_tags_may() {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || " _.:/=+-@".contains(c);
    for slot in profile(6, 3).slots() {
        assert!(format!("dsline home {slot}").chars().all(is_allowed));
    }
    // The default place is `*` in Route 53, and its record's identifier is not.
    assert!(shapes().concat().iter().all(|record| {
        record
            .set_identifier
            .as_ref()
            .unwrap()
            .chars()
            .all(is_allowed)
    }));
}

#[test]
fn pitfall_13_caller_references_are_short_read_back_and_go_past_deleted_ones() {
    let line = "abcdefghijklmnopqrst".parse().unwrap();
    let slot = "ap-southeast-1/20".parse().unwrap();
    let first = CheckReference::new(
        &line,
        &slot,
        [255, 255, 255, 255].into(),
        &CheckSpeed::Fast.settings(),
    );
    let second = first.next_attempt();
    assert!(second.to_string().len() <= 64);
    assert_ne!(first.to_string(), second.to_string());
    assert_eq!(
        CheckReference::parse(&second.to_string()),
        Some(second.clone())
    );
    assert!(first.is_same_check(&second));
}

#[test]
fn pitfall_14_another_interval_is_another_check_and_the_record_moves_to_it() {
    let profile = profile(1, 1);
    let node = &nodes(&profile)[0];
    let reference = |speed: CheckSpeed| {
        CheckReference::new(&profile.name, &node.slot, node.address, &speed.settings())
    };
    assert!(!reference(CheckSpeed::Standard).is_same_check(&reference(CheckSpeed::Fast)));
    let mut moved = node.clone();
    moved.check_id = "check-fast".to_owned();
    let batch = batch(
        &profile,
        &records(&profile),
        &desired(&profile, "Z1", &[moved]),
    );
    assert_eq!(
        batch.to_string(),
        "0 record sets to create, 1 to change, 0 to delete"
    );
}

#[test]
fn pitfall_15_every_check_stands_alone() {
    // No calculated checks, hence no parent to update first: the tree of aliases does what they would.
    for shape in shapes() {
        let checks: Vec<_> = shape
            .iter()
            .filter_map(|record| record.health_check.as_ref())
            .collect();
        let once: BTreeSet<_> = checks.iter().collect();
        assert_eq!(once.len(), checks.len());
    }
}
