//! Runs a plan: what is independent at once, what depends after what it depends on, stopping cleanly when asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Error, Result};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use crate::cloud::Failure;
use crate::lease::{Locks, Standing};
use crate::line::Slot;
use crate::plan::{Plan, Step, StepId, Wanted};

use super::event::{Ending, Event, EventKind};
use super::execute::Executor;
use super::hint::hint_of;
use super::roll::Roll;
use super::stop::Stop;
use super::world::World;

/// What became of a plan.
#[derive(Debug)]
pub struct Applied {
    /// How each step ended.
    pub endings: BTreeMap<StepId, Ending>,
    /// The steps that were begun; those of them without an ending were given up.
    pub begun: BTreeSet<StepId>,
    /// Whether somebody asked to stop.
    pub stopped: bool,
    /// What to do before AWS takes any call again, when the credentials or the clock failed on the way.
    pub locked_out: Option<String>,
    /// The nodes that got another release, each with the one it had before.
    pub changed: BTreeMap<Slot, u32>,
    /// Why nothing more was begun, when the lock was lost on the way.
    pub lost: Option<String>,
}

/// What a plan is applied with.
#[derive(Clone)]
pub struct Means {
    /// The world.
    pub world: Arc<World>,
    /// What to make things by; a plan that only removes needs none.
    pub wanted: Option<Arc<Wanted>>,
    /// How releases are brought to nodes; a plan that only removes needs none.
    pub roll: Option<Arc<Roll>>,
    /// The locks that are held meanwhile.
    pub locks: Arc<Locks>,
}

/// A step that failed.
#[derive(Debug)]
pub struct Failed<'a> {
    /// The step.
    pub step: &'a Step,
    /// Why.
    pub why: &'a str,
}

impl Applied {
    /// Whether every step ended well.
    pub fn is_complete(&self, plan: &Plan) -> bool {
        plan.steps.iter().all(|step| {
            matches!(
                self.endings.get(&step.id),
                Some(Ending::Done | Ending::Unchanged)
            )
        })
    }

    /// The steps that failed, in the plan's order.
    pub fn failed<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = Failed<'a>> {
        plan.steps
            .iter()
            .filter_map(|step| match self.endings.get(&step.id) {
                Some(Ending::Failed(why)) => Some(Failed { step, why }),
                _ => None,
            })
    }
}

/// How often a doubtful lock is looked at: its holder's clock may have told before its heart did.
const GLANCE: Duration = Duration::from_secs(1);

/// Applies a plan; each event goes to `events` as it happens.
///
/// Steps are begun only while the locks are held firmly: a doubtful one pauses, a lost one ends the run.
pub async fn apply(
    means: &Means,
    plan: &Plan,
    events: mpsc::UnboundedSender<Event>,
    mut stop: watch::Receiver<Stop>,
) -> Applied {
    let executor = Arc::new(Executor::new(means, plan));
    let mut run = Run {
        plan,
        endings: BTreeMap::new(),
        running: JoinSet::new(),
        begun: vec![false; plan.steps.len()],
        locked_out: None,
        events,
        has_told: false,
    };
    let mut news = means.locks.news();
    let mut lost = None;
    loop {
        let urgency = *stop.borrow_and_update();
        if urgency == Stop::Now {
            run.running.abort_all();
            break;
        }
        let standing = means.locks.standing();
        let is_doubtful = standing == Standing::Doubtful && urgency == Stop::No;
        if let Standing::Lost(why) = standing {
            run.skip_rest(&why);
            lost = Some(why);
        } else if urgency == Stop::Finish {
            run.tell_of_stopping();
            run.skip_rest("stopped before its turn");
        } else if !is_doubtful {
            run.begin_ready(&executor);
        }
        if run.running.is_empty() && !is_doubtful {
            break;
        }
        tokio::select! {
            Some(ended) = run.running.join_next() => run.take(ended),
            // A closed channel means that no signal can come any more: then only steps are waited for.
            Ok(()) = stop.changed() => {}
            () = news.changed() => {}
            () = sleep(GLANCE), if is_doubtful => {}
        }
    }
    let stopped = *stop.borrow() != Stop::No;
    let is_begun = |step: &&Step| run.begun[step.id.0];
    Applied {
        begun: plan
            .steps
            .iter()
            .filter(is_begun)
            .map(|step| step.id)
            .collect(),
        endings: run.endings,
        stopped,
        locked_out: run.locked_out,
        changed: executor.changed(),
        lost,
    }
}

