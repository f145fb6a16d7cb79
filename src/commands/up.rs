//! `dsline up`

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::engine::{Means, Stop, apply};
use crate::lease::{Locks, SwapError};
use crate::operator::Environment;
use crate::output::{self, Printer, confirm, show_progress};
use crate::plan::Plan;

use super::global::{Global, LineArgs};
use super::lock::{LockArgs, Taker};
use super::outcome::Outcome;
use super::setup::Setup;

/// Bring the line to what the profile wants.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    line: LineArgs,
    #[command(flatten)]
    lock: LockArgs,
    /// Do not ask before changing anything
    #[arg(long, short)]
    yes: bool,
}

/// What is said when the plan that was shown is history.
pub(super) const LOOKS_AGAIN: &str =
    "the lock is ours; somebody else had it meanwhile, so the line is looked at again";

/// How long giving the lock back may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// Observes, plans, asks, takes the lock, applies, gives the lock back.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let setup = Setup::gather(&args.line, global, environment).await?;
    let view = setup.observe().await?;
    let plan = setup.plan(&view)?;
    output::plan(printer, &plan);
    args.line.remind(global, environment, printer)?;
    if plan.is_empty() {
        return nothing_to_do(&plan, printer);
    }
    if !may_apply(args.yes, printer, &plan)? {
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
    let grip = taker.take(vec![store]).await?;
    let locks = Arc::new(grip.locks);
    let plan = if grip.is_news { None } else { Some(plan) };
    let outcome = carry_out(&setup, plan, &locks, args.yes, printer).await;
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

/// Applies the plan, or one made anew when somebody else changed the line before the lock was ours.
async fn carry_out(
    setup: &Setup,
    plan: Option<Plan>,
    locks: &Arc<Locks>,
    yes: bool,
    printer: &Printer,
) -> Result<Outcome> {
    let is_new = plan.is_none();
    let plan = if let Some(plan) = plan {
        plan
    } else {
        printer.note(LOOKS_AGAIN);
        let plan = setup.plan(&setup.observe().await?)?;
        output::plan(printer, &plan);
        plan
    };
    if plan.is_empty() {
        return nothing_to_do(&plan, printer);
    }
    if is_new && !may_apply(yes, printer, &plan)? {
        return Ok(Outcome::Pending);
    }
    let means = Means {
        world: Arc::clone(&setup.world),
        wanted: Some(Arc::clone(&setup.wanted)),
        locks: Arc::clone(locks),
    };
    let (sender, receiver) = mpsc::unbounded_channel();
    let display = tokio::spawn(show_progress(printer.clone(), plan.clone(), receiver));
    let result = apply(&means, &plan, sender, Stop::listen()).await;
    display.await?;
    output::applied(printer, &plan, &result)?;
    let is_done = result.is_complete(&plan) && plan.troubles.is_empty();
    Ok(if is_done {
        Outcome::Done
    } else {
        Outcome::Partial
    })
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
