//! One batch of record changes: what leads from the records a zone holds to those a line wants.

use std::fmt;

use super::challenge::is_challenge_of;
use super::conflict::Conflict;
use super::order::sort_targets_first;
use crate::line::{LineName, RecordSet, RecordType, Routing, is_ours};

/// Changes for one `ChangeResourceRecordSets` call, in an order that Route 53 accepts.
///
/// The order holds for every prefix, so a batch that is too long for one call may be cut anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeBatch {
    /// The changes, first to last.
    pub changes: Vec<RecordChange>,
}

/// What happens to one record set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordChange {
    /// The verb.
    pub action: ChangeAction,
    /// The whole record; for a deletion an exact copy of what the zone holds, as Route 53 demands.
    pub record: RecordSet,
}

/// Route 53's verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeAction {
    /// Make a record that must not exist yet.
    Create,
    /// Give an existing record another value.
    Upsert,
    /// Remove a record.
    Delete,
}

impl ChangeBatch {
    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl fmt::Display for ChangeBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |action| {
            self.changes
                .iter()
                .filter(|change| change.action == action)
                .count()
        };
        write!(
            f,
            "{} record sets to create, {} to change, {} to delete",
            count(ChangeAction::Create),
            count(ChangeAction::Upsert),
            count(ChangeAction::Delete)
        )
    }
}

/// The smallest batch that makes the line's records in a zone exactly `desired`; empty when they are already.
///
/// Only records that carry the line's set identifier are changed or deleted, and challenges that it left behind.
pub fn change(
    line: &LineName,
    existing: &[RecordSet],
    desired: &[RecordSet],
) -> Result<ChangeBatch, Conflict> {
    let is_ours = |record: &&RecordSet| is_of_line(line, record) || is_challenge_of(line, record);
    let (ours, foreign): (Vec<&RecordSet>, Vec<&RecordSet>) = existing.iter().partition(is_ours);
    if let Some(conflict) = Conflict::find(&foreign, desired) {
        return Err(conflict);
    }
    let is_kept = |old: &RecordSet| desired.iter().any(|new| is_same_place(old, new));
    let mut gone: Vec<&RecordSet> = ours.iter().copied().filter(|old| !is_kept(old)).collect();
    let is_changed = |new: &RecordSet| !ours.contains(&new);
    let mut made: Vec<&RecordSet> = desired.iter().filter(|new| is_changed(new)).collect();
    sort_targets_first(&mut gone, existing);
    sort_targets_first(&mut made, desired);
    let verb = |new: &RecordSet| {
        if ours.iter().any(|old| is_same_place(old, new)) {
            ChangeAction::Upsert
        } else {
            ChangeAction::Create
        }
    };
    let deletions = gone.into_iter().rev().map(|record| RecordChange {
        action: ChangeAction::Delete,
        record: record.clone(),
    });
    let creations = made.into_iter().map(|record| RecordChange {
        action: verb(record),
        record: record.clone(),
    });
    Ok(ChangeBatch {
        changes: deletions.chain(creations).collect(),
    })
}

/// Whether a record is the line's: by its set identifier, and of a shape that lines make.
pub fn is_of_line(line: &LineName, record: &RecordSet) -> bool {
    let is_our_shape = !matches!(record.kind, RecordType::Other(_))
        && !matches!(
            record.routing,
            Routing::Simple | Routing::Multivalue | Routing::Other(_)
        );
    is_our_shape && is_ours(line, record.set_identifier.as_deref())
}

/// Whether one record can become the other by a new value; Route 53 wants another routing deleted and made anew.
fn is_same_place(old: &RecordSet, new: &RecordSet) -> bool {
    old.key() == new.key() && old.routing == new.routing
}
