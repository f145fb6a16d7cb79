//! The process environment, taken once at the start and handed on as a value.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Variables and folders of the operator's session.
#[derive(Clone, Debug)]
pub struct Environment {
    variables: HashMap<String, String>,
    /// The folder the command was called in.
    pub working_folder: PathBuf,
    /// The folder that holds the running program.
    pub program_folder: Option<PathBuf>,
}

impl Environment {
    /// Takes variables and folders as given.
    pub fn new(
        variables: HashMap<String, String>,
        working_folder: PathBuf,
        program_folder: Option<PathBuf>,
    ) -> Self {
        Self {
            variables,
            working_folder,
            program_folder,
        }
    }

    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        PathBuf::from(self.variable("HOME").unwrap_or("/"))
    }

    /// The user's configuration folder of this program (XDG base directory specification).
    pub fn configuration_folder(&self) -> PathBuf {
        let base = self
            .variable("XDG_CONFIG_HOME")
            .map_or_else(|| self.home().join(".config"), PathBuf::from);
        base.join("dsline")
    }

    /// The user's state folder of this program (XDG base directory specification).
    pub fn state_folder(&self) -> PathBuf {
        let base = self
            .variable("XDG_STATE_HOME")
            .map_or_else(|| self.home().join(".local/state"), PathBuf::from);
        base.join("dsline")
    }

    /// A path as the user wrote it: `~/` is the home folder, anything relative starts at the working folder.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        match path.strip_prefix("~") {
            Ok(rest) => self.home().join(rest),
            Err(_) => self.working_folder.join(path),
        }
    }
}
