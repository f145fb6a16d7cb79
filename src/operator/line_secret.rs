//! The line secret: found where the profile says, or made once and kept in a file that only its owner reads.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};

use crate::line::{Hint as _, LineName, LineSecret, Profile, SecretSource};

use super::environment::Environment;
use super::secret_source::read_secret;
use super::whole_file::write_whole;

/// The file that keeps a line's secret when the profile names no other source.
pub fn line_secret_path(environment: &Environment, line: &LineName) -> PathBuf {
    environment
        .configuration_folder()
        .join(format!("{line}.secret"))
}

/// The line's secret.
pub fn line_secret(environment: &Environment, profile: &Profile) -> Result<LineSecret> {
    let source = source(environment, profile);
    if let SecretSource::File(path) = &source {
        let path = environment.resolve(path);
        if !path.exists() {
            return Err(anyhow!("line `{}` has no secret: {} does not exist", profile.name, path.display())).hint(
                "a new line: run `dsline init`; a line that exists: bring its secret back from the backup, nothing else opens it",
            );
        }
    }
    let text = read_secret(environment, &source, "the line secret")?;
    LineSecret::parse(text.expose())
        .map_err(|wrong| anyhow!(wrong))
        .with_context(|| format!("the line secret of `{}` cannot be used", profile.name))
        .hint("bring it back from its backup; for a new line, remove it and run `dsline init`")
}

/// The line's secret if there is one at all; an unreadable one is still an error.
pub fn find_line_secret(
    environment: &Environment,
    profile: &Profile,
) -> Result<Option<LineSecret>> {
    let is_missing = match source(environment, profile) {
        SecretSource::File(path) => !environment.resolve(&path).exists(),
        SecretSource::Env(name) => environment.variable(&name).is_none(),
        SecretSource::Command(_) => false,
    };
    if is_missing {
        Ok(None)
    } else {
        line_secret(environment, profile).map(Some)
    }
}

fn source(environment: &Environment, profile: &Profile) -> SecretSource {
    profile
        .secret
        .clone()
        .unwrap_or_else(|| SecretSource::File(line_secret_path(environment, &profile.name)))
}

/// Makes a new secret and keeps it at `path`; `false` when there is one already, which is never overwritten.
pub fn create_line_secret(path: &Path) -> Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut bytes = [0; 32];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("cannot read random bytes")?;
    let text = LineSecret::from_bytes(bytes).to_hex();
    write_whole(path, format!("{}\n", text.expose()).as_bytes(), 0o600)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_secret_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dsline/home.secret");
        assert!(create_line_secret(&path).unwrap());
        let first = fs::read_to_string(&path).unwrap();
        assert!(!create_line_secret(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), first);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(LineSecret::parse(&first).is_ok());
    }
}
