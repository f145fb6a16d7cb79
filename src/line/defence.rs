//! What was seen of a node's defences, from inside over SSH and from outside as strangers see them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A node's own account of its defences; a fact that is missing could not be found out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inside {
    /// Single facts by name, such as `sshd.permitrootlogin`.
    pub facts: BTreeMap<String, String>,
    /// TCP ports that something listens on beyond the loopback.
    pub listening: BTreeSet<u16>,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Secrets that others than their owner may read.
    pub loose_files: Vec<String>,
}

/// How a container is held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Docker's name of it.
    pub name: String,
    /// Whether its file system cannot be written.
    pub read_only: bool,
    /// The user that its program is.
    pub user: String,
    /// Whether programs in it can gain no right.
    pub no_new_privileges: bool,
    /// Bytes of memory that it may use; 0 is all of them.
    pub memory: u64,
    /// Ports that it publishes.
    pub published: u32,
    /// Whether it has the host's rights.
    pub privileged: bool,
}

/// What strangers see of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    /// Ports that were tried and answered.
    pub open: BTreeSet<u16>,
    /// Ports that were tried.
    pub tried: BTreeSet<u16>,
    /// TLS versions that were offered and taken, `1.0` to `1.2`; missing when the port did not answer.
    pub old_tls: Option<BTreeSet<String>>,
    /// The answer to a question with an attack in its query.
    pub attack: Option<u16>,
    /// `Strict-Transport-Security` of an answer.
    pub hsts: Option<String>,
    /// `Server` of an answer.
    pub server: Option<String>,
    /// The answer to a question over plain HTTP.
    pub plain: Option<u16>,
}
