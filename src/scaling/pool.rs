//! A region's nodes as a policy sees them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::line::Region;

use super::load::History;

/// The nodes of one region, with their load and what scaling did to them lately.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// The region.
    pub region: Region,
    /// Nodes that serve.
    pub ready: u32,
    /// Nodes that were launched and do not serve yet.
    pub starting: u32,
    /// Nodes that are on their way out; they cost, and take nothing new.
    pub leaving: u32,
    /// Seconds from a launch to the first request.
    pub boot_seconds: u32,
    /// The load.
    pub history: History,
    /// What scaling did, oldest first; only the last hour matters.
    pub changes: Vec<Change>,
}

/// A change that scaling made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// Nodes more, or fewer when it is below zero.
    pub by: i32,
}

impl Pool {
    /// Nodes that serve or will.
    pub fn provisioned(&self) -> u32 {
        self.ready + self.starting
    }

    /// Time since the last change that `is_meant` picks; `None` when there was none.
    pub(super) fn since_change(
        &self,
        now: Timestamp,
        is_meant: impl Fn(&Change) -> bool,
    ) -> Option<SignedDuration> {
        let last = self.changes.iter().rev().find(|change| is_meant(change));
        last.map(|change| now.duration_since(change.at))
    }

    /// How often scaling turned round within a window: a change out after one in, or the other way.
    pub(super) fn turns(&self, now: Timestamp, window: SignedDuration) -> u32 {
        let recent: Vec<i32> = self
            .changes
            .iter()
            .filter(|change| now.duration_since(change.at) < window && change.by != 0)
            .map(|change| change.by.signum())
            .collect();
        let turns = recent.windows(2).filter(|pair| pair[0] != pair[1]).count();
        u32::try_from(turns).unwrap_or(u32::MAX)
    }
}
