//! Whether a command may go on: nobody has asked it to stop, and somebody agrees to its plan.

use std::future::Future;

use anyhow::Result;
use tokio::sync::watch;

use crate::engine::{Interrupted, Stop};
use crate::output::{Printer, confirm};
use crate::plan::Plan;

/// Does something that changes nothing, unless a signal comes first.
pub(super) async fn until_stopped<T>(
    work: impl Future<Output = Result<T>>,
    stop: &mut watch::Receiver<Stop>,
) -> Result<T> {
    tokio::select! {
        done = work => done,
        () = Stop::No.beyond(stop) => Err(Interrupted.into()),
    }
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
    if !printer.can_ask() {
        printer.note("nothing was changed: pass --yes to apply the plan without a terminal");
        return Ok(false);
    }
    let question = question(plan);
    // The answer is waited for on a thread of its own, so that a signal is heard meanwhile.
    let answer = tokio::task::spawn_blocking(move || confirm(&question));
    let answer = until_stopped(async { answer.await? }, stop).await;
    if answer
        .as_ref()
        .is_err_and(|error| error.is::<Interrupted>())
    {
        // The cursor still stands behind the question.
        printer.note("");
    }
    answer
}

fn question(plan: &Plan) -> String {
    let steps = plan.steps.iter();
    match steps.filter(|step| step.action.is_removal()).count() {
        0 => "Apply these steps?".to_owned(),
        1 => "Apply these steps? One of them removes something".to_owned(),
        count => format!("Apply these steps? {count} of them remove something"),
    }
}
