//! Reads a secret from where the profile says it is.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::line::{Hint as _, Secret, SecretSource};

use super::environment::Environment;

/// Reads a secret; `what` names it in errors. Space around it is cut off.
pub fn read_secret(environment: &Environment, source: &SecretSource, what: &str) -> Result<Secret> {
    let text = match source {
        SecretSource::Env(name) => environment
            .variable(name)
            .map(str::to_owned)
            .with_context(|| format!("{what}: the environment variable {name} is not set"))
            .hint(format!("set it, or name another source for {what} in the profile: {{ file = \"...\" }} or {{ command = \"...\" }}"))?,
        SecretSource::File(path) => read_file(&environment.resolve(path), what)?,
        SecretSource::Command(command) => run(command, what)?,
    };
    let text = text.trim();
    if text.is_empty() {
        bail!("{what} is empty");
    }
    Ok(Secret::new(text))
}

fn read_file(path: &Path, what: &str) -> Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{what}: cannot read {}", path.display()))?;
    let mode = path
        .metadata()
        .map(|meta| meta.permissions().mode())
        .unwrap_or_default();
    if mode & 0o077 != 0 {
        return Err(anyhow::anyhow!(
            "{what}: {} can be read by other users (mode {:03o})",
            path.display(),
            mode & 0o777
        ))
        .hint(format!("run `chmod 600 {}`", path.display()));
    }
    Ok(text)
}

fn run(command: &str, what: &str) -> Result<String> {
    let output = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{what}: cannot run `{command}`"))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{what}: `{command}` failed: {}",
            told.lines().last().unwrap_or("it said nothing")
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{what}: `{command}` did not print text"))
}
