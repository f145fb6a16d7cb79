//! `dsline doctor --fix`: what was found is mended by the plans that `push`, `rollback` and `cert renew` make.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::doctor::Remedy;
use crate::engine::{LineView, Stop};
use crate::line::{Region, Slot};
use crate::operator::Environment;
use crate::output::{self, Endings, Printer};
use crate::plan::{Going, Plan, back, only_push, roll};

use super::change::{Change, Changed, Planner};
use super::consent::until_stopped;
use super::doctor::Args;
use super::global::Global;
use super::outcome::Outcome;
use super::setup::Setup;

/// Who mends.
pub(super) struct Desk<'a> {
    /// What was asked for.
    pub(super) args: &'a Args,
    /// The same for every command.
    pub(super) global: &'a Global,
    /// The operator.
    pub(super) environment: &'a Environment,
    /// Where it is told.
    pub(super) printer: &'a Printer,
}

/// What was mended.
pub(super) struct Mended {
    /// Each plan, and how its steps ended.
    pub(super) records: Vec<Value>,
    /// How it went, all in all.
    pub(super) outcome: Outcome,
}

/// One plan.
struct Mending<'a> {
    setup: &'a Setup,
    kind: Kind,
}

enum Kind {
    /// To the last healthy release, in these regions.
    Back(Vec<Region>),
    /// What is down is started, and what has ended is renewed, in these regions; in all if none is named.
    Push(Vec<Region>),
}

impl Planner for Mending<'_> {
    async fn look(&self) -> Result<LineView> {
        self.setup.observe().await
    }

    fn plan(&self, view: &LineView) -> Result<Plan> {
        let name = &self.setup.wanted.profile.name;
        match &self.kind {
            Kind::Back(regions) => Ok(back(name, &view.observed, Going::Before, regions)),
            Kind::Push(regions) => {
                let mut plan = only_push(&self.setup.plan(view)?, regions);
                roll(&mut plan, &view.observed, None);
                Ok(plan)
            }
        }
    }
}

/// Makes and applies the plans that the remedies ask for, one after the other.
pub(super) async fn mend(
    desk: &Desk<'_>,
    remedies: &[(Slot, Remedy)],
    mut stop: watch::Receiver<Stop>,
) -> Result<Mended> {
    let setup = Setup::gather(&desk.args.line, desk.global, desk.environment);
    let setup = until_stopped(Box::pin(setup), &mut stop).await?;
    let mut mended = Mended {
        records: Vec::new(),
        outcome: Outcome::Done,
    };
    for kind in kinds(remedies) {
        let planner = Mending {
            setup: &setup,
            kind,
        };
        let view = until_stopped(Box::pin(planner.look()), &mut stop).await?;
        let change = Change {
            command: "doctor",
            lock: &desk.args.lock,
            yes: desk.args.yes,
            why: "mended by dsline doctor",
            profile: &setup.wanted.profile,
            secret: &setup.wanted.secret,
            wanted: Some(Arc::clone(&setup.wanted)),
            world: &setup.world,
            environment: desk.environment,
            printer: desk.printer,
        };
        let changed = Box::pin(change.carry(&planner, &view, stop.clone())).await?;
        let ending = record(changed, desk.printer, &mut mended.records);
        if ending != Outcome::Done {
            mended.outcome = ending;
            break;
        }
    }
    Ok(mended)
}

/// The plans that are needed: nodes that go back are not pushed what they leave.
fn kinds(remedies: &[(Slot, Remedy)]) -> Vec<Kind> {
    let regions = |wanted: &[Remedy]| {
        let of_kind = remedies
            .iter()
            .filter(|(_, remedy)| wanted.contains(remedy));
        let regions: BTreeSet<Region> = of_kind.map(|(slot, _)| slot.region.clone()).collect();
        regions
    };
    let back = regions(&[Remedy::GoBack]);
    let push = regions(&[Remedy::Restart, Remedy::Renew]);
    let push: Vec<Region> = push.difference(&back).cloned().collect();
    let mut kinds = Vec::new();
    if !back.is_empty() {
        kinds.push(Kind::Back(back.into_iter().collect()));
    }
    if !push.is_empty() {
        kinds.push(Kind::Push(push));
    }
    kinds
}

fn record(changed: Changed, printer: &Printer, records: &mut Vec<Value>) -> Outcome {
    match changed {
        Changed::Nothing(plan) => {
            records.push(json!({ "plan": &*plan }));
            if plan.troubles.is_empty() {
                Outcome::Done
            } else {
                Outcome::Partial
            }
        }
        Changed::Declined(plan) => {
            records.push(json!({ "plan": &*plan }));
            Outcome::Pending
        }
        Changed::Applied(carried) => {
            let endings = Endings::new(&carried.plan, &carried.result);
            output::applied(printer, &carried.plan, &endings);
            records.push(json!({ "plan": &carried.plan, "endings": &endings }));
            if carried.is_done() {
                Outcome::Done
            } else {
                Outcome::Partial
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_that_goes_back_is_not_pushed_what_it_leaves() {
        let at = |slot: &str, remedy| (slot.parse::<Slot>().unwrap(), remedy);
        let all = [
            at("us-east-1/1", Remedy::GoBack),
            at("us-east-1/2", Remedy::Restart),
            at("eu-west-1/1", Remedy::Renew),
        ];
        let kinds = kinds(&all);
        let [Kind::Back(back), Kind::Push(push)] = kinds.as_slice() else {
            panic!("two plans");
        };
        assert_eq!((back.len(), push.len()), (1, 1));
        assert_eq!(push[0].as_str(), "eu-west-1");
    }
}
