//! Where the profile says that a secret is kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where a secret comes from; exactly one of the three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file; `~/` is the home folder.
    File(PathBuf),
    /// A shell command that prints it.
    Command(String),
}
