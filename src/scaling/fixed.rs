//! A number of nodes that load does not change.

use serde::{Deserialize, Serialize};

use super::pool::Pool;
use super::wish::{Wish, difference};

/// Always so many nodes in a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixed {
    /// How many.
    pub nodes: u32,
}

impl Fixed {
    pub(super) fn wish(&self, pool: &Pool) -> Wish {
        let provisioned = pool.provisioned();
        Wish {
            change: difference(self.nodes, provisioned),
            rule: "fixed",
            why: format!("{} nodes are wanted, {provisioned} are there", self.nodes),
            why_not_more: "the number is fixed".to_owned(),
            why_not_less: "the number is fixed".to_owned(),
            is_blind: false,
        }
    }
}
