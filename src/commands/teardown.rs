//! `dsline teardown`

use std::sync::Arc;

use anyhow::{Result, bail};
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::cloud::Cloud;
use crate::engine::{
    Applied, Means, Receipt, Stop, World, apply, ask_brought, ask_nodes, observe_everything, sweep,
    sweep_brought,
};
use crate::lease::Locks;
use crate::line::{KeyId, LineSecret, Observed, Profile, ZoneView};
use crate::operator::{Environment, find_line_secret};
use crate::output::{self, Endings, Printer, show_progress};
use crate::plan::{Action, Plan, Refusal, Step, teardown};

use super::change::{LOOKS_AGAIN, give_back};
use super::consent::{may_apply, until_stopped};
use super::global::Global;
use super::lock::{LockArgs, Taker};
use super::outcome::Outcome;
use super::setup::world;

/// Remove everything of the line, in every region, then look again.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Do not ask before removing anything
    #[arg(long, short)]
    yes: bool,
    /// Remove a line that was made with another line secret
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    lock: LockArgs,
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

/// Observes every region, plans, asks, takes the lock, applies, sweeps again and prints a receipt.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let profile = global.profile(environment)?.profile;
    let secret = find_line_secret(environment, &profile)?;
    let desk = Desk::new(args, profile, secret, environment).await;
    let mut stop = Stop::listen();
    let (observed, zones) = until_stopped(desk.look(), &mut stop).await?;
    let plan = teardown(&desk.profile.name, &observed, &zones);
    let taker = Taker {
        command: "teardown",
        args: &args.lock,
        profile: &desk.profile,
        secret: desk.secret.as_ref(),
        world: &desk.world,
        environment,
        printer,
    };
    if plan.is_empty() && !taker.has_lease(&zones) {
        return desk.finish(&plan, None, stop, printer).await;
    }
    output::plan(printer, &plan);
    if !may_apply(args.yes, printer, &plan, &mut stop).await? {
        printer.document(&Document {
            plan: &plan,
            endings: None,
            receipt: None,
            clean: false,
        })?;
        return Ok(Outcome::Pending);
    }
    let mut stores = taker.in_zones(&zones);
    if stores.is_empty() && desk.secret.is_some() {
        let observed = ask_nodes(&desk.world, observed).await;
        stores.push(taker.on_nodes(&observed).await);
    }
    let grip = until_stopped(taker.take(stores), &mut stop).await?;
    let locks = Arc::new(grip.locks);
    let plan = if grip.is_news { None } else { Some(plan) };
    let mut removed = desk.remove(plan, &locks, stop.clone(), printer).await;
    if let Ok((plan, applied)) = &removed
        && let Some(rest) = desk.rest(plan, applied).await
    {
        printer.note("something of the line was not listed before");
        output::plan(printer, &rest);
        removed = desk.remove(Some(rest), &locks, stop.clone(), printer).await;
    }
    match &removed {
        Ok((plan, applied)) if applied.is_complete(plan) && plan.troubles.is_empty() => {
            desk.forget(&locks, printer).await;
        }
        _ => give_back(&locks, printer).await,
    }
    let (plan, applied) = removed?;
    desk.finish(&plan, Some(&applied), stop, printer).await
}

/// What a teardown works with.
struct Desk {
    profile: Profile,
    secret: Option<LineSecret>,
    world: Arc<World>,
    force: bool,
}

impl Desk {
    async fn new(
        args: &Args,
        profile: Profile,
        secret: Option<LineSecret>,
        environment: &Environment,
    ) -> Self {
        let world = match &secret {
            Some(secret) => world(environment, &profile, secret.clone()).await,
            None => World::without_nodes(Cloud::open().await),
        };
        Self {
            profile,
            secret,
            world: Arc::new(world),
            force: args.force,
        }
    }

    async fn look(&self) -> Result<(Observed, Vec<ZoneView>)> {
        let (observed, zones) = observe_everything(&self.world, &self.profile.name).await?;
        let observed = ask_brought(&self.world, &self.profile, observed).await;
        if !self.force {
            let own = self.secret.as_ref().map(LineSecret::key_id);
            refuse_anothers(&observed, own.as_ref())?;
        }
        Ok((observed, zones))
    }

    /// Applies the plan, or one made anew when somebody else changed the line meanwhile; returns the one that it applied.
    async fn remove(
        &self,
        plan: Option<Plan>,
        locks: &Arc<Locks>,
        mut stop: watch::Receiver<Stop>,
        printer: &Printer,
    ) -> Result<(Plan, Applied)> {
        let plan = if let Some(plan) = plan {
            plan
        } else {
            printer.note(LOOKS_AGAIN);
            let (observed, zones) = until_stopped(self.look(), &mut stop).await?;
            let plan = teardown(&self.profile.name, &observed, &zones);
            output::plan(printer, &plan);
            plan
        };
        let means = Means {
            world: Arc::clone(&self.world),
            wanted: None,
            roll: None,
            locks: Arc::clone(locks),
        };
        let (sender, receiver) = mpsc::unbounded_channel();
        let display = tokio::spawn(show_progress(printer.clone(), plan.clone(), receiver));
        let applied = apply(&means, &plan, sender, stop).await;
        display.await?;
        output::applied(printer, &plan, &Endings::new(&plan, &applied));
        Ok((plan, applied))
    }

    /// What remains to be removed after a plan that could not be carried out, because an instance came to be listed only
    /// now (EC2 is eventually consistent): it kept the group in use.
    async fn rest(&self, plan: &Plan, applied: &Applied) -> Option<Plan> {
        if applied.is_complete(plan) || applied.stopped || applied.lost.is_some() {
            return None;
        }
        let (observed, zones) = self.look().await.ok()?;
        let rest = teardown(&self.profile.name, &observed, &zones);
        let is_new = |step: &Step| {
            matches!(step.action, Action::Terminate { .. })
                && plan.steps.iter().all(|old| old.action != step.action)
        };
        rest.steps.iter().any(is_new).then_some(rest)
    }

    /// Takes the lock itself away, once nothing is left that it guards.
    async fn forget(&self, locks: &Locks, printer: &Printer) {
        if let Err(error) = locks.remove().await {
            let error = anyhow::Error::from(error);
            printer.note(format!("the lock's own record is left: {error:#}"));
        }
    }

    async fn sweep(&self) -> Receipt {
        let (mut receipt, brought) = tokio::join!(
            sweep(&self.world, &self.profile.name),
            sweep_brought(&self.world, &self.profile)
        );
        receipt.absorb(brought);
        receipt
    }

    /// Looks again, unless somebody who asked to stop asks once more, and prints the receipt.
    async fn finish(
        &self,
        plan: &Plan,
        applied: Option<&Applied>,
        mut stop: watch::Receiver<Stop>,
        printer: &Printer,
    ) -> Result<Outcome> {
        let since = *stop.borrow();
        let receipt = if since == Stop::Now {
            None
        } else {
            tokio::select! {
                receipt = self.sweep() => Some(receipt),
                () = since.beyond(&mut stop) => None,
            }
        };
        match &receipt {
            Some(receipt) => output::receipt(printer, receipt),
            None => printer.note(
                "stopped before the second look had ended: what is left is not known; `dsline teardown` looks again",
            ),
        }
        let clean = receipt.as_ref().is_some_and(Receipt::is_clean);
        printer.document(&Document {
            plan,
            endings: applied.map(|applied| Endings::new(plan, applied)),
            receipt: receipt.as_ref(),
            clean,
        })?;
        Ok(if clean {
            Outcome::Done
        } else {
            Outcome::Partial
        })
    }
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
