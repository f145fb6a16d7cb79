//! Where a line's records stand: the names under its host name and the roles in their set identifiers.
//!
//! For the host name `llm.example.com`:
//! - `llm.example.com`: one geolocation record per place (continents, mapped countries and states, everyone else);
//! - `via-1.eu-west-1.llm.example.com`: first level of the chain that starts in `eu-west-1`, one failover pair;
//!   `via-2.…` the next, down to the last but one region;
//! - `eu-west-1.llm.example.com`: the region's group, one weighted record per node.
//!
//! The longest prefix has 23 characters (`via-28.ap-southeast-1.`), so host names of up to 230 fit into DNS's 253.

use crate::line::{Failover, Place, Region, Slot};

/// The name of a region's group of nodes.
pub(super) fn group_name(region: &Region, host: &str) -> String {
    format!("{region}.{host}")
}

/// The name of a level, from 1, of the chain that starts in a region.
pub(super) fn chain_name(home: &Region, level: usize, host: &str) -> String {
    format!("via-{level}.{home}.{host}")
}

/// The role of a node's record.
pub(super) fn node_role(slot: &Slot) -> String {
    format!("node/{slot}")
}

/// The slot that a role names; `None` when it is no node's.
pub(super) fn slot_of_role(role: &str) -> Option<Slot> {
    role.strip_prefix("node/")?.parse().ok()
}

/// The role of one half of a chain's level.
pub(super) fn chain_role(home: &Region, level: usize, half: Failover) -> String {
    let half = match half {
        Failover::Primary => "primary",
        Failover::Secondary => "secondary",
    };
    format!("via/{home}/{level}/{half}")
}

/// The role of a place's record.
pub(super) fn place_role(place: Place) -> String {
    match place {
        Place::Everyone => "place/everyone".to_owned(),
        place => format!("place/{place}"),
    }
}
