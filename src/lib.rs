//! The `dsline` command: provisions, pushes, watches and removes a private line to an LLM API.

pub mod acme;
pub mod bench;
pub mod cli;
pub mod client;
pub mod cloud;
pub mod commands;
pub mod cost;
pub mod dns;
pub mod doctor;
pub mod engine;
pub mod export;
pub mod lease;
pub mod line;
pub mod operator;
pub mod output;
pub mod plan;
pub mod remote;
pub mod render;
pub mod replay;
pub mod report;
pub mod scaling;
pub mod tick;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use clap::error::ErrorKind;

use crate::cli::Cli;
use crate::commands::Outcome;
use crate::engine::{Interrupted, hint_of};
use crate::lease::Taken;
use crate::line::ProfileError;
use crate::operator::Environment;
use crate::output::Printer;
use crate::plan::Refusal;

/// Exit code of a call whose words or profile are wrong (BSD's `EX_USAGE`).
const USAGE: u8 = 64;
/// Exit code of a command that did not get the lock.
const LOCKED: u8 = 4;
/// Exit code of a refused plan.
const REFUSED: u8 = 5;
/// Exit code of a run that a signal stopped before it changed anything (the shell's 128 + SIGINT).
const INTERRUPTED: u8 = 130;

/// Runs the command line of this process and returns its exit code; `docs/exit-codes.md` lists them.
pub async fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A reader that has gone away (`| head`) is no error.
            let _ = error.print();
            let is_help = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            return if is_help {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(USAGE)
            };
        }
    };
    let environment = environment();
    let printer = Printer::new(
        cli.global.json,
        cli.global.quiet,
        environment.variable("NO_COLOR").is_some(),
    );
    let outcome = cli.run(&environment, &printer).await.and_then(|outcome| {
        let sent = printer.finish();
        sent.context("what was asked for could not be written to stdout")?;
        Ok(outcome)
    });
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Pending) => ExitCode::from(2),
        Ok(Outcome::Partial) => ExitCode::from(3),
        Ok(Outcome::Child(code)) => ExitCode::from(code),
        Err(error) => {
            output::failure(&printer, &error, hint_of(&error).as_deref());
            ExitCode::from(code_of(&error))
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the process environment is read"
)]
fn environment() -> Environment {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let program = std::env::current_exe()
        .ok()
        .and_then(|path| path.parent().map(std::path::Path::to_owned));
    Environment::new(
        variables.collect(),
        std::env::current_dir().unwrap_or_default(),
        program,
    )
}

fn code_of(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<Refusal>().is_some() {
        REFUSED
    } else if error.is::<Interrupted>() {
        INTERRUPTED
    } else if error.chain().any(|cause| cause.is::<Taken>()) {
        LOCKED
    } else if error.chain().any(|cause| cause.is::<ProfileError>()) {
        USAGE
    } else {
        1
    }
}
