//! `dsline dns`

use anyhow::Result;
use clap::Subcommand;

use crate::operator::Environment;
use crate::output::Printer;

use super::global::Global;
use super::outcome::Outcome;
use super::{dns_check, dns_explain};

/// Explain DNS answers, or check that the world is led to the zone.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what Route 53 answers in a place, and why
    Explain(dns_explain::Args),
    /// Look from outside whether the hosted zone is the one that resolvers are led to
    Check(dns_check::Args),
}

/// Runs the subcommand.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    match &args.command {
        Command::Explain(args) => dns_explain::run(args, global, environment, printer).await,
        Command::Check(args) => dns_check::run(args, global, environment, printer).await,
    }
}
