//! In which order Route 53 takes records: an alias after its target, a deletion the other way round.

use std::collections::HashMap;

use crate::line::{Failover, RecordSet, Routing};

/// Sorts records so that every alias stands after all records of its target's name; deletions take it reversed.
///
/// Route 53 refuses an alias whose target is missing at that point of the batch, and takes one that is
/// changed later in the same batch for missing.
pub(super) fn sort_targets_first(records: &mut [&RecordSet], among: &[RecordSet]) {
    let depths = depths(among);
    let is_secondary =
        |record: &RecordSet| record.routing == Routing::Failover(Failover::Secondary);
    records.sort_by_key(|record| {
        (
            depth_of(record, &depths),
            is_secondary(record),
            record.key(),
        )
    });
}

/// How many aliases lie at most between a name and an address, by name.
fn depths(records: &[RecordSet]) -> HashMap<&str, usize> {
    let mut depths: HashMap<&str, usize> = records
        .iter()
        .map(|record| (record.name.as_str(), 0))
        .collect();
    // One pass settles one more level; a circle (nobody but a person makes one) must not keep us for ever.
    for _ in 0..records.len() {
        let mut is_settled = true;
        for record in records {
            let depth = depth_of(record, &depths);
            if depths[record.name.as_str()] < depth {
                depths.insert(&record.name, depth);
                is_settled = false;
            }
        }
        if is_settled {
            break;
        }
    }
    depths
}

fn depth_of(record: &RecordSet, depths: &HashMap<&str, usize>) -> usize {
    record.alias().map_or(0, |target| {
        1 + depths.get(target.name.as_str()).copied().unwrap_or(0)
    })
}
