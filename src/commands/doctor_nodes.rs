//! Gathers what `doctor` judges of each node of a line, all nodes at once.

use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;
use jiff::Timestamp;

use crate::doctor::{Patient, diagnose};
use crate::engine::{CpuWatch, LineView, Scope, World, observe};
use crate::line::{CpuSight, Instance, InstanceState, NodeReport, NodeSight, Profile, Slot};
use crate::operator::{Environment, find_line_secret};
use crate::output::NodeCheckup;
use crate::remote::symptoms;

use super::setup::world;

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at every node of the line; none without the line's secret, which opens them.
pub(super) async fn look(environment: &Environment, profile: &Profile) -> Vec<NodeCheckup> {
    let Ok(Some(secret)) = find_line_secret(environment, profile) else {
        return Vec::new();
    };
    let world = world(environment, profile, secret).await;
    let now = Timestamp::now();
    // What stands in the way of a look at the line is found by the look at the account.
    let Ok(view) = Box::pin(observe(&world, profile, Scope::Nodes, now)).await else {
        return Vec::new();
    };
    let mut cpu = CpuWatch::default();
    cpu.look(&world, &view.observed, now).await;
    let known = cpu.known();
    let running = running(&view);
    let looks = running.iter().map(|(slot, instance)| {
        let desk = Desk {
            world: &world,
            profile,
            now,
            cpu: known.get(&instance.id).copied(),
        };
        let sight = view.observed.nodes.get(&instance.id);
        async move { look_at(&desk, slot, instance, sight).await }
    });
    join_all(looks).await
}

struct Desk<'a> {
    world: &'a World,
    profile: &'a Profile,
    now: Timestamp,
    cpu: Option<CpuSight>,
}

fn running(view: &LineView) -> Vec<(Slot, &Instance)> {
    let instances = view.observed.instances();
    let running = instances.filter(|one| one.state == InstanceState::Running);
    let mut nodes: Vec<(Slot, &Instance)> = running
        .filter_map(|one| Some((one.slot.clone()?, one)))
        .collect();
    nodes.sort_by(|a, b| a.0.cmp(&b.0));
    nodes
}

async fn look_at(
    desk: &Desk<'_>,
    slot: &Slot,
    instance: &Instance,
    sight: Option<&NodeSight>,
) -> NodeCheckup {
    let found = match sight {
        Some(NodeSight::Reported(report)) => ask(desk, slot, instance, report).await,
        Some(
            NodeSight::Unreachable(why) | NodeSight::WrongHostKey(why) | NodeSight::Refused(why),
        ) => Err(why.clone()),
        None => Err("it has no address".to_owned()),
    };
    match found {
        Ok(findings) => NodeCheckup {
            node: slot.clone(),
            not_looked_at: None,
            findings,
        },
        Err(why) => NodeCheckup {
            node: slot.clone(),
            not_looked_at: Some(why),
            findings: Vec::new(),
        },
    }
}

async fn ask(
    desk: &Desk<'_>,
    slot: &Slot,
    instance: &Instance,
    report: &NodeReport,
) -> Result<Vec<crate::doctor::Finding>, String> {
    let address = instance.address.ok_or("it has no address")?;
    let session = desk
        .world
        .session(slot, instance.generation, address, PATIENCE)
        .await
        .map_err(|blocked| blocked.to_string())?;
    let symptoms = symptoms(&session)
        .await
        .map_err(|blocked| blocked.to_string())?;
    let patient = Patient {
        symptoms: &symptoms,
        report,
        cpu: desk.cpu,
        profile: desk.profile,
    };
    Ok(diagnose(patient, desk.now))
}
