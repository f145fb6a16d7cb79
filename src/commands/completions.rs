//! `dsline completions`

use anyhow::Result;
use clap_complete::Shell;

use crate::output::Printer;

use super::outcome::Outcome;

/// Print shell completions.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell to print them for
    shell: Shell,
}

/// Prints the completions of `command`.
pub fn run(args: &Args, mut command: clap::Command, printer: &Printer) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "dsline", &mut script);
    printer.raw(&script);
    Ok(Outcome::Done)
}
