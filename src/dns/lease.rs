//! A line's lock as a TXT record, and its swap as part of a batch.

use super::change::{ChangeAction, RecordChange};
use crate::line::{Lease, LineName, RecordSet, RecordType, RecordValue, Routing};

/// Nobody asks resolvers for a lease, so it need not be kept by any.
const TTL: u32 = 1;

/// The name of a line's lock in a zone: the same for every host name that the line may have there.
pub fn lease_name(line: &LineName, zone: &str) -> String {
    format!("_dsline-{line}.{zone}")
}

/// The record that says a lease.
pub fn lease_record(line: &LineName, zone: &str, lease: &Lease) -> RecordSet {
    RecordSet {
        name: lease_name(line, zone),
        kind: RecordType::Other("TXT".to_owned()),
        set_identifier: None,
        routing: Routing::Simple,
        value: RecordValue::Values {
            ttl: TTL,
            // TXT values are quoted strings (RFC 1035, 5.1); a lease has no character that needs more.
            values: vec![format!("\"{lease}\"")],
        },
        health_check: None,
    }
}

/// The lock's record among a zone's, if there is one.
pub fn find_lease<'a>(
    line: &LineName,
    zone: &str,
    records: &'a [RecordSet],
) -> Option<&'a RecordSet> {
    let name = lease_name(line, zone);
    records
        .iter()
        .find(|record| record.name == name && record.kind == RecordType::Other("TXT".to_owned()))
}

/// What a lock's record says; whatever else it holds is somebody unknown's lease.
pub fn lease_of(record: &RecordSet) -> Lease {
    match &record.value {
        RecordValue::Values { values, .. } if values.len() == 1 => {
            Lease::read(values[0].trim_matches('"'))
        }
        _ => Lease::read(""),
    }
}

/// Compare and swap: the batch with these changes in front is refused as a whole unless `old` is still there.
///
/// A deletion must name the exact record (Route 53 API, `ChangeResourceRecordSets`), and a creation must find none.
pub fn swap(old: Option<&RecordSet>, new: Option<&RecordSet>) -> Vec<RecordChange> {
    let change = |action, record: &RecordSet| RecordChange {
        action,
        record: record.clone(),
    };
    let deletion = old.map(|record| change(ChangeAction::Delete, record));
    let creation = new.map(|record| change(ChangeAction::Create, record));
    deletion.into_iter().chain(creation).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_record_tells_its_lease_and_fits_one_string() {
        let line: LineName = "abcdefghijklmnopqrst".parse().unwrap();
        let lease = Lease {
            fence: 1_000_000,
            ..Lease::taken(None, Duration::from_mins(10), &"x".repeat(187))
        };
        let record = lease_record(&line, "example.com", &lease.moved());
        assert_eq!(record.name, "_dsline-abcdefghijklmnopqrst.example.com");
        let RecordValue::Values { values, .. } = &record.value else {
            panic!("a lease is no alias")
        };
        assert!(values[0].len() <= 257, "{}", values[0].len());
        assert_eq!(lease_of(&record), lease.moved());
        let records = [record.clone()];
        assert_eq!(find_lease(&line, "example.com", &records), Some(&record));
        assert_eq!(find_lease(&line, "example.org", &records), None);
    }

    #[test]
    fn a_swap_deletes_what_was_seen_before_it_creates() {
        let line: LineName = "home".parse().unwrap();
        let old = lease_record(
            &line,
            "example.com",
            &Lease::taken(None, Duration::ZERO, "a"),
        );
        let new = lease_record(&line, "example.com", &lease_of(&old).moved());
        let actions = |changes: Vec<RecordChange>| -> Vec<ChangeAction> {
            changes.into_iter().map(|change| change.action).collect()
        };
        assert_eq!(
            actions(swap(Some(&old), Some(&new))),
            [ChangeAction::Delete, ChangeAction::Create]
        );
        assert_eq!(actions(swap(None, Some(&new))), [ChangeAction::Create]);
        assert_eq!(actions(swap(Some(&old), None)), [ChangeAction::Delete]);
    }
}
