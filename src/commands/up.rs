//! `dsline up`

use std::sync::Arc;

use anyhow::Result;
use tokio::sync::mpsc;

use crate::engine::{Stop, World, apply};
use crate::operator::Environment;
use crate::output::{self, Printer, confirm, show_progress};
use crate::plan::{Plan, Wanted};

use super::global::{Global, LineArgs};
use super::outcome::Outcome;
use super::setup::Setup;

/// Bring the line to what the profile wants.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    line: LineArgs,
    /// Do not ask before changing anything
    #[arg(long, short)]
    yes: bool,
}

/// Observes, plans, asks, applies.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let setup = Setup::gather(&args.line, global, environment).await?;
    let plan = setup.plan().await?;
    output::plan(printer, &plan);
    args.line.remind(global, environment, printer)?;
    if plan.is_empty() {
        printer.document(&plan)?;
        return Ok(if plan.troubles.is_empty() {
            Outcome::Done
        } else {
            Outcome::Partial
        });
    }
    if !may_apply(args.yes, printer, &plan)? {
        return Ok(Outcome::Pending);
    }
    carry_out(setup.world, setup.wanted, plan, printer).await
}

/// Whether to go on: `--yes`, or a person's answer; a script without `--yes` gets the plan only.
pub(super) fn may_apply(yes: bool, printer: &Printer, plan: &Plan) -> Result<bool> {
    if yes {
        return Ok(true);
    }
    if printer.can_ask() {
        let removals = plan
            .steps
            .iter()
            .filter(|step| step.action.is_removal())
            .count();
        return match removals {
            0 => confirm("Apply these steps?"),
            1 => confirm("Apply these steps? One of them removes something"),
            count => confirm(&format!(
                "Apply these steps? {count} of them remove something"
            )),
        };
    }
    printer.note("nothing was changed: pass --yes to apply the plan without a terminal");
    Ok(false)
}

async fn carry_out(world: World, wanted: Wanted, plan: Plan, printer: &Printer) -> Result<Outcome> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let display = tokio::spawn(show_progress(printer.clone(), plan.clone(), receiver));
    let result = apply(
        Arc::new(world),
        &plan,
        Some(Arc::new(wanted)),
        sender,
        Stop::listen(),
    )
    .await;
    display.await?;
    output::applied(printer, &plan, &result)?;
    let is_done = result.is_complete(&plan) && plan.troubles.is_empty();
    Ok(if is_done {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}
