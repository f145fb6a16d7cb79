//! How the operator gets in, and the node that is meant.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use crate::line::{HostKey, LineName, Slot};

/// How the operator gets into the nodes of a line.
#[derive(Clone, Debug)]
pub struct Door {
    /// The line, part of the names that `~/.ssh/config` may know its nodes by.
    pub line: LineName,
    /// The user on the nodes.
    pub user: String,
    /// The one private key to use, when the profile names it.
    pub identity: Option<PathBuf>,
    /// The operator's home folder.
    pub home: PathBuf,
    /// Whether an SSH agent is there (`SSH_AUTH_SOCK` is set).
    pub agent: bool,
}

impl Door {
    /// What a node is called in `~/.ssh/config`: `dsline-home-us-east-1-1`.
    pub(super) fn alias(&self, slot: &Slot) -> String {
        format!("dsline-{}-{}-{}", self.line, slot.region, slot.number)
    }
}

/// A node as it must present itself.
#[derive(Clone)]
pub struct Target {
    /// Its place in the line.
    pub slot: Slot,
    /// Its public address.
    pub address: Ipv4Addr,
    /// The host key that it has after the first contact.
    pub lasting: HostKey,
    /// The host key that it has before.
    pub first_boot: HostKey,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.slot, self.address)
    }
}
