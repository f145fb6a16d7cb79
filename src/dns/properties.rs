//! Laws of the diff, checked on thousands of zones by a small model of how Route 53 takes a batch.

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::change::{ChangeBatch, RecordChange, change};
use super::desired::desired;
use super::model::apply;
use super::node::{NodeRecord, known_nodes};
use crate::line::{LineName, Profile, RecordSet, RecordType, RecordValue, Routing};

const REGIONS: [&str; 5] = [
    "us-east-1",
    "ap-southeast-1",
    "eu-west-1",
    "sa-east-1",
    "ap-southeast-2",
];

fn line() -> LineName {
    "home".parse().unwrap()
}

/// A line's nodes: up to three in each of up to five regions, at addresses that differ from time to time.
fn nodes() -> impl Strategy<Value = Vec<NodeRecord>> {
    let slots = REGIONS
        .iter()
        .flat_map(|region| (1..=3).map(move |number| format!("{region}/{number}")))
        .collect::<Vec<_>>();
    let slots = subsequence(slots, 0..=8);
    (slots, any::<[u8; 8]>()).prop_map(|(slots, bytes)| {
        let node = |(slot, byte): (String, u8)| NodeRecord {
            slot: slot.parse().unwrap(),
            address: [198, 18, 0, byte % 4].into(),
            check_id: format!("check-{}", byte % 4),
        };
        let mut nodes: Vec<NodeRecord> = slots.into_iter().zip(bytes).map(node).collect();
        nodes.sort_by(|a, b| a.slot.cmp(&b.slot));
        nodes
    })
}

fn records_of(name: &str, host: &str, nodes: &[NodeRecord]) -> Vec<RecordSet> {
    let mut profile = Profile {
        name: name.parse().unwrap(),
        ..Profile::default()
    };
    profile.dns.host = host.to_owned();
    desired(&profile, "Z1", nodes)
}

/// What an earlier run, cut short or meddled with, may have left.
fn leftovers() -> impl Strategy<Value = Vec<RecordSet>> {
    let host = prop_oneof![4 => Just("llm.example.com"), 1 => Just("old.example.com")];
    (nodes(), host, proptest::collection::vec(0..12_u8, 80)).prop_map(|(nodes, host, damages)| {
        let mut records = records_of("home", host, &nodes);
        for (record, damage) in records.iter_mut().zip(&damages) {
            match (damage, &mut record.value) {
                (0, RecordValue::Values { ttl, .. }) => *ttl += 1,
                (0, RecordValue::Alias(target)) => {
                    "us-east-1.llm.example.com".clone_into(&mut target.name);
                }
                (1, _) if matches!(record.routing, Routing::Weighted(_)) => {
                    record.routing = Routing::Weighted(7);
                }
                (2, _) => {
                    record.set_identifier =
                        record.set_identifier.take().map(|text| text + "-renamed");
                }
                _ => {}
            }
        }
        let mut kept = damages.into_iter().chain(std::iter::repeat(11));
        records.retain(|_| kept.next() != Some(3));
        records
    })
}

fn foreign() -> Vec<RecordSet> {
    let simple = |name: &str, kind| RecordSet {
        name: name.to_owned(),
        kind,
        set_identifier: None,
        routing: Routing::Simple,
        value: RecordValue::Values {
            ttl: 300,
            values: vec!["x".to_owned()],
        },
        health_check: None,
    };
    let mut records = records_of(
        "homer",
        "other.example.com",
        &known_nodes(&line(), &records_of("home", "h.example.com", &node_pair())),
    );
    records.push(simple("example.com", RecordType::A));
    records.push(simple(
        "llm.example.com",
        RecordType::Other("TXT".to_owned()),
    ));
    let mut odd = simple("odd.example.com", RecordType::A);
    odd.set_identifier = Some("dsline/home/by-hand".to_owned());
    odd.routing = Routing::Other("latency us-east-1".to_owned());
    records.push(odd);
    records
}

fn node_pair() -> Vec<NodeRecord> {
    let node = |slot: &str| NodeRecord {
        slot: slot.parse().unwrap(),
        address: [198, 18, 9, 9].into(),
        check_id: "c".to_owned(),
    };
    vec![node("us-east-1/1"), node("eu-west-1/1")]
}

