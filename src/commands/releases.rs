//! `dsline releases`

use anyhow::Result;
use jiff::Timestamp;

use crate::engine::{Scope, observe};
use crate::line::{NodeSight, Slot};
use crate::operator::{Environment, line_secret};
use crate::output::{self, NodeReleases, Printer};

use super::global::Global;
use super::outcome::Outcome;
use super::setup::world;

/// Show the releases that each node remembers: who brought them, when and why, and what became of them.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Asks every node.
pub async fn run(
    _args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let profile = global.profile(environment)?.profile;
    let secret = line_secret(environment, &profile)?;
    let world = world(environment, &profile, secret).await;
    let view = Box::pin(observe(&world, &profile, Scope::Nodes, Timestamp::now())).await?;
    let mut nodes: Vec<(&Slot, NodeReleases)> = Vec::new();
    for instance in view.observed.instances() {
        let (Some(slot), Some(sight)) = (&instance.slot, view.observed.nodes.get(&instance.id))
        else {
            continue;
        };
        let node = match sight {
            NodeSight::Reported(report) => NodeReleases {
                node: slot.clone(),
                live: report.number,
                pending: report.pending,
                releases: report.releases.values().rev().cloned().collect(),
                error: None,
            },
            NodeSight::Unreachable(why)
            | NodeSight::WrongHostKey(why)
            | NodeSight::Refused(why) => NodeReleases {
                node: slot.clone(),
                live: None,
                pending: None,
                releases: Vec::new(),
                error: Some(why.clone()),
            },
        };
        nodes.push((slot, node));
    }
    nodes.sort_by_key(|(slot, _)| (*slot).clone());
    let nodes: Vec<NodeReleases> = nodes.into_iter().map(|(_, node)| node).collect();
    output::releases(printer, &nodes)?;
    Ok(if nodes.iter().all(|node| node.error.is_none()) {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}
