//! `dsline ssh`

use anyhow::{Context as _, Result};

use crate::line::{Hint as _, Slot};
use crate::operator::{Environment, line_secret, write_whole};
use crate::remote::{known_hosts_line, openssh_command};

use super::exec::running_nodes;
use super::global::Global;
use super::outcome::Outcome;
use super::setup::{door, world};

/// Open a shell on a node.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The node, such as `us-east-1/1`
    #[arg(value_name = "NODE")]
    node: Slot,
    /// A command to run there instead of a shell
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs the operator's own `ssh`, which trusts the node's derived host keys and nothing else.
pub async fn run(args: &Args, global: &Global, environment: &Environment) -> Result<Outcome> {
    let profile = global.profile(environment)?.profile;
    let secret = line_secret(environment, &profile)?;
    let region = [args.node.region.clone()];
    let world = world(environment, &profile, secret.clone()).await;
    let nodes = running_nodes(&world, &profile, &region).await?;
    let (slot, instance) = nodes
        .into_iter()
        .find(|(slot, _)| *slot == args.node)
        .with_context(|| format!("no running node fills {}", args.node))
        .hint("`dsline status` shows the line's nodes")?;
    let address = instance
        .address
        .with_context(|| format!("{slot} has no address yet"))?;
    let door = door(environment, &profile);
    let target = door.target(&secret, &slot, instance.generation, address);
    let folder = environment.configuration_folder();
    let known_hosts = folder.join(format!("known_hosts.{}", profile.name));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    write_whole(
        &known_hosts,
        known_hosts_line(&door, &target).as_bytes(),
        0o644,
    )?;
    let (program, arguments) =
        openssh_command(&door, &target, &known_hosts).map_err(anyhow::Error::msg)?;
    let status = tokio::process::Command::new(program)
        .args(arguments)
        .args(&args.command)
        .status()
        .await
        .with_context(|| format!("cannot run `{program}`"))
        .hint("install OpenSSH's client")?;
    Ok(Outcome::Child(
        status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1),
    ))
}
