//! The record that shows a certificate authority that the zone is ours (DNS-01; RFC 8555, 8.4).

use super::change::{ChangeAction, ChangeBatch, RecordChange};
use crate::line::{LineName, RecordSet, RecordType, RecordValue, Routing};

/// Authorities ask the zone's own servers; nobody need keep it.
const TTL: u32 = 1;

/// Where an authority looks.
pub fn challenge_name(host: &str) -> String {
    format!("_acme-challenge.{host}")
}

/// The record that says what the authority wants to read.
///
/// A second value says whose it is, so that what a killed run left behind is known again. Authorities look for theirs
/// among all values.
pub fn challenge_record(line: &LineName, host: &str, value: &str) -> RecordSet {
    RecordSet {
        name: challenge_name(host),
        kind: RecordType::Other("TXT".to_owned()),
        set_identifier: None,
        routing: Routing::Simple,
        value: RecordValue::Values {
            ttl: TTL,
            values: vec![format!("\"{value}\""), mark(line)],
        },
        health_check: None,
    }
}

/// Whether a record is a challenge of the line's.
pub fn is_challenge_of(line: &LineName, record: &RecordSet) -> bool {
    let RecordValue::Values { values, .. } = &record.value else {
        return false;
    };
    record.kind == RecordType::Other("TXT".to_owned())
        && record.name.starts_with("_acme-challenge.")
        && values.contains(&mark(line))
}

/// The batch that puts a challenge's record there, whatever an earlier one said, or takes it away.
pub fn challenge_batch(record: &RecordSet, is_there: bool) -> ChangeBatch {
    let action = if is_there {
        ChangeAction::Upsert
    } else {
        ChangeAction::Delete
    };
    ChangeBatch {
        changes: vec![RecordChange {
            action,
            record: record.clone(),
        }],
    }
}

fn mark(line: &LineName) -> String {
    format!("\"dsline={line}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::change;

    #[test]
    fn what_a_killed_run_left_is_known_by_its_line_and_goes() {
        let (home, other): (LineName, LineName) =
            ("home".parse().unwrap(), "other".parse().unwrap());
        let record = challenge_record(&home, "llm.example.com", "abc");
        assert_eq!(record.name, "_acme-challenge.llm.example.com");
        assert!(is_challenge_of(&home, &record) && !is_challenge_of(&other, &record));
        let batch = change(&home, std::slice::from_ref(&record), &[]).unwrap();
        assert_eq!(batch, challenge_batch(&record, false));
        assert!(change(&other, &[record], &[]).unwrap().is_empty());
    }
}
