//! A small model of how Route 53 takes a batch, for property tests.

use super::change::{ChangeAction, ChangeBatch, RecordChange};
use crate::line::{RecordSet, Routing};

/// Route 53's rules for a batch, each change judged by what those before it left.
pub(crate) fn apply(
    mut zone: Vec<RecordSet>,
    batch: &ChangeBatch,
) -> Result<Vec<RecordSet>, String> {
    for (index, RecordChange { action, record }) in batch.changes.iter().enumerate() {
        let place = zone.iter().position(|held| held.key() == record.key());
        match (action, place) {
            (ChangeAction::Delete, Some(place)) if zone[place] == *record => {
                zone.remove(place);
                continue;
            }
            (ChangeAction::Create, None) => zone.push(record.clone()),
            (ChangeAction::Upsert, Some(place)) => zone[place] = record.clone(),
            _ => return Err(format!("{action:?} does not fit what is held: {record:?}")),
        }
        check_target(record, &zone, &batch.changes[index + 1..])?;
        check_neighbours(record, &zone)?;
    }
    Ok(zone)
}

fn check_target(
    record: &RecordSet,
    zone: &[RecordSet],
    later: &[RecordChange],
) -> Result<(), String> {
    let Some(target) = record.alias() else {
        return Ok(());
    };
    let is_target = |other: &RecordSet| other.name == target.name && other.kind == record.kind;
    let is_there =
        zone.iter().any(is_target) && !later.iter().any(|change| is_target(&change.record));
    is_there.then_some(()).ok_or_else(|| {
        format!(
            "tried to create an alias that targets {}, not found: {record:?}",
            target.name
        )
    })
}

fn check_neighbours(record: &RecordSet, zone: &[RecordSet]) -> Result<(), String> {
    let same_name = zone
        .iter()
        .filter(|other| other.name == record.name && other.kind == record.kind);
    for other in same_name.filter(|other| other.key() != record.key()) {
        let is_same_policy =
            std::mem::discriminant(&other.routing) == std::mem::discriminant(&record.routing);
        let is_same_branch =
            other.routing == record.routing && !matches!(record.routing, Routing::Weighted(_));
        if !is_same_policy || is_same_branch {
            return Err(format!("{record:?} cannot stand beside {other:?}"));
        }
    }
    Ok(())
}
