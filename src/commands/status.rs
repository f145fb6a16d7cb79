//! `dsline status`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use futures::future::join_all;
use jiff::Timestamp;

use crate::client::{Health, healthz};
use crate::dns::{find_lease, lease_of};
use crate::engine::{CpuWatch, LineView, Scope, observe};
use crate::lease::holder_of;
use crate::line::{Instance, InstanceState, Lease, LineSecret, NodeSight, Profile, Slot};
use crate::operator::{Environment, find_line_secret, line_secret};
use crate::output::{self, DnsAnswer, NodeLine, Printer, StatusReport};
use crate::plan::{Context, out_of_service, up};

use super::answers::{Verdicts, dns_answers, verdicts};
use super::global::{Global, LineArgs};
use super::outcome::Outcome;
use super::setup::{Setup, world};

/// Show nodes, health, DNS answers and drift.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    line: LineArgs,
    /// Show it again every few seconds until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// Seconds between two looks
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(2..))]
    interval: u64,
}

/// Looks and prints; with `--watch` again and again, over fresh connections each time.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let mut cpu = CpuWatch::default();
    loop {
        let report = Box::pin(look(args, global, environment, &mut cpu)).await?;
        if args.watch {
            printer.clear_screen();
        }
        output::status(printer, &report)?;
        if !args.watch {
            return Ok(if report.healthy {
                Outcome::Done
            } else {
                Outcome::Partial
            });
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(args.interval)) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Outcome::Done),
        }
    }
}

async fn look(
    args: &Args,
    global: &Global,
    environment: &Environment,
    cpu: &mut CpuWatch,
) -> Result<StatusReport> {
    // Without the upstream's key or a gateway binary the line can be seen all the same, only not be compared.
    let setup = Setup::gather(&args.line, global, environment).await;
    let (profile, world, comparable) = match setup {
        Ok(setup) => (
            setup.wanted.profile.clone(),
            setup.world,
            Ok((setup.wanted, setup.operator)),
        ),
        Err(why) => {
            let mut profile = global.profile(environment)?.profile;
            args.line.apply_to(&mut profile)?;
            let secret = line_secret(environment, &profile)?;
            (
                profile.clone(),
                Arc::new(world(environment, &profile, secret).await),
                Err(why),
            )
        }
    };
    let now = Timestamp::now();
    let view = observe(&world, &profile, Scope::NodesAtLeast, now).await?;
    let reached = verdicts(&world, &view.observed).await;
    let (mut nodes, dns, untold) = tokio::join!(
        node_lines(&profile, &view, &reached),
        dns_answers(&world, &profile, &view, &reached),
        cpu.look(&world, &view.observed, now)
    );
    let known = cpu.known();
    for node in &mut nodes {
        let of_node = node.instance.as_ref().and_then(|id| known.get(id));
        node.cpu = of_node.copied();
    }
    let out = out_of_service(&view.observed);
    let mut troubles: Vec<String> = out.iter().map(ToString::to_string).collect();
    let mut month = None;
    let comparable = match &view.zone_unseen {
        Some(why) => Err(anyhow!("the zone could not be looked at: {why}")),
        None => comparable,
    };
    let pending = match comparable {
        Ok((wanted, operator)) => {
            let plan = up(&Context::new(&wanted, &view.observed, operator))?;
            troubles.extend(
                plan.troubles
                    .iter()
                    .map(|trouble| format!("{}: {}", trouble.at, trouble.what)),
            );
            let count = plan.steps.len();
            month = plan.bill;
            Some(count)
        }
        Err(why) => {
            troubles.push(format!("cannot be compared with the profile: {why:#}"));
            None
        }
    };
    let is_sound = |node: &NodeLine| node.health == "healthy" && node.drift.is_empty();
    let is_answered = |answer: &DnsAnswer| answer.error.is_none() && !answer.nodes.is_empty();
    let healthy = !nodes.is_empty()
        && nodes.iter().all(is_sound)
        && dns.iter().all(is_answered)
        && troubles.is_empty();
    Ok(StatusReport {
        line: profile.name.clone(),
        host: profile.dns.host.clone(),
        lock: lock_of(
            &view,
            &profile,
            find_line_secret(environment, &profile)?.as_ref(),
        ),
        nodes,
        dns,
        troubles,
        notes: untold,
        pending,
        month,
        healthy,
    })
}

