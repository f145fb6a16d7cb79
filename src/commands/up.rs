//! `dsline up`

use std::sync::Arc;

use anyhow::Result;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::engine::{Interrupted, Stop, World, apply};
use crate::operator::Environment;
use crate::output::{self, Endings, Printer, confirm, show_progress};
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

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    #[serde(flatten)]
    endings: &'a Endings<'a>,
}

/// Observes, plans, asks, applies.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let mut stop = Stop::listen();
    let look = async {
        let setup = Setup::gather(&args.line, global, environment).await?;
        let plan = setup.plan().await?;
        anyhow::Ok((setup, plan))
    };
    let (setup, plan) = tokio::select! {
        looked = look => looked?,
        () = Stop::No.beyond(&mut stop) => return Err(Interrupted.into()),
    };
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
    if !may_apply(args.yes, printer, &plan, &mut stop).await? {
        return Ok(Outcome::Pending);
    }
    let change = Change {
        world: setup.world,
        wanted: setup.wanted,
        plan,
    };
    change.carry_out(stop, printer).await
}

/// Whether to go on: `--yes`, or a person's answer; a script without `--yes` gets the plan only.
pub(super) async fn may_apply(
    yes: bool,
    printer: &Printer,
    plan: &Plan,
    stop: &mut watch::Receiver<Stop>,
) -> Result<bool> {
    if yes {
        return Ok(true);
    }
    if printer.can_ask() {
        let question = question(plan);
        // The answer is waited for on a thread of its own, so that a signal is heard meanwhile.
        let answer = tokio::task::spawn_blocking(move || confirm(&question));
        return tokio::select! {
            answer = answer => answer?,
            () = Stop::No.beyond(stop) => {
                printer.note("");
                Err(Interrupted.into())
            }
        };
    }
    printer.note("nothing was changed: pass --yes to apply the plan without a terminal");
    Ok(false)
}

fn question(plan: &Plan) -> String {
    let steps = plan.steps.iter();
    match steps.filter(|step| step.action.is_removal()).count() {
        0 => "Apply these steps?".to_owned(),
        1 => "Apply these steps? One of them removes something".to_owned(),
        count => format!("Apply these steps? {count} of them remove something"),
    }
}

/// What is to be done, and with what.
struct Change {
    world: World,
    wanted: Wanted,
    plan: Plan,
}

impl Change {
    async fn carry_out(self, stop: watch::Receiver<Stop>, printer: &Printer) -> Result<Outcome> {
        let plan = self.plan;
        let (sender, receiver) = mpsc::unbounded_channel();
        let display = tokio::spawn(show_progress(printer.clone(), plan.clone(), receiver));
        let (world, wanted) = (Arc::new(self.world), Arc::new(self.wanted));
        let result = apply(world, &plan, Some(wanted), sender, stop).await;
        display.await?;
        let endings = Endings::new(&plan, &result);
        output::applied(printer, &plan, &endings);
        printer.document(&Document {
            plan: &plan,
            endings: &endings,
        })?;
        let is_done = result.is_complete(&plan) && plan.troubles.is_empty();
        Ok(if is_done {
            Outcome::Done
        } else {
            Outcome::Partial
        })
    }
}
