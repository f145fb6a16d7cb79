//! One tick of the loop: look, decide, plan and apply with what `up` is made of, and a record of it.

use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Error, Result};
use jiff::Timestamp;
use tokio::sync::{self, watch};

use crate::engine::{CpuWatch, LineView, Stop, ask_offers, hint_of};
use crate::lease::Taken;
use crate::line::LineName;
use crate::operator::Environment;
use crate::output::{Printer, step_records};
use crate::plan::{Plan, out_of_service, roll};
use crate::tick::{Ending, Held, Memory, Record, Scene, StepRecord, Verdict, judge, may_act};

use super::change::{Change, Changed, Planner};
use super::consent::until_stopped;
use super::global::Global;
use super::outcome::Outcome;
use super::reconcile::Args;
use super::setup::Setup;

/// What a release is for that the loop brings.
const WHY: &str = "repaired by the loop";

/// Who keeps the line, with what is known from ticks before.
pub(super) struct Keeper<'a> {
    pub(super) args: &'a Args,
    pub(super) global: &'a Global,
    pub(super) environment: &'a Environment,
    pub(super) printer: &'a Printer,
    pub(super) line: LineName,
    pub(super) memory: Memory,
    pub(super) cpu: sync::Mutex<CpuWatch>,
}

/// A tick that is over.
pub(super) struct Ticked {
    pub(super) record: Record,
    pub(super) outcome: Result<Outcome>,
}

/// The planner of a tick: what it decides, it decides from what it has just seen.
struct Steering<'a> {
    setup: &'a Setup,
    memory: &'a Memory,
    cpu: &'a sync::Mutex<CpuWatch>,
    verdict: Mutex<Option<Verdict>>,
}

impl Keeper<'_> {
    /// Does one tick. Whatever goes wrong is this tick's failure and nobody else's.
    pub(super) async fn tick(&mut self, stop: watch::Receiver<Stop>) -> Ticked {
        let mut record = Record::new(self.line.clone(), Timestamp::now());
        let outcome = self.play(&mut record, stop).await;
        if let Err(error) = &outcome {
            record.ending = ending_of(error);
            record.why = Some(format!("{error:#}"));
            let held = error.downcast_ref::<Held>();
            record.hint = held
                .map(|held| held.hint().to_owned())
                .or_else(|| hint_of(error));
        }
        if !record.decisions.is_empty() {
            self.memory = Memory::after(&record.decisions).over(&self.memory);
        }
        Ticked { record, outcome }
    }

    async fn play(&self, record: &mut Record, mut stop: watch::Receiver<Stop>) -> Result<Outcome> {
        let gather = Setup::gather(&self.args.line, self.global, self.environment);
        // Everything is read anew: the profile, secrets, credentials, and this machine's address may have changed.
        let setup = until_stopped(Box::pin(gather), &mut stop).await?;
        let steering = Steering {
            setup: &setup,
            memory: &self.memory,
            cpu: &self.cpu,
            verdict: Mutex::default(),
        };
        let seen = until_stopped(Box::pin(steering.look()), &mut stop).await;
        let changed = match seen {
            Ok(view) if self.args.dry_run => steering
                .plan(&view)
                .map(|plan| Changed::Nothing(Box::new(plan))),
            Ok(view) => self.carry(&steering, &view, stop).await,
            Err(error) => Err(error),
        };
        steering.report(record);
        settle(record, &changed?)
    }

    async fn carry(
        &self,
        steering: &Steering<'_>,
        view: &LineView,
        stop: watch::Receiver<Stop>,
    ) -> Result<Changed> {
        let setup = steering.setup;
        let change = Change {
            command: "reconcile",
            lock: &self.args.lock,
            yes: true,
            why: WHY,
            profile: &setup.wanted.profile,
            secret: &setup.wanted.secret,
            wanted: Some(Arc::clone(&setup.wanted)),
            world: &setup.world,
            environment: self.environment,
            printer: self.printer,
        };
        change.carry(steering, view, stop).await
    }
}

