//! `dsline doctor --security`

use std::time::Duration;

use anyhow::{Result, anyhow};
use futures::future::join_all;

use crate::client::edge;
use crate::doctor::{judge_inside, judge_outside};
use crate::engine::World;
use crate::line::{Hint as _, Inside, Instance, Profile, Slot};
use crate::operator::{Environment, line_secret};
use crate::output::{self, NodeFindings, Printer};
use crate::remote::defences;

use super::exec::running_nodes;
use super::global::Global;
use super::outcome::Outcome;
use super::setup::world;

/// What is its owner's on a machine that was not launched for the line, and is judged by nobody else.
const OWNERS: [&str; 3] = ["sshd", "firewall", "upgrades"];
/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at all nodes at once and says what is wrong where.
pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let profile = global.profile(environment)?.profile;
    let secret = line_secret(environment, &profile)?;
    let world = world(environment, &profile, secret).await;
    let regions = world.cloud.enabled_regions().await?.known;
    let nodes = running_nodes(&world, &profile, &regions).await?;
    if nodes.is_empty() {
        return Err(anyhow!("line `{}` has no running node", profile.name))
            .hint("`dsline status` shows the line's nodes");
    }
    let looks = nodes
        .iter()
        .map(|(slot, instance)| look(&world, &profile, slot, instance));
    let found = join_all(looks).await;
    output::findings(printer, &found)?;
    Ok(if found.iter().all(NodeFindings::is_good) {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

async fn look(world: &World, profile: &Profile, slot: &Slot, instance: &Instance) -> NodeFindings {
    let inside = inside(world, slot, instance).await;
    let outside = match instance.address {
        Some(address) => {
            let name = if profile.has_domain() {
                profile.dns.host.clone()
            } else {
                address.to_string()
            };
            // Whatever the node itself listens on is tried from here.
            let listening = inside.as_ref().map(|inside| inside.listening.clone());
            let seen = edge(address, &name, &listening.unwrap_or_default()).await;
            judge_outside(&seen, profile)
        }
        None => Vec::new(),
    };
    let mut findings = inside
        .as_ref()
        .map_or_else(|_| Vec::new(), |inside| judge_inside(inside, profile));
    findings.retain(|finding| !slot.is_brought() || !OWNERS.contains(&finding.about));
    NodeFindings {
        node: slot.clone(),
        not_looked_at: inside.as_ref().err().cloned(),
        outside,
        inside: findings,
    }
}

/// What the node says of itself, or why it cannot be asked.
async fn inside(world: &World, slot: &Slot, instance: &Instance) -> Result<Inside, String> {
    let address = instance.address.ok_or("it has no address")?;
    let session = world
        .session(slot, instance.generation, address, PATIENCE)
        .await
        .map_err(|blocked| blocked.to_string())?;
    defences(&session)
        .await
        .map_err(|blocked| blocked.to_string())
}
