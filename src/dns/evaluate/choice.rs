//! Which records of one group answer, by its routing policy, the health of its records and the asker's place.
//!
//! Rules: Route 53 Developer Guide, "How Amazon Route 53 chooses records when health checking is configured",
//! "Values specific for geolocation alias records", "Active-active and active-passive failover".

use super::fault::Unanswerable;
use super::step::Turn;
use super::tree::Group;
use super::walk::Walk;
use crate::line::{Failover, Place, Routing};

/// More values than this do not stand in one multivalue answer.
const MOST_VALUES: usize = 8;

impl<'a> Walk<'_, 'a> {
    /// The members of a group that can answer; each step that rules one out is put on the path.
    pub(super) fn choose(
        &mut self,
        group: &Group<'a>,
        depth: usize,
    ) -> Result<Vec<usize>, Unanswerable> {
        let members = group.members.clone();
        let first = &self.tree.records[members.start].routing;
        let is_mixed = |member: usize| {
            let routing = &self.tree.records[member].routing;
            std::mem::discriminant(routing) != std::mem::discriminant(first)
        };
        if members.clone().any(is_mixed) {
            return Err(Unanswerable::Mixed {
                name: group.name.to_owned(),
                kind: group.kind.name().to_owned(),
            });
        }
        Ok(match first {
            // There is nothing else to choose, so a check on it changes nothing.
            Routing::Simple => vec![members.start],
            Routing::Weighted(_) => self.by_weight(group, depth),
            Routing::Failover(_) => self.by_failover(group, depth),
            Routing::Geolocation(_) => self.by_place(group, depth),
            Routing::Multivalue => self.by_multivalue(group, depth),
            Routing::Other(routing) => {
                return Err(Unanswerable::Unsupported {
                    name: group.name.to_owned(),
                    routing: routing.clone(),
                });
            }
        })
    }

    /// The record of the smallest region around the asker that is healthy; never a neighbour's.
    fn by_place(&mut self, group: &Group<'a>, depth: usize) -> Vec<usize> {
        let place = self.place;
        let of = |place: Place| {
            let mut members = group.members.clone();
            members.find(|member| self.tree.records[*member].routing == Routing::Geolocation(place))
        };
        let candidates: Vec<usize> = place.widening().filter_map(of).collect();
        if candidates.is_empty() {
            self.tell(depth, group.name, Turn::NoPlace(place));
            return Vec::new();
        }
        self.first_healthy(&candidates, group, depth)
    }

    /// The primary while it is healthy, then the secondary; the primary again when neither is.
    fn by_failover(&mut self, group: &Group<'a>, depth: usize) -> Vec<usize> {
        let is_secondary = |member: &usize| {
            self.tree.records[*member].routing == Routing::Failover(Failover::Secondary)
        };
        let mut candidates: Vec<usize> = group.members.clone().collect();
        candidates.sort_by_key(is_secondary);
        self.first_healthy(&candidates, group, depth)
    }

    fn first_healthy(
        &mut self,
        candidates: &[usize],
        group: &Group<'a>,
        depth: usize,
    ) -> Vec<usize> {
        for member in candidates {
            if self.is_healthy(*member) {
                return vec![*member];
            }
            let record = self.tree.records[*member];
            self.tell(depth, group.name, Turn::PassedOver(record));
        }
        self.tell(depth, group.name, Turn::AllUnhealthy);
        candidates[..1].to_vec()
    }

    /// The healthy records that have a weight, else the healthy ones without; all with a weight when none is healthy.
    fn by_weight(&mut self, group: &Group<'a>, depth: usize) -> Vec<usize> {
        let (idle, weighted): (Vec<usize>, Vec<usize>) = group
            .members
            .clone()
            .partition(|member| self.tree.records[*member].routing == Routing::Weighted(0));
        for pool in [&weighted, &idle] {
            let healthy = self.healthy_of(pool, group, depth);
            if !healthy.is_empty() {
                return healthy;
            }
        }
        self.tell(depth, group.name, Turn::AllUnhealthy);
        if weighted.is_empty() { idle } else { weighted }
    }

    /// The healthy records, or all when none is; up to eight of them at once.
    fn by_multivalue(&mut self, group: &Group<'a>, depth: usize) -> Vec<usize> {
        let all: Vec<usize> = group.members.clone().collect();
        let mut pool = self.healthy_of(&all, group, depth);
        if pool.is_empty() {
            self.tell(depth, group.name, Turn::AllUnhealthy);
            pool = all;
        }
        if pool.len() > MOST_VALUES {
            self.tell(depth, group.name, Turn::EightOf(pool.len()));
        }
        pool
    }

    fn healthy_of(&mut self, pool: &[usize], group: &Group<'a>, depth: usize) -> Vec<usize> {
        let mut healthy = Vec::with_capacity(pool.len());
        for member in pool {
            if self.is_healthy(*member) {
                healthy.push(*member);
            } else {
                let record = self.tree.records[*member];
                self.tell(depth, group.name, Turn::PassedOver(record));
            }
        }
        healthy
    }
}
