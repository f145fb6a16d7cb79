//! The revocations of a line: the union of what its nodes hold, and the way of a new one to all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;

use crate::line::{Generation, Revocation, Slot};
use crate::remote::revoke;

use super::world::World;

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A node that may hold revocations.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// Its slot.
    pub slot: Slot,
    /// Its generation, by which it is known again.
    pub generation: Generation,
    /// Its address, if it has one.
    pub address: Option<std::net::Ipv4Addr>,
}

/// What came of telling the nodes.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    /// All revocations of the line, as far as its nodes could be asked.
    pub all: BTreeSet<Revocation>,
    /// The nodes that hold all of them.
    pub reached: BTreeSet<Slot>,
    /// The nodes that could not be told, and why.
    pub missed: BTreeMap<Slot, String>,
}

/// Adds revocations everywhere; a node that missed others before gets those too.
pub async fn share(world: &World, nodes: &[Keeper], added: &BTreeSet<Revocation>) -> Shared {
    let mut shared = Shared::default();
    let answers = tell(world, nodes, added).await;
    for held in answers.iter().filter_map(|(_, held)| held.as_ref().ok()) {
        shared.all.extend(held.iter().cloned());
    }
    let behind: Vec<Keeper> = answers
        .iter()
        .filter(|(_, held)| held.as_ref().is_ok_and(|held| *held != shared.all))
        .map(|(node, _)| (*node).clone())
        .collect();
    let again = tell(world, &behind, &shared.all).await;
    for (node, held) in answers.iter().chain(&again) {
        match held {
            Ok(_) => shared.reached.insert(node.slot.clone()),
            Err(why) => {
                shared.reached.remove(&node.slot);
                shared.missed.insert(node.slot.clone(), why.clone());
                true
            }
        };
    }
    shared
}

type Answer<'a> = (&'a Keeper, Result<BTreeSet<Revocation>, String>);

async fn tell<'a>(
    world: &World,
    nodes: &'a [Keeper],
    added: &BTreeSet<Revocation>,
) -> Vec<Answer<'a>> {
    join_all(nodes.iter().map(async |node| {
        let answer = ask(world, node, added).await;
        (node, answer)
    }))
    .await
}

async fn ask(
    world: &World,
    node: &Keeper,
    added: &BTreeSet<Revocation>,
) -> Result<BTreeSet<Revocation>, String> {
    let address = node.address.ok_or("it has no address")?;
    let session = world
        .session(&node.slot, node.generation, address, PATIENCE)
        .await
        .map_err(|blocked| blocked.to_string())?;
    revoke(&session, added)
        .await
        .map_err(|blocked| blocked.to_string())
}
