//! Finds and reads the profile file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::line::{Hint as _, Profile};

use super::environment::Environment;

/// The file that is read when no other is named.
const USUAL_NAME: &str = "dsline.toml";

/// A profile and where it came from.
#[derive(Clone, Debug)]
pub struct ProfileFile {
    /// What it says.
    pub profile: Profile,
    /// The file; `None` for the defaults.
    pub path: Option<PathBuf>,
}

/// Reads the named file, else `dsline.toml` in the working folder, else takes the defaults.
pub fn find_profile(environment: &Environment, named: Option<&Path>) -> Result<ProfileFile> {
    let usual = environment.working_folder.join(USUAL_NAME);
    let path = match named {
        Some(path) => Some(environment.resolve(path)),
        None => usual.exists().then_some(usual),
    };
    let Some(path) = path else {
        return Ok(ProfileFile {
            profile: Profile::default(),
            path: None,
        });
    };
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read the profile {}", path.display()))
        .hint("name an existing file with --profile, or run `dsline init` to write one")?;
    let profile = Profile::parse(&text)
        .with_context(|| format!("the profile {} is refused", path.display()))?;
    Ok(ProfileFile {
        profile,
        path: Some(path),
    })
}
