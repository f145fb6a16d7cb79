//! An emulator of `DeepSeek`'s API for the lab: OpenAI-compatible, fast, and as troublesome as its knobs say.

pub mod answer;
pub mod arguments;
pub mod emulator;
pub mod failure;
pub mod knobs;
pub mod listen;
pub mod paced;
pub mod question;
pub mod reply;
pub mod stats;
pub mod upload;

use std::io::Write;
use std::process::ExitCode;

use crate::arguments::{Setting, Wish};

/// Does what the arguments ask for.
pub fn run(arguments: impl Iterator<Item = String>) -> ExitCode {
    let setting = match arguments::parse(arguments) {
        Ok(Wish::Help) => return end(listen::say(arguments::HELP), 1),
        Ok(Wish::Serve(setting)) => setting,
        Err(wrong) => return end(Err(wrong), 64),
    };
    end(serve(*setting), 1)
}

fn serve(setting: Setting) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(listen::serve(setting))
}

fn end(done: anyhow::Result<()>, code: u8) -> ExitCode {
    let Err(error) = done else {
        return ExitCode::SUCCESS;
    };
    // Nobody reads the complaint: the exit code has to do.
    let _ = writeln!(std::io::stderr(), "error: {error:#}");
    ExitCode::from(code)
}
