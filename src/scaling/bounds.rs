//! What no policy may pass: sizes, free instances, the month's budget, the last healthy node.

use serde::{Deserialize, Serialize};

use super::pool::Pool;
use super::wish::Wish;

/// The line's limits as they stand for one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Fewest nodes of the region.
    pub min: u32,
    /// Most nodes of the region.
    pub max: u32,
    /// Most nodes of the whole line.
    pub total: u32,
    /// Most instances that the account may have of those that cost nothing; `None` when that is no matter.
    pub free_instances: Option<u32>,
    /// Most cents a month for the whole line; `None` for no ceiling.
    pub budget_cents: Option<u64>,
    /// A month's cents of one more node in the region.
    pub node_cents: u64,
}

/// The rest of the line, as limits that regions share see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// Nodes of the other regions, those that leave included.
    pub nodes: u32,
    /// Nodes of the other regions that serve.
    pub healthy: u32,
    /// A month's cents of everything but this region's nodes.
    pub cents: u64,
}

impl Limits {
    /// How many free instances are left to a region.
    pub(super) fn free_left(&self, pool: &Pool, elsewhere: &Elsewhere) -> u32 {
        let used = held(pool) + elsewhere.nodes;
        let by_account = self.free_instances.unwrap_or(u32::MAX);
        by_account
            .min(self.total)
            .saturating_sub(used)
            .min(self.max.saturating_sub(pool.provisioned()))
    }

    /// The change that is left of a wish, and what held the rest back.
    pub(super) fn hold(
        &self,
        pool: &Pool,
        elsewhere: &Elsewhere,
        wish: &Wish,
    ) -> (i32, Option<String>) {
        if wish.is_blind {
            return (0, None);
        }
        let provisioned = i64::from(pool.provisioned());
        let wished = provisioned + i64::from(wish.change);
        let (ceiling, of_ceiling) = self.ceiling(pool, elsewhere);
        let (floor, of_floor) = self.floor(pool, elsewhere, provisioned, ceiling);
        let (after, bound) = if wished < floor {
            (floor, Some(of_floor))
        } else if wished > ceiling.max(floor) {
            (ceiling.max(floor), Some(of_ceiling))
        } else {
            (wished, None)
        };
        let change = i32::try_from(after - provisioned).expect("fleets are small");
        (change, bound)
    }

    /// The most nodes that the region may have, and by which limit.
    fn ceiling(&self, pool: &Pool, elsewhere: &Elsewhere) -> (i64, String) {
        let others = i64::from(elsewhere.nodes) + i64::from(pool.leaving);
        let mut found = vec![
            (
                i64::from(self.max),
                format!("the region may have {} nodes", self.max),
            ),
            (
                i64::from(self.total) - others,
                format!("the line may have {} nodes", self.total),
            ),
        ];
        if let Some(free) = self.free_instances {
            let what = format!("the account may have {free} free instances");
            found.push((i64::from(free) - others, what));
        }
        if let Some(budget) = self.budget_cents.filter(|_| self.node_cents > 0) {
            let left = i128::from(budget)
                - i128::from(elsewhere.cents)
                - i128::from(self.node_cents) * i128::from(pool.leaving);
            let nodes = left.div_euclid(i128::from(self.node_cents));
            found.push((
                i64::try_from(nodes.clamp(0, i64::MAX.into())).expect("clamped"),
                format!(
                    "the budget is ${}.{:02} a month",
                    budget / 100,
                    budget % 100
                ),
            ));
        }
        let least = found.into_iter().min_by_key(|(nodes, _)| *nodes);
        let (nodes, what) = least.expect("there are always two limits");
        (nodes.max(0), what)
    }

    /// The fewest nodes that the region may have: its minimum as far as the ceiling lets it grow, what serves as the
    /// last of the line, and at most as many fewer as serve.
    fn floor(
        &self,
        pool: &Pool,
        elsewhere: &Elsewhere,
        provisioned: i64,
        ceiling: i64,
    ) -> (i64, String) {
        let min = i64::from(self.min).min(ceiling.max(provisioned));
        // Nodes that serve leave first in the worst case; those that start may never come.
        let last = if elsewhere.healthy == 0 && pool.ready > 0 {
            i64::from(pool.starting) + 1
        } else {
            0
        };
        if last > min {
            (last, "the last healthy node stays".to_owned())
        } else {
            (min, format!("the region has at least {} nodes", self.min))
        }
    }
}

/// Instances of the region that cost.
fn held(pool: &Pool) -> u32 {
    pool.provisioned() + pool.leaving
}
