//! The gateway of a line: takes OpenAI-compatible requests, checks the caller, passes them to the upstream, streams back.

pub mod arguments;
pub mod config;
pub mod guard;
pub mod limit;
pub mod proxy;
pub mod record;
pub mod server;
pub mod upstream;
pub mod wire;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use crate::arguments::Wish;
use crate::config::{Refusal, Settings};
use crate::server::Live;

/// Exit code for wrong usage and for a configuration that is refused (sysexits' `EX_USAGE`).
const WRONG_USAGE: u8 = 64;

/// Does what the arguments ask for; the only place where an outcome becomes an exit code.
pub fn run(arguments: impl Iterator<Item = String>) -> ExitCode {
    let wish = match arguments::parse(arguments) {
        Ok(wish) => wish,
        Err(wrong) => {
            complain(&format!(
                "{wrong}\n\nhint: `dsline-gateway --help` shows what it takes"
            ));
            return ExitCode::from(WRONG_USAGE);
        }
    };
    let done = match &wish {
        Wish::Help => say(arguments::HELP),
        Wish::Version => say(concat!("dsline-gateway ", env!("CARGO_PKG_VERSION"), "\n")),
        Wish::Check(path) => check(path),
        Wish::Serve(path) => server::serve(path),
    };
    let Err(error) = done else {
        return ExitCode::SUCCESS;
    };
    complain(&format!("{error:#}"));
    let is_refused = matches!(wish, Wish::Check(_)) || error.is::<Refusal>();
    if is_refused {
        ExitCode::from(WRONG_USAGE)
    } else {
        ExitCode::FAILURE
    }
}

/// Validates a configuration and the secret files that are already there, and starts nothing.
fn check(path: &Path) -> anyhow::Result<()> {
    let settings = Settings::load(path)?;
    for note in Live::rehearse(&settings)? {
        say(&format!("note: {note}\n"))?;
    }
    say(&format!("{} is valid\n", path.display()))
}

fn say(text: &str) -> anyhow::Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to standard output")
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "error: {text}");
}
