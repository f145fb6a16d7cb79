//! `dsline man`

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::operator::{Environment, write_whole};
use crate::output::Printer;

use super::outcome::Outcome;

/// Write man pages, one for each command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder to write to, such as ~/.local/share/man/man1
    #[arg(value_name = "DIR")]
    out: PathBuf,
}

/// Writes `dsline.1`, `dsline-up.1` and so on.
pub fn run(
    args: &Args,
    command: clap::Command,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let out = environment.resolve(&args.out);
    fs::create_dir_all(&out)
        .with_context(|| format!("cannot make the folder {}", out.display()))?;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut written = Vec::new();
    let mut left = vec![command];
    while let Some(command) = left.pop() {
        let page = clap_mangen::Man::new(command.clone());
        let mut text = Vec::new();
        page.render(&mut text)
            .context("a man page cannot be rendered")?;
        let name = page.get_filename();
        write_whole(&out.join(&name), &text, 0o644)?;
        written.push(name);
        left.extend(command.get_subcommands().cloned());
    }
    written.sort();
    for name in &written {
        printer.line(name);
    }
    printer.document(&json!({ "folder": out, "files": written }))?;
    Ok(Outcome::Done)
}
