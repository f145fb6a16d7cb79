//! `dsline rollback`

use std::sync::Arc;

use anyhow::Result;
use jiff::Timestamp;

use crate::engine::{LineView, Scope, Stop, World, observe};
use crate::line::{Profile, Region};
use crate::operator::{Environment, line_secret};
use crate::output::Printer;
use crate::plan::{Going, Plan, back};

use super::change::{Change, Planner};
use super::consent::until_stopped;
use super::global::Global;
use super::lock::LockArgs;
use super::outcome::Outcome;
use super::setup::world;

/// Make a release live again that the nodes have kept; without a number the last that was healthy.
#[derive(Debug, clap::Args)]
#[command(after_help = "The profile stays as it is, so `up` and `push` bring its release again.")]
pub struct Args {
    /// The line goes to what it had when this was its newest release
    #[arg(value_name = "RELEASE")]
    release: Option<u32>,
    /// Only nodes of these regions
    #[arg(long, value_delimiter = ',', value_name = "REGION,...")]
    region: Vec<Region>,
    #[command(flatten)]
    lock: LockArgs,
    /// Do not ask before changing anything
    #[arg(long, short)]
    yes: bool,
}

struct GoingBack<'a> {
    profile: &'a Profile,
    world: &'a World,
    args: &'a Args,
}

impl Planner for GoingBack<'_> {
    async fn look(&self) -> Result<LineView> {
        Box::pin(observe(
            self.world,
            self.profile,
            Scope::Nodes,
            Timestamp::now(),
        ))
        .await
    }

    fn plan(&self, view: &LineView) -> Result<Plan> {
        let going = self.args.release.map_or(Going::Before, Going::To);
        Ok(back(
            &self.profile.name,
            &view.observed,
            going,
            &self.args.region,
        ))
    }
}

/// Looks, plans the way back, asks, takes the lock, applies.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let mut stop = Stop::listen();
    let profile = global.profile(environment)?.profile;
    let secret = line_secret(environment, &profile)?;
    let world = Arc::new(world(environment, &profile, secret.clone()).await);
    let planner = GoingBack {
        profile: &profile,
        world: &world,
        args,
    };
    let view = until_stopped(planner.look(), &mut stop).await?;
    let change = Change {
        command: "rollback",
        lock: &args.lock,
        yes: args.yes,
        why: "",
        profile: &profile,
        secret: &secret,
        wanted: None,
        world: &world,
        environment,
        printer,
    };
    change.run(&planner, &view, stop).await
}
