//! `dsline teardown`

use std::sync::Arc;

use anyhow::{Result, bail};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::cloud::Cloud;
use crate::engine::{Receipt, Stop, World, apply, observe_everything, sweep};
use crate::line::{KeyId, LineName, LineSecret, Observed};
use crate::operator::{Environment, find_line_secret};
use crate::output::{self, Printer, show_progress};
use crate::plan::{Plan, Refusal, teardown};

use super::global::Global;
use super::outcome::Outcome;
use super::up::may_apply;

/// Remove everything of the line, in every region, then look again.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Do not ask before removing anything
    #[arg(long, short)]
    yes: bool,
    /// Remove a line that was made with another line secret
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    plan: &'a Plan,
    receipt: &'a Receipt,
    clean: bool,
}

/// Observes every region, plans, asks, applies, sweeps again and prints a receipt.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let profile = global.profile(environment)?.profile;
    let world = Arc::new(World::without_nodes(Cloud::open().await));
    let (observed, zones) = observe_everything(&world, &profile.name).await?;
    if !args.force {
        refuse_anothers(
            &observed,
            find_line_secret(environment, &profile)?
                .as_ref()
                .map(LineSecret::key_id)
                .as_ref(),
        )?;
    }
    let plan = teardown(&profile.name, &observed, &zones);
    if !plan.is_empty() {
        output::plan(printer, &plan);
        if !may_apply(args.yes, printer, &plan)? {
            return Ok(Outcome::Pending);
        }
        remove(&world, &plan, printer).await?;
    }
    finish(&world, &profile.name, &plan, printer).await
}

/// A line of the same name made with another secret is somebody else's until `--force` says otherwise.
fn refuse_anothers(observed: &Observed, own: Option<&KeyId>) -> Result<()> {
    let is_anothers =
        |key: &Option<KeyId>| own.is_some() && key.as_ref().is_some_and(|key| Some(key) != own);
    let instances = observed
        .instances()
        .map(|instance| (&instance.key_id, &instance.id));
    let groups = observed.groups().map(|group| (&group.key_id, &group.id));
    match instances.chain(groups).find(|(key, _)| is_anothers(key)) {
        Some((_, example)) => bail!(Refusal::AnothersLine {
            example: example.clone()
        }),
        None => Ok(()),
    }
}

async fn remove(world: &Arc<World>, plan: &Plan, printer: &Printer) -> Result<()> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let display = tokio::spawn(show_progress(printer.clone(), plan.clone(), receiver));
    let result = apply(Arc::clone(world), plan, None, sender, Stop::listen()).await;
    display.await?;
    output::remains(printer, plan, &result);
    Ok(())
}

async fn finish(world: &World, line: &LineName, plan: &Plan, printer: &Printer) -> Result<Outcome> {
    let receipt = sweep(world, line).await;
    output::receipt(printer, &receipt);
    let clean = receipt.is_clean();
    printer.document(&Document {
        plan,
        receipt: &receipt,
        clean,
    })?;
    Ok(if clean {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}
