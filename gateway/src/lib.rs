//! The gateway of a line: takes OpenAI-compatible requests, checks the caller, passes them to the upstream, streams back.

pub mod arguments;
pub mod cache;
pub mod chat;
pub mod config;
pub mod desk;
pub mod flight;
pub mod guard;
pub mod limit;
pub mod proxy;
pub mod record;
pub mod server;
pub mod upstream;
pub mod wire;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use crate::arguments::Wish;
use crate::config::{BadVariable, Overrides, Refusal, Settings};

/// Exit code for wrong usage and for a configuration that is refused (sysexits' `EX_USAGE`).
const WRONG_USAGE: u8 = 64;

/// What is asked for is freed, and memory that was freed goes back to the kernel within a second or two (`malloc_conf`
/// in `.cargo/config.toml`): a peak of streams must not keep the node's memory.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Does what the arguments ask for; the only place where an outcome becomes an exit code.
pub fn run(
    arguments: impl Iterator<Item = String>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> ExitCode {
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
        Wish::Check(path) => read(variable).and_then(|overrides| check(path, &overrides)),
        Wish::Serve(path) => read(variable).and_then(|overrides| {
            keep_memory_private()?;
            server::serve(path, overrides)
        }),
    };
    let Err(error) = done else {
        return ExitCode::SUCCESS;
    };
    complain(&format!("{error:#}"));
    let is_refused =
        matches!(wish, Wish::Check(_)) || error.is::<Refusal>() || error.is::<BadVariable>();
    if is_refused {
        ExitCode::from(WRONG_USAGE)
    } else {
        ExitCode::FAILURE
    }
}

/// Validates a configuration and the secret files that are already there, and starts nothing.
fn check(path: &Path, overrides: &Overrides) -> anyhow::Result<()> {
    let settings = Settings::load(path)?.with(overrides);
    for note in desk::rehearse(&settings)? {
        say(&format!("note: {note}\n"))?;
    }
    say(&format!("{} is valid\n", path.display()))
}

fn read(variable: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<Overrides> {
    Ok(Overrides::read(variable)?)
}

/// Keys and questions are in this process's memory: no core file, and no look into it by another process of its user.
fn keep_memory_private() -> anyhow::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).context("cannot forbid core files")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("cannot hide its memory")
}

fn say(text: &str) -> anyhow::Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to standard output")
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "error: {text}");
}
