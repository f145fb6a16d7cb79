//! Where a lease lies, and the one thing that is done with it: compare and swap.

use std::fmt;

use super::nodes::NodeStore;
use super::zone::ZoneStore;
use crate::cloud::{ChangeId, Cloud, Zone};
use crate::dns::ChangeBatch;
use crate::line::{Lease, LineName, RecordSet};
use crate::remote::Session;

/// A place for leases.
pub enum Store {
    /// A TXT record in the line's hosted zone.
    Zone(Box<ZoneStore>),
    /// A file on each of the line's nodes.
    Nodes(NodeStore),
}

/// The lease is not what its holder left: somebody else has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// What it is now.
    pub now: Option<Lease>,
}

impl Lost {
    /// What to do next.
    pub fn hint(&self) -> String {
        "run the command again: it waits for the lock and finds what has been done".to_owned()
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock was taken over by somebody else, who found this command silent")
    }
}

impl std::error::Error for Lost {}

/// Why a swap did not happen.
#[derive(Debug)]
pub enum SwapError {
    /// Somebody else swapped before.
    Lost(Lost),
    /// It could not be tried, or what rode along was refused; the lease is as it was, as far as is known.
    Failed(anyhow::Error),
}

impl From<SwapError> for anyhow::Error {
    fn from(error: SwapError) -> Self {
        match error {
            SwapError::Lost(lost) => lost.into(),
            SwapError::Failed(error) => error,
        }
    }
}

impl Store {
    /// A hosted zone whose records were just read.
    pub fn in_zone(cloud: Cloud, zone: Zone, line: &LineName, records: &[RecordSet]) -> Self {
        Self::Zone(Box::new(ZoneStore::new(cloud, zone, line, records)))
    }

    /// Nodes, each with a session for nothing but its lease and with the lease it just reported.
    pub fn on_nodes(nodes: Vec<(Session, Option<Lease>)>) -> Self {
        Self::Nodes(NodeStore::new(nodes))
    }

    /// The zone's id, if it lies in one.
    pub fn zone_id(&self) -> Option<&str> {
        match self {
            Self::Zone(zone) => Some(zone.id()),
            Self::Nodes(_) => None,
        }
    }

    /// The lease as it was seen last.
    pub(super) fn seen(&self) -> Option<Lease> {
        match self {
            Self::Zone(zone) => zone.seen(),
            Self::Nodes(nodes) => nodes.seen(),
        }
    }

    /// Looks again.
    pub(super) async fn look(&mut self) -> Result<Option<Lease>, anyhow::Error> {
        match self {
            Self::Zone(zone) => Ok(zone.look().await?),
            Self::Nodes(nodes) => Ok(nodes.look().await?),
        }
    }

    /// Puts `new` in place of what was seen last; in a zone together with a batch, as a whole or not at all.
    pub(super) async fn swap(
        &mut self,
        new: Option<&Lease>,
        batch: ChangeBatch,
    ) -> Result<Option<ChangeId>, SwapError> {
        match self {
            Self::Zone(zone) => zone.swap(new, batch).await,
            Self::Nodes(nodes) => nodes.swap(new).await.map(|()| None),
        }
    }
}
