//! What the loop knows from ticks before: load, changes and sizes, all of which its own log gives back after a restart.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::line::Region;
use crate::scaling::{Change, Decision, History, Sample};

/// Only the last hour of changes matters to any policy.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// What the loop remembers of every region.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory(BTreeMap<Region, Past>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Past {
    history: History,
    changes: Vec<Change>,
    /// Nodes after the last tick, as it left them.
    provisioned: Option<u32>,
}

impl Memory {
    /// The memory that a tick's decisions leave behind.
    pub fn after(decisions: &[Decision]) -> Self {
        let past = |decision: &Decision| {
            let pool = &decision.inputs.pool;
            let mut changes = pool.changes.clone();
            if decision.change != 0 {
                changes.push(Change {
                    at: decision.inputs.at,
                    by: decision.change,
                });
            }
            let past = Past {
                history: pool.history.clone(),
                changes,
                provisioned: pool.provisioned().checked_add_signed(decision.change),
            };
            (pool.region.clone(), past)
        };
        Self(decisions.iter().map(past).collect())
    }

    /// The same, with what an older memory knows of regions that this one says nothing about.
    #[must_use]
    pub fn over(mut self, older: &Self) -> Self {
        for (region, past) in &older.0 {
            self.0.entry(region.clone()).or_insert_with(|| past.clone());
        }
        self
    }

    /// A region's load up to now, with a new sample if there is one.
    pub(super) fn history(&self, region: &Region, sample: Option<Sample>) -> History {
        let mut history = self.past(region).history;
        if let Some(sample) = sample {
            history.push(sample);
        }
        history
    }

    /// A region's changes in the last hour: those of the loop, and what somebody else did since the last tick.
    pub(super) fn changes(&self, region: &Region, provisioned: u32, now: Timestamp) -> Vec<Change> {
        let past = self.past(region);
        let mut changes = past.changes;
        let before = past.provisioned.unwrap_or(provisioned);
        let by = i64::from(provisioned) - i64::from(before);
        if by != 0 {
            let by = i32::try_from(by).expect("a region has few nodes");
            changes.push(Change { at: now, by });
        }
        changes.retain(|change| now.duration_since(change.at) < KEPT);
        changes
    }

    /// When the number of a region's nodes last changed.
    pub(super) fn last_change(&self, region: &Region) -> Option<Timestamp> {
        self.0.get(region)?.changes.last().map(|change| change.at)
    }

    fn past(&self, region: &Region) -> Past {
        self.0.get(region).cloned().unwrap_or_default()
    }
}
