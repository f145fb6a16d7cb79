//! `dsline plan`

use anyhow::Result;

use crate::operator::Environment;
use crate::output::{self, Printer};

use super::global::{Global, LineArgs};
use super::outcome::Outcome;
use super::setup::{self, Setup};

/// Show what `up` would do.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    line: LineArgs,
    /// Go on although the change of the records leaves users without a healthy node, or removes most of them
    #[arg(long)]
    force: bool,
}

/// Observes, plans, prints; changes nothing.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let setup = Setup::gather(&args.line, global, environment)
        .await?
        .insisting(args.force);
    let view = setup.observe().await?;
    setup::remark_what_is_out(printer, &view);
    let plan = setup.plan(&view)?;
    output::plan(printer, &plan);
    printer.document(&plan)?;
    Ok(match (plan.is_empty(), plan.troubles.is_empty()) {
        (false, _) => Outcome::Pending,
        (true, true) => Outcome::Done,
        (true, false) => Outcome::Partial,
    })
}
