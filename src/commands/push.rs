//! `dsline push`

use std::sync::Arc;

use anyhow::Result;

use crate::engine::{LineView, Stop};
use crate::line::Region;
use crate::operator::Environment;
use crate::output::Printer;
use crate::plan::{Plan, only_push, roll};

use super::change::{Change, Planner};
use super::consent::until_stopped;
use super::global::{Global, LineArgs};
use super::lock::LockArgs;
use super::outcome::Outcome;
use super::setup::Setup;
use super::up::RollArgs;

/// Bring the nodes' files, gateway and image to what the profile wants, as a new release.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Nodes get it one after the other. One that does not serve with it goes back by itself, the rest keeps what it \
                  has, and nodes that had it already go back too."
)]
pub struct Args {
    #[command(flatten)]
    line: LineArgs,
    /// Only nodes of these regions
    #[arg(long, value_delimiter = ',', value_name = "REGION,...")]
    region: Vec<Region>,
    #[command(flatten)]
    roll: RollArgs,
    #[command(flatten)]
    lock: LockArgs,
    /// Do not ask before changing anything
    #[arg(long, short)]
    yes: bool,
}

struct Pushing<'a> {
    setup: &'a Setup,
    args: &'a Args,
}

impl Planner for Pushing<'_> {
    async fn look(&self) -> Result<LineView> {
        self.setup.observe().await
    }

    fn plan(&self, view: &LineView) -> Result<Plan> {
        let whole = self.setup.plan(view)?;
        let mut plan = only_push(&whole, &self.args.region);
        roll(&mut plan, &view.observed, self.args.roll.canary.as_ref());
        Ok(plan)
    }
}

/// Plans what `up` would push, and does that alone.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let mut stop = Stop::listen();
    let look = async {
        let setup = Setup::gather(&args.line, global, environment).await?;
        let view = setup.observe().await?;
        anyhow::Ok((setup, view))
    };
    let (setup, view) = until_stopped(Box::pin(look), &mut stop).await?;
    let change = Change {
        command: "push",
        lock: &args.lock,
        yes: args.yes,
        why: &args.roll.why,
        profile: &setup.wanted.profile,
        secret: &setup.wanted.secret,
        wanted: Some(Arc::clone(&setup.wanted)),
        world: &setup.world,
        environment,
        printer,
    };
    let planner = Pushing {
        setup: &setup,
        args,
    };
    change.run(&planner, &view, stop).await
}
