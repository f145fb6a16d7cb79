//! `dsline teardown`

use std::sync::Arc;

use anyhow::{Result, bail};
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::cloud::Cloud;
use crate::engine::{Applied, Interrupted, Receipt, Stop, World, apply, observe_everything, sweep};
use crate::line::{KeyId, LineSecret, Observed};
use crate::operator::{Environment, find_line_secret};
use crate::output::{self, Endings, Printer, show_progress};
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
    #[serde(flatten)]
    endings: Option<Endings<'a>>,
    /// What a second look found; nothing if that was stopped.
    receipt: Option<&'a Receipt>,
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
    let mut stop = Stop::listen();
    let (observed, zones) = tokio::select! {
        looked = observe_everything(&world, &profile.name) => looked?,
        () = Stop::No.beyond(&mut stop) => return Err(Interrupted.into()),
    };
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
    let mut applied = None;
    if !plan.is_empty() {
        output::plan(printer, &plan);
        if !may_apply(args.yes, printer, &plan, &mut stop).await? {
            return Ok(Outcome::Pending);
        }
        applied = Some(remove(&world, &plan, stop.clone(), printer).await?);
    }
    let second_look = async {
        let since = *stop.borrow();
        if since == Stop::Now {
            return None;
        }
        tokio::select! {
            receipt = sweep(&world, &profile.name) => Some(receipt),
            () = since.beyond(&mut stop) => None,
        }
    };
    let receipt = second_look.await;
    finish(&plan, applied.as_ref(), receipt.as_ref(), printer)
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

async fn remove(
    world: &Arc<World>,
    plan: &Plan,
    stop: watch::Receiver<Stop>,
    printer: &Printer,
) -> Result<Applied> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let display = tokio::spawn(show_progress(printer.clone(), plan.clone(), receiver));
    let result = apply(Arc::clone(world), plan, None, sender, stop).await;
    display.await?;
    output::applied(printer, plan, &Endings::new(plan, &result));
    Ok(result)
}

fn finish(
    plan: &Plan,
    applied: Option<&Applied>,
    receipt: Option<&Receipt>,
    printer: &Printer,
) -> Result<Outcome> {
    match receipt {
        Some(receipt) => output::receipt(printer, receipt),
        None => printer.note(
            "stopped before the second look had ended: what is left is not known; `dsline teardown` looks again",
        ),
    }
    let clean = receipt.is_some_and(Receipt::is_clean);
    printer.document(&Document {
        plan,
        endings: applied.map(|applied| Endings::new(plan, applied)),
        receipt,
        clean,
    })?;
    Ok(if clean {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}