/// Who has the line's lock, wherever that lies.
fn lock_of(view: &LineView, profile: &Profile, secret: Option<&LineSecret>) -> Option<String> {
    let zone = view.observed.zone.iter();
    let in_zone = zone.filter_map(|zone| find_lease(&profile.name, &zone.name, &zone.records));
    let on_nodes = view
        .observed
        .nodes
        .values()
        .filter_map(|sight| match sight {
            NodeSight::Reported(report) => report.lease.as_deref().map(Lease::read),
            _ => None,
        });
    let now = Timestamp::now();
    in_zone
        .map(lease_of)
        .chain(on_nodes)
        .find_map(|lease| holder_of(&lease, secret, now))
}

/// One line for each wanted slot, and one for each instance that no slot wants.
async fn node_lines(profile: &Profile, view: &LineView, reached: &Verdicts) -> Vec<NodeLine> {
    let is_present = |instance: &&Instance| instance.state != InstanceState::ShuttingDown;
    let mut found: BTreeMap<Slot, Vec<&Instance>> =
        profile.slots().map(|slot| (slot, Vec::new())).collect();
    for instance in view.observed.instances().filter(is_present) {
        if let Some(slot) = &instance.slot {
            found.entry(slot.clone()).or_default().push(instance);
        }
    }
    let lines = found.into_iter().flat_map(|(slot, instances)| {
        let lonely = instances.is_empty().then_some((slot.clone(), None));
        instances
            .into_iter()
            .map(move |instance| (slot.clone(), Some(instance)))
            .chain(lonely)
    });
    join_all(lines.map(|(slot, instance)| node_line(view, reached, slot, instance))).await
}

async fn node_line(
    view: &LineView,
    reached: &Verdicts,
    slot: Slot,
    instance: Option<&Instance>,
) -> NodeLine {
    let Some(instance) = instance else {
        let missing = "missing".to_owned();
        return NodeLine {
            slot,
            instance: None,
            state: missing.clone(),
            address: None,
            release: None,
            gateway: None,
            traffic: None,
            cpu: None,
            health: missing,
            checkers: None,
            drift: Vec::new(),
        };
    };
    let health = health_of(instance).await;
    let checkers = verdict_of(view, reached, instance);
    let sight = view.observed.nodes.get(&instance.id);
    let (report, drift) = match sight {
        Some(NodeSight::Reported(report)) => (Some(report), report.troubles()),
        Some(
            NodeSight::Unreachable(why) | NodeSight::WrongHostKey(why) | NodeSight::Refused(why),
        ) => (None, vec![why.clone()]),
        None => (
            None,
            vec![format!("EC2 says it is {}", instance.state.word())],
        ),
    };
    let is_degraded = health == "healthy" && !drift.is_empty();
    let health = if is_degraded {
        "degraded".to_owned()
    } else {
        health
    };
    NodeLine {
        slot,
        instance: Some(instance.id.clone()),
        state: instance.state.word().to_owned(),
        address: instance.address,
        release: report.and_then(|report| report.release.clone()),
        gateway: report
            .and_then(|report| report.gateway.as_ref())
            .map(|gateway| gateway.version.clone()),
        traffic: report.and_then(|report| report.gateway.clone()),
        cpu: None,
        health,
        checkers,
        drift,
    }
}

async fn health_of(instance: &Instance) -> String {
    let Some(address) = instance.address else {
        return "unreachable".to_owned();
    };
    match healthz(address).await {
        Ok(Health { status: 200, .. }) => "healthy",
        Ok(Health { status: 503, .. }) => "draining",
        Ok(_) => "unhealthy",
        Err(_) => "unreachable",
    }
    .to_owned()
}

fn verdict_of(view: &LineView, reached: &Verdicts, instance: &Instance) -> Option<bool> {
    let checks = &view.observed.zone.as_ref()?.checks;
    let check = checks
        .iter()
        .find(|check| check.address.is_some() && check.address == instance.address)?;
    reached.get(&check.id).copied()
}