struct Run<'a> {
    plan: &'a Plan,
    endings: BTreeMap<StepId, Ending>,
    running: JoinSet<(StepId, Result<Ending>)>,
    begun: Vec<bool>,
    locked_out: Option<String>,
    events: mpsc::UnboundedSender<Event>,
    /// Whether it has been told that the run is stopping.
    has_told: bool,
}

impl Run<'_> {
    /// Begins every step whose turn has come; one pass in order settles chains of skipped steps too.
    fn begin_ready(&mut self, executor: &Arc<Executor>) {
        for step in &self.plan.steps {
            let has_ended = |id: &StepId| self.endings.contains_key(id);
            if self.begun[step.id.0] || !step.after.iter().chain(&step.needs).all(has_ended) {
                continue;
            }
            if let Some(missing) = self.unmet_need(step) {
                self.skip(step, missing);
            } else if self.locked_out.is_some() && step.action.asks_aws() {
                self.skip(step, "AWS takes no more calls".to_owned());
            } else {
                self.begin(step, executor);
            }
        }
    }

    /// Begins nothing any more.
    fn skip_rest(&mut self, why: &str) {
        for step in &self.plan.steps {
            if !self.begun[step.id.0] {
                self.skip(step, why.to_owned());
            }
        }
    }

    /// Says once what is still waited for: a first Ctrl-C without an answer invites the second.
    fn tell_of_stopping(&mut self) {
        if std::mem::replace(&mut self.has_told, true) {
            return;
        }
        let text = "stopping after this; once more (Ctrl-C or SIGTERM) gives it up";
        for step in &self.plan.steps {
            if self.begun[step.id.0] && !self.endings.contains_key(&step.id) {
                self.tell(step.id, EventKind::Says(text.to_owned()));
            }
        }
    }

    fn unmet_need(&self, step: &Step) -> Option<String> {
        let is_unmet =
            |id: &&StepId| !matches!(self.endings.get(id), Some(Ending::Done | Ending::Unchanged));
        let missing = step.needs.iter().find(is_unmet)?;
        let missing = &self.plan.steps[missing.0];
        Some(format!(
            "needs `{}` at {}",
            missing.action.title(),
            missing.at
        ))
    }

    fn skip(&mut self, step: &Step, why: String) {
        self.begun[step.id.0] = true;
        self.end(step.id, Ending::Skipped(why));
    }

    fn begin(&mut self, step: &Step, executor: &Arc<Executor>) {
        self.begun[step.id.0] = true;
        self.tell(step.id, EventKind::Started);
        let (step, executor, events) = (step.clone(), Arc::clone(executor), self.events.clone());
        self.running.spawn(async move {
            let says = |text: String| {
                let _ = events.send(Event {
                    step: step.id,
                    kind: EventKind::Says(text),
                });
            };
            (step.id, executor.execute(&step, &says).await)
        });
    }

    fn take(&mut self, ended: Result<(StepId, Result<Ending>), JoinError>) {
        match ended {
            Ok((id, Ok(ending))) => self.end(id, ending),
            Ok((id, Err(error))) => {
                let mut told = describe(&error);
                let hint = hint_of(&error);
                // What to do about every step is said once, at the end.
                if is_lockout(&error) {
                    self.locked_out = hint;
                } else if let Some(hint) = hint {
                    told = format!("{told}\n  hint: {hint}");
                }
                self.end(id, Ending::Failed(told));
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => {}
        }
    }

    fn end(&mut self, id: StepId, ending: Ending) {
        self.tell(id, EventKind::Ended(ending.clone()));
        self.endings.insert(id, ending);
    }

    /// Nobody listening is no fault: a run goes on when its display is gone.
    fn tell(&self, step: StepId, kind: EventKind) {
        let _ = self.events.send(Event { step, kind });
    }
}

/// An error with its causes in one line.
fn describe(error: &Error) -> String {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    causes.join(": ")
}

/// Whether AWS will refuse every other call for the same reason.
fn is_lockout(error: &Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<Failure>())
        .any(Failure::is_about_every_call)
}