fn sorted(mut records: Vec<RecordSet>) -> Vec<RecordSet> {
    records.sort();
    records
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_is_accepted_and_leaves_what_is_wanted_and_what_is_foreign(before in leftovers(), nodes in nodes()) {
        let wanted = records_of("home", "llm.example.com", &nodes);
        let existing = [foreign(), before].concat();
        let batch = change(&line(), &existing, &wanted).unwrap();
        prop_assert!(batch.changes.iter().all(|change| !foreign().contains(&change.record)));
        let after = apply(existing, &batch).map_err(TestCaseError::fail)?;
        prop_assert_eq!(sorted(after.clone()), sorted([foreign(), wanted.clone()].concat()));
        prop_assert!(change(&line(), &after, &wanted).unwrap().is_empty());
        prop_assert_eq!(known_nodes(&line(), &after), nodes);
    }

    #[test]
    fn a_record_that_is_right_is_left_alone(before in leftovers(), nodes in nodes()) {
        let wanted = records_of("home", "llm.example.com", &nodes);
        let batch = change(&line(), &before, &wanted).unwrap();
        for change in &batch.changes {
            prop_assert!(!(before.contains(&change.record) && wanted.contains(&change.record)));
            prop_assert_eq!(batch.changes.iter().filter(|other| other.record == change.record).count(), 1);
        }
    }

    #[test]
    fn without_nodes_everything_of_the_line_goes(before in leftovers()) {
        let existing = [foreign(), before].concat();
        let batch = change(&line(), &existing, &[]).unwrap();
        let after = apply(existing, &batch).map_err(TestCaseError::fail)?;
        prop_assert_eq!(sorted(after), sorted(foreign()));
    }
}

#[test]
fn a_foreign_record_in_the_way_is_named() {
    let wanted = records_of("home", "llm.example.com", &node_pair());
    let mut simple = foreign()
        .into_iter()
        .find(|record| record.name == "example.com")
        .unwrap();
    let refusal = |record: &RecordSet| {
        change(&line(), std::slice::from_ref(record), &wanted)
            .map_err(|conflict| conflict.to_string())
    };
    assert!(refusal(&simple).is_ok());
    simple.name = "llm.example.com".to_owned();
    assert_eq!(
        refusal(&simple).unwrap_err(),
        "the zone already has an unrelated A record at `llm.example.com` (x), which is not this line's: remove it, or choose another `dns.host`"
    );
    simple.kind = RecordType::Aaaa;
    assert!(refusal(&simple).is_ok());
    simple.kind = RecordType::Other("CNAME".to_owned());
    simple.name = "via-1.us-east-1.llm.example.com".to_owned();
    assert!(
        refusal(&simple)
            .unwrap_err()
            .contains("CNAME record at `via-1.us-east-1.llm.example.com`")
    );
    let other = records_of("homer", "llm.example.com", &node_pair());
    let message = change(&line(), &other, &wanted).unwrap_err().to_string();
    assert!(
        message.contains("with set identifier `dsline/homer/node/us-east-1/1`"),
        "{message}"
    );
}

#[test]
fn the_order_is_values_first_and_geolocation_last_and_back() {
    let wanted = records_of("home", "llm.example.com", &node_pair());
    let batch = change(&line(), &[], &wanted).unwrap();
    assert_eq!(
        batch.to_string(),
        "14 record sets to create, 0 to change, 0 to delete"
    );
    let roles = |batch: &ChangeBatch| -> Vec<String> {
        let role = |change: &RecordChange| {
            change
                .record
                .set_identifier
                .as_ref()
                .unwrap()
                .split('/')
                .nth(2)
                .unwrap()
                .to_owned()
        };
        let mut roles: Vec<String> = batch.changes.iter().map(role).collect();
        roles.dedup();
        roles
    };
    assert_eq!(roles(&batch), ["node", "via", "place"]);
    let gone = change(&line(), &wanted, &[]).unwrap();
    assert_eq!(roles(&gone), ["place", "via", "node"]);
    assert_eq!(
        gone.to_string(),
        "0 record sets to create, 0 to change, 14 to delete"
    );
}
