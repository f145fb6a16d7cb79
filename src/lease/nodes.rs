//! A lease as a file on every node that can be reached: two who share one node cannot both have it.

use futures::future::join_all;

use super::store::{Lost, SwapError};
use crate::line::Lease;
use crate::remote::{Blocked, Session, read_lease, swap_lease};

/// A line's lease on its nodes, in the order of their slots.
pub struct NodeStore {
    nodes: Vec<(Session, Option<Lease>)>,
}

impl NodeStore {
    pub(super) fn new(nodes: Vec<(Session, Option<Lease>)>) -> Self {
        Self { nodes }
    }

    /// Somebody's hold on any node binds; else the greatest fence counts.
    pub(super) fn seen(&self) -> Option<Lease> {
        let seen = || self.nodes.iter().filter_map(|(_, lease)| lease.as_ref());
        let held = seen().find(|lease| lease.hold.is_some());
        held.or_else(|| seen().max_by_key(|lease| lease.fence))
            .cloned()
    }

    pub(super) async fn look(&mut self) -> Result<Option<Lease>, Blocked> {
        let looks = self.nodes.iter().map(|(session, _)| read_lease(session));
        let found = join_all(looks).await;
        self.keep(found)?;
        Ok(self.seen())
    }

    /// Takes what the nodes said; one that cannot be reached has no say, unless nobody can.
    fn keep(&mut self, found: Vec<Result<Option<Lease>, Blocked>>) -> Result<(), Blocked> {
        let mut why = None;
        let nodes = std::mem::take(&mut self.nodes).into_iter().zip(found);
        self.nodes = nodes
            .filter_map(|((session, _), found)| match found {
                Ok(lease) => Some((session, lease)),
                Err(blocked) => {
                    why = Some(blocked);
                    None
                }
            })
            .collect();
        match why {
            Some(blocked) if self.nodes.is_empty() => Err(blocked),
            _ => Ok(()),
        }
    }

    /// Swaps on one node after the other, so that of two who try one is first everywhere; undone if one node refuses.
    pub(super) async fn swap(&mut self, new: Option<&Lease>) -> Result<(), SwapError> {
        let mut found = Vec::new();
        let mut lost = None;
        for (session, old) in &self.nodes {
            let now = match lost {
                None => swap_lease(session, old.as_ref(), new).await,
                Some(_) => Ok(old.clone()),
            };
            if let Ok(now) = &now
                && now.as_ref() != new
                && lost.is_none()
            {
                lost = Some(Lost { now: now.clone() });
            }
            found.push(now);
        }
        if lost.is_some() {
            self.undo(&mut found, new).await;
        }
        // A node that is gone guards nothing any more: nobody else reaches it either.
        let _ = self.keep(found);
        lost.map_or(Ok(()), |lost| Err(SwapError::Lost(lost)))
    }

    async fn undo(&self, found: &mut [Result<Option<Lease>, Blocked>], new: Option<&Lease>) {
        for ((session, old), now) in self.nodes.iter().zip(found) {
            if matches!(now, Ok(now) if now.as_ref() == new) && old.as_ref() != new {
                let back = old.clone().map(|lease| lease.given_back());
                *now = swap_lease(session, new, back.as_ref()).await;
            }
        }
    }
}
