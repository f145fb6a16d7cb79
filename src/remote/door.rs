//! How the operator gets in, and the node that is meant.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use crate::line::{
    Brought, Generation, HostKey, HostKeyStage, LineName, LineSecret, PublicHostKey, Slot,
};

/// How the operator gets into the nodes of a line.
#[derive(Clone, Debug)]
pub struct Door {
    /// The line, part of the names that `~/.ssh/config` may know its nodes by.
    pub line: LineName,
    /// The user on the nodes.
    pub user: String,
    /// The one private key to use, when the profile names it.
    pub identity: Option<PathBuf>,
    /// The operator's own machines, each with the way in that the profile names.
    pub brought: BTreeMap<Slot, Brought>,
    /// The operator's home folder.
    pub home: PathBuf,
    /// Whether an SSH agent is there (`SSH_AUTH_SOCK` is set).
    pub agent: bool,
}

impl Door {
    /// A node as it must present itself: by the host keys that follow from the line secret, or by the one that the profile
    /// pins for a machine of the operator's own.
    pub fn target(
        &self,
        secret: &LineSecret,
        slot: &Slot,
        generation: Generation,
        address: Ipv4Addr,
    ) -> Target {
        let brought = self.brought.get(slot);
        let key = |stage| match brought {
            Some(node) => node.host_key.clone(),
            None => HostKey::derive(secret, slot, generation, stage).public(),
        };
        Target {
            slot: slot.clone(),
            address,
            lasting: key(HostKeyStage::Lasting),
            first_boot: key(HostKeyStage::FirstBoot),
            login: brought.map(|node| (node.user.clone(), node.port)),
        }
    }

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
    pub lasting: PublicHostKey,
    /// The host key that it has before.
    pub first_boot: PublicHostKey,
    /// User and port of a machine of the operator's own.
    pub login: Option<(String, u16)>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.slot, self.address)
    }
}
