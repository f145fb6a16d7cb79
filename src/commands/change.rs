//! The story of every command that changes nodes: plan, ask, take the lock, apply, undo half a roll, give the lock back.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::engine::{Applied, LineView, Means, Roll, Stop, World, apply};
use crate::lease::{Locks, SwapError};
use crate::line::{LineSecret, Note, Profile};
use crate::operator::{Environment, person};
use crate::output::{self, Endings, Printer, show_progress};
use crate::plan::{Action, Plan, Wanted, back_again};

use super::consent::{may_apply, until_stopped};
use super::lock::{LockArgs, Taker};
use super::outcome::Outcome;

/// What is said when the plan that was shown is history.
pub(super) const LOOKS_AGAIN: &str =
    "the lock is ours; somebody else had it meanwhile, so the line is looked at again";

/// How long giving the lock back may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// A command that changes the nodes of a line.
pub(super) struct Change<'a> {
    /// The command, as others shall see it.
    pub(super) command: &'static str,
    /// How long to wait for the lock.
    pub(super) lock: &'a LockArgs,
    /// Whether nobody is asked.
    pub(super) yes: bool,
    /// What releases are brought for.
    pub(super) why: &'a str,
    /// The line.
    pub(super) profile: &'a Profile,
    /// Its secret.
    pub(super) secret: &'a LineSecret,
    /// What to make things by, if anything is made.
    pub(super) wanted: Option<Arc<Wanted>>,
    /// The world.
    pub(super) world: &'a Arc<World>,
    /// The operator.
    pub(super) environment: &'a Environment,
    /// Where it is told.
    pub(super) printer: &'a Printer,
}

/// Looks at the line and plans: done twice if somebody else had the lock meanwhile.
pub(super) trait Planner {
    /// Observes the line.
    async fn look(&self) -> Result<LineView>;
    /// Plans from what was observed.
    fn plan(&self, view: &LineView) -> Result<Plan>;
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    #[serde(flatten)]
    endings: &'a Endings<'a>,
    /// The nodes that a failed roll had changed already, and what became of them.
    went_back: Option<Undone<'a>>,
}

#[derive(Serialize)]
struct Undone<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    #[serde(flatten)]
    endings: &'a Endings<'a>,
}

/// What became of a change.
pub(super) enum Changed {
    /// There was nothing to do.
    Nothing(Box<Plan>),
    /// Nobody agreed to it.
    Declined(Box<Plan>),
    /// It was applied, well or not.
    Applied(Box<Carried>),
}

/// A plan that was applied.
pub(super) struct Carried {
    pub(super) plan: Plan,
    pub(super) result: Applied,
    /// The way back of half a roll that failed, and what became of it.
    pub(super) undone: Option<(Plan, Applied)>,
}

impl Carried {
    /// Whether all of it was done, and nothing stood in the way.
    pub(super) fn is_done(&self) -> bool {
        self.result.is_complete(&self.plan) && self.plan.troubles.is_empty()
    }
}

