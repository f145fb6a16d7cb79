//! `dsline up`

use std::sync::Arc;

use anyhow::Result;

use crate::engine::{LineView, Stop};
use crate::line::Region;
use crate::operator::Environment;
use crate::output::Printer;
use crate::plan::{Plan, roll};

use super::change::{Change, Planner};
use super::consent::until_stopped;
use super::global::{Global, LineArgs};
use super::lock::LockArgs;
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
    roll: RollArgs,
    #[command(flatten)]
    lock: LockArgs,
    /// Do not ask before changing anything
    #[arg(long, short)]
    yes: bool,
}

/// How releases go round.
#[derive(Debug, clap::Args)]
pub struct RollArgs {
    /// What the release is for; the nodes remember it
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) why: String,
    /// The region that gets a new release first
    #[arg(long, value_name = "REGION")]
    pub(super) canary: Option<Region>,
}

struct Bringing<'a> {
    setup: &'a Setup,
    canary: Option<&'a Region>,
}

impl Planner for Bringing<'_> {
    async fn look(&self) -> Result<LineView> {
        self.setup.observe().await
    }

    fn plan(&self, view: &LineView) -> Result<Plan> {
        let mut plan = self.setup.plan(view)?;
        roll(&mut plan, &view.observed, self.canary);
        Ok(plan)
    }
}

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
    args.line.remind(global, environment, printer)?;
    let change = Change {
        command: "up",
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
    let planner = Bringing {
        setup: &setup,
        canary: args.roll.canary.as_ref(),
    };
    change.run(&planner, &view, stop).await
}
