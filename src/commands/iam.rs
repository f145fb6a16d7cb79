//! `dsline iam`

use anyhow::Result;
use clap::Subcommand;

use crate::doctor::{actions, policy};
use crate::output::Printer;

use super::outcome::Outcome;

/// Print the AWS permissions that dsline needs.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print an IAM policy that allows every call of dsline and nothing else
    Policy,
}

/// Prints; no account is needed.
pub fn run(args: &Args, printer: &Printer) -> Result<Outcome> {
    match args.what {
        What::Policy => {
            let policy = policy(&actions());
            printer.line(serde_json::to_string_pretty(&policy)?);
            printer.document(&policy)?;
        }
    }
    Ok(Outcome::Done)
}
