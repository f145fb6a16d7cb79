//! `dsline up`

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::engine::{Means, Stop, apply};
use crate::lease::{Locks, SwapError};
use crate::operator::Environment;
use crate::output::{self, Endings, Printer, show_progress};
use crate::plan::Plan;

use super::consent::{may_apply, until_stopped};
use super::global::{Global, LineArgs};
use super::lock::{LockArgs, Taker};
use super::outcome::Outcome;
use super::setup::{Setup, remark_what_is_out};

/// Bring the line to what the profile wants.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    line: LineArgs,
    /// Go on although the change of the records leaves users without a healthy node, or removes most of them
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    lock: LockArgs,
    /// Do not ask before changing anything
    #[arg(long, short)]
    yes: bool,
}

/// What is said when the plan that was shown is history.
pub(super) const LOOKS_AGAIN: &str =
    "the lock is ours; somebody else had it meanwhile, so the line is looked at again";

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    #[serde(flatten)]
    endings: &'a Endings<'a>,
}

/// How long giving the lock back may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// Observes, plans, asks, takes the lock, applies, gives the lock back.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let mut stop = Stop::listen();
    let look = async {
        let setup = Setup::gather(&args.line, global, environment)
            .await?
            .insisting(args.force);
        let view = setup.observe().await?;
        anyhow::Ok((setup, view))
    };
    let (setup, view) = until_stopped(Box::pin(look), &mut stop).await?;
    remark_what_is_out(printer, &view);
    let plan = setup.plan(&view)?;
    output::plan(printer, &plan);
    args.line.remind(global, environment, printer)?;
    if plan.is_empty() {
        return nothing_to_do(&plan, printer);
    }
    if !may_apply(args.yes, printer, &plan, &mut stop).await? {
        return Ok(Outcome::Pending);
    }
    let taker = Taker {
        command: "up",
        args: &args.lock,
        profile: &setup.wanted.profile,
        secret: Some(&setup.wanted.secret),
        world: &setup.world,
        environment,
        printer,
    };
    let store = match (&view.zone, &view.observed.zone) {
        (Some(zone), Some(seen)) => taker.in_zone(zone, &seen.records),
        _ => taker.on_nodes(&view.observed).await,
    };
    let grip = until_stopped(taker.take(vec![store]), &mut stop).await?;
    let locks = Arc::new(grip.locks);
    let plan = if grip.is_news { None } else { Some(plan) };
    let run = Run {
        setup: &setup,
        locks: &locks,
        yes: args.yes,
        printer,
    };
    let outcome = run.carry_out(plan, stop).await;
    give_back(&locks, printer).await;
    outcome
}

fn nothing_to_do(plan: &Plan, printer: &Printer) -> Result<Outcome> {
    printer.document(plan)?;
    Ok(if plan.troubles.is_empty() {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

/// A run that has the lock.
struct Run<'a> {
    setup: &'a Setup,
    locks: &'a Arc<Locks>,
    yes: bool,
    printer: &'a Printer,
}

impl Run<'_> {
    /// Applies the plan, or one made anew when somebody else changed the line before the lock was ours.
    async fn carry_out(
        &self,
        plan: Option<Plan>,
        mut stop: watch::Receiver<Stop>,
    ) -> Result<Outcome> {
        let (setup, printer) = (self.setup, self.printer);
        let is_new = plan.is_none();
        let plan = if let Some(plan) = plan {
            plan
        } else {
            printer.note(LOOKS_AGAIN);
            let view = until_stopped(setup.observe(), &mut stop).await?;
            let plan = setup.plan(&view)?;
            output::plan(printer, &plan);
            plan
        };
        if plan.is_empty() {
            return nothing_to_do(&plan, printer);
        }
        if is_new && !may_apply(self.yes, printer, &plan, &mut stop).await? {
            return Ok(Outcome::Pending);
        }
        let means = Means {
            world: Arc::clone(&setup.world),
            wanted: Some(Arc::clone(&setup.wanted)),
            locks: Arc::clone(self.locks),
        };
        let (sender, receiver) = mpsc::unbounded_channel();
        let display = tokio::spawn(show_progress(printer.clone(), plan.clone(), receiver));
        let result = apply(&means, &plan, sender, stop).await;
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

/// Gives the locks back, within a time that a person who pressed Ctrl-C twice still bears.
pub(super) async fn give_back(locks: &Locks, printer: &Printer) {
    let given = timeout(FAREWELL, locks.give_back()).await;
    if !matches!(given, Ok(Ok(()) | Err(SwapError::Lost(_)))) {
        printer.note(
            "the lock could not be given back; it is free after its time (`lock.ttl_seconds`)",
        );
    }
}