impl Change<'_> {
    /// Applies what was planned from a view, and tells what became of it.
    pub(super) async fn run(
        &self,
        planner: &impl Planner,
        view: &LineView,
        stop: watch::Receiver<Stop>,
    ) -> Result<Outcome> {
        let printer = self.printer;
        let carried = match self.carry(planner, view, stop).await? {
            Changed::Nothing(plan) => return nothing_to_do(&plan, printer),
            Changed::Declined(plan) => {
                printer.document(&plan)?;
                return Ok(Outcome::Pending);
            }
            Changed::Applied(carried) => carried,
        };
        let Carried {
            plan,
            result,
            undone,
        } = &*carried;
        let endings = Endings::new(plan, result);
        output::applied(printer, plan, &endings);
        let undone = undone
            .as_ref()
            .map(|(plan, result)| (plan, Endings::new(plan, result)));
        printer.document(&Document {
            plan,
            endings: &endings,
            went_back: undone
                .as_ref()
                .map(|(plan, endings)| Undone { plan, endings }),
        })?;
        Ok(if carried.is_done() {
            Outcome::Done
        } else {
            Outcome::Partial
        })
    }

    /// Applies what was planned from a view; only the plan and its progress are shown.
    pub(super) async fn carry(
        &self,
        planner: &impl Planner,
        view: &LineView,
        mut stop: watch::Receiver<Stop>,
    ) -> Result<Changed> {
        let (printer, environment) = (self.printer, self.environment);
        let plan = planner.plan(view)?;
        if plan.is_empty() {
            return Ok(Changed::Nothing(Box::new(plan)));
        }
        output::plan(printer, &plan);
        if !may_apply(self.yes, printer, &plan, &mut stop).await? {
            return Ok(Changed::Declined(Box::new(plan)));
        }
        let taker = Taker {
            command: self.command,
            args: self.lock,
            profile: self.profile,
            secret: Some(self.secret),
            world: self.world,
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
        let outcome = self.carry_out(planner, plan, &locks, stop).await;
        give_back(&locks, printer).await;
        outcome
    }

    /// Applies the plan, or one made anew when somebody else changed the line before the lock was ours.
    async fn carry_out(
        &self,
        planner: &impl Planner,
        plan: Option<Plan>,
        locks: &Arc<Locks>,
        mut stop: watch::Receiver<Stop>,
    ) -> Result<Changed> {
        let printer = self.printer;
        let is_new = plan.is_none();
        let plan = if let Some(plan) = plan {
            plan
        } else {
            printer.note(LOOKS_AGAIN);
            let view = until_stopped(planner.look(), &mut stop).await?;
            planner.plan(&view)?
        };
        if plan.is_empty() {
            return Ok(Changed::Nothing(Box::new(plan)));
        }
        if is_new {
            output::plan(printer, &plan);
            if !may_apply(self.yes, printer, &plan, &mut stop).await? {
                return Ok(Changed::Declined(Box::new(plan)));
            }
        }
        let means = self.means(locks);
        let result = self.apply(&means, &plan, stop.clone()).await?;
        let undone = match &undoing(&plan, &result) {
            Some(again) => {
                printer.note("the roll failed, so the nodes that it had changed go back");
                output::plan(printer, again);
                Some((again.clone(), self.apply(&means, again, stop).await?))
            }
            None => None,
        };
        Ok(Changed::Applied(Box::new(Carried {
            plan,
            result,
            undone,
        })))
    }

    async fn apply(
        &self,
        means: &Means,
        plan: &Plan,
        stop: watch::Receiver<Stop>,
    ) -> Result<Applied> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let display = tokio::spawn(show_progress(self.printer.clone(), plan.clone(), receiver));
        let result = apply(means, plan, sender, stop).await;
        display.await?;
        Ok(result)
    }

    fn means(&self, locks: &Arc<Locks>) -> Means {
        let roll = Roll {
            note: Note::new(&person(self.environment), self.why),
            window: Duration::from_secs(self.profile.push.confirm_seconds.into()),
            host: self.profile.dns.host.clone(),
        };
        Means {
            world: Arc::clone(self.world),
            wanted: self.wanted.clone(),
            roll: Some(Arc::new(roll)),
            locks: Arc::clone(locks),
        }
    }
}

/// The way back of what a failed roll had changed; nothing if it did not fail, or had changed nothing.
fn undoing(plan: &Plan, result: &Applied) -> Option<Plan> {
    let has_failed = result
        .failed(plan)
        .any(|failed| matches!(failed.step.action, Action::Push { .. }));
    let is_roll = has_failed && !result.changed.is_empty() && result.lost.is_none();
    is_roll.then(|| back_again(plan, &result.changed))
}

fn nothing_to_do(plan: &Plan, printer: &Printer) -> Result<Outcome> {
    output::plan(printer, plan);
    printer.document(plan)?;
    Ok(if plan.troubles.is_empty() {
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
