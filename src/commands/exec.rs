//! `dsline exec`

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, anyhow};
use futures::future::join_all;
use serde::Serialize;

use crate::engine::World;
use crate::line::{Hint as _, Instance, InstanceState, Profile, Region, Slot};
use crate::operator::{Environment, line_secret};
use crate::output::Printer;
use crate::remote::{Blocked, Command};

use super::global::Global;
use super::outcome::Outcome;
use super::setup::world;

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Run a command on nodes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Nodes (`us-east-1/1`) or regions; otherwise all
    #[arg(long, value_delimiter = ',', value_name = "NODE,...")]
    on: Vec<Meant>,
    /// The command, run by the login shell of the node's user
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Nodes as a user names them.
#[derive(Clone, Debug)]
enum Meant {
    Node(Slot),
    Region(Region),
}

impl Meant {
    fn region(&self) -> &Region {
        match self {
            Self::Node(slot) => &slot.region,
            Self::Region(region) => region,
        }
    }

    fn includes(&self, slot: &Slot) -> bool {
        match self {
            Self::Node(meant) => meant == slot,
            Self::Region(region) => *region == slot.region,
        }
    }
}

impl FromStr for Meant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            text.parse().map(Self::Node)
        } else {
            text.parse().map(Self::Region)
        }
    }
}

#[derive(Serialize)]
struct Ran {
    node: Slot,
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the command everywhere at once and prints each node's answer in order.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let profile = global.profile(environment)?.profile;
    let secret = line_secret(environment, &profile)?;
    let world = world(environment, &profile, secret).await;
    // Without a choice, everywhere: a region given to `up` by hand need not be in the profile.
    let regions = if args.on.is_empty() {
        world.cloud.enabled_regions().await?.known
    } else {
        args.on
            .iter()
            .map(|meant| meant.region().clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    };
    let nodes = running_nodes(&world, &profile, &regions).await?;
    let is_meant =
        |slot: &Slot| args.on.is_empty() || args.on.iter().any(|meant| meant.includes(slot));
    let meant: Vec<(Slot, Instance)> = nodes
        .into_iter()
        .filter(|(slot, _)| is_meant(slot))
        .collect();
    if meant.is_empty() {
        return Err(anyhow!("line `{}` has no running node there", profile.name))
            .hint("`dsline status` shows the line's nodes");
    }
    let command = Command::of_user(&args.command);
    let runs: Vec<Ran> = join_all(
        meant
            .iter()
            .map(|(slot, instance)| run_on(&world, slot, instance, &command)),
    )
    .await;
    for ran in &runs {
        print_run(printer, ran);
    }
    printer.document(&runs)?;
    Ok(if runs.iter().all(|ran| ran.status == Some(0)) {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

/// The line's running nodes in some regions, and the operator's own machines there, by slot.
pub(super) async fn running_nodes(
    world: &World,
    profile: &Profile,
    regions: &[Region],
) -> Result<Vec<(Slot, Instance)>> {
    let looks = join_all(
        regions
            .iter()
            .map(|region| world.cloud.instances(region, &profile.name)),
    )
    .await;
    let mut nodes = Vec::new();
    for instance in looks
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
    {
        if let (Some(slot), InstanceState::Running) = (instance.slot.clone(), instance.state) {
            nodes.push((slot, instance));
        }
    }
    let brought = profile.brought_instances().into_iter();
    let brought = brought.filter(|instance| regions.contains(&instance.region));
    nodes.extend(brought.filter_map(|instance| Some((instance.slot.clone()?, instance))));
    nodes.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(nodes)
}

async fn run_on(world: &World, slot: &Slot, instance: &Instance, command: &Command) -> Ran {
    let failed = |why: String| Ran {
        node: slot.clone(),
        status: None,
        stdout: String::new(),
        stderr: why,
    };
    let Some(address) = instance.address else {
        return failed("it has no address".to_owned());
    };
    let session = match world
        .session(slot, instance.generation, address, PATIENCE)
        .await
    {
        Ok(session) => session,
        Err(blocked) => return failed(told(&blocked)),
    };
    match session.run(command, None).await {
        Ok(output) => Ran {
            node: slot.clone(),
            status: Some(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: output.stderr,
        },
        Err(blocked) => failed(told(&blocked)),
    }
}

/// What stands in the way, and what to do about it.
fn told(blocked: &Blocked) -> String {
    let hint = blocked.hint().map(|hint| format!("\nhint: {hint}"));
    format!("{blocked}{}", hint.unwrap_or_default())
}

fn print_run(printer: &Printer, ran: &Ran) {
    for line in ran.stdout.lines().chain(ran.stderr.lines()) {
        printer.line(format!("{:<19} {line}", ran.node.to_string()));
    }
    match ran.status {
        Some(0) => {}
        Some(status) => printer.line(printer.bad(&format!(
            "{:<19} exited with {status}",
            ran.node.to_string()
        ))),
        None => printer.line(printer.bad(&format!("{:<19} not run", ran.node.to_string()))),
    }
}