impl Planner for Steering<'_> {
    /// Looks at the line, and decides how many nodes each region shall have.
    async fn look(&self) -> Result<LineView> {
        let profile = &self.setup.wanted.profile;
        let mut view = self.setup.observe().await?;
        may_act(profile, &view.observed)?;
        let now = Timestamp::now();
        let world = &self.setup.world;
        let mut watch = self.cpu.lock().await;
        let untold = watch.look(world, &view.observed, now).await;
        let cpu = watch.known();
        let mut verdict = judge(&Scene {
            profile,
            observed: &view.observed,
            cpu: &cpu,
            prices: &self.setup.wanted.prices,
            memory: self.memory,
            now,
        });
        let out = out_of_service(&view.observed);
        verdict.notes.extend(out.iter().map(ToString::to_string));
        verdict.notes.extend(untold);
        let more = ask_offers(world, profile, &verdict.roster, &view.observed, now).await;
        view.observed.offers.extend(more);
        *self.verdict.lock().expect("nothing panics with it") = Some(verdict);
        Ok(view)
    }

    fn plan(&self, view: &LineView) -> Result<Plan> {
        let mut verdict = self.verdict.lock().expect("nothing panics with it");
        let verdict = verdict
            .as_mut()
            .context("a line is looked at before it is planned for")?;
        let mut plan = match self.setup.plan_for(view, verdict.roster.clone()) {
            // What load asks for is no reason to leave undone what the line needs.
            Err(error) if verdict.is_change() => {
                let note = format!("the number of nodes stays as it is: {error:#}");
                verdict.notes.push(note);
                self.setup.plan(view)?
            }
            planned => planned?,
        };
        roll(&mut plan, &view.observed, None);
        Ok(plan)
    }
}

impl Steering<'_> {
    /// What was decided last, into the record.
    fn report(self, record: &mut Record) {
        let verdict = self.verdict.into_inner().expect("nothing panics with it");
        if let Some(verdict) = verdict {
            record.decisions = verdict.decisions;
            record.notes = verdict.notes;
        }
    }
}

/// Writes down what became of a change.
fn settle(record: &mut Record, changed: &Changed) -> Result<Outcome> {
    let (plan, carried) = match changed {
        Changed::Nothing(plan) => (&**plan, None),
        Changed::Applied(carried) => (&carried.plan, Some(carried)),
        Changed::Declined(_) => anyhow::bail!("a tick asks nobody, and yet somebody declined"),
    };
    record.notes.extend(
        plan.troubles
            .iter()
            .map(|trouble| format!("{}: {}", trouble.at, trouble.what)),
    );
    record.steps = step_records(plan, carried.map(|carried| &carried.result));
    if let Some(carried) = carried {
        record.hint.clone_from(&carried.result.locked_out);
        record.why.clone_from(&carried.result.lost);
        if let Some((again, result)) = &carried.undone {
            record.why =
                Some("the roll failed, so the nodes that it had changed went back".to_owned());
            let back: Vec<StepRecord> = step_records(again, Some(result));
            record.steps.extend(back);
        }
    }
    let (ending, outcome) = match carried {
        None if !plan.troubles.is_empty() => (Ending::Partial, Outcome::Partial),
        None if plan.is_empty() => (Ending::Nothing, Outcome::Done),
        None => (Ending::DryRun, Outcome::Pending),
        Some(carried) if carried.is_done() => (Ending::Done, Outcome::Done),
        Some(_) => (Ending::Partial, Outcome::Partial),
    };
    record.ending = ending;
    Ok(outcome)
}

/// How a tick ended that did not come to its end.
fn ending_of(error: &Error) -> Ending {
    if error.is::<Held>() {
        Ending::Held
    } else if error.chain().any(|cause| cause.is::<Taken>()) {
        Ending::Left
    } else {
        Ending::Failed
    }
}
