//! What a node's files follow from.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;

use super::file::Content;
use crate::line::{Certificate, LineSecret, Profile, Secret, Slot};

/// The gateway's program, read once and shared by all nodes.
#[derive(Clone, PartialEq, Eq)]
pub struct GatewayBinary {
    content: Content,
}

impl GatewayBinary {
    /// Takes the program's bytes and hashes them.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self {
            content: Content::new(bytes),
        }
    }

    /// The program as a file's content.
    pub(super) fn content(&self) -> &Content {
        &self.content
    }
}

impl fmt::Debug for GatewayBinary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatewayBinary({} bytes)", self.content.len())
    }
}

/// What a node's files follow from.
#[derive(Clone, Copy, Debug)]
pub struct NodeInput<'a> {
    /// The line as it is wanted.
    pub profile: &'a Profile,
    /// The node's place in it.
    pub slot: &'a Slot,
    /// The node's public address, when it has one already.
    pub address: Option<Ipv4Addr>,
    /// What passwords and certificates derive from.
    pub secret: &'a LineSecret,
    /// The upstreams' API keys, in the order of the profile.
    pub upstream_keys: &'a [Secret],
    /// The gateway's program.
    pub gateway: &'a GatewayBinary,
    /// What it shows; `None` is a certificate of the line's own authority.
    pub certificate: Option<&'a Certificate>,
    /// The authority of the receiver of the trail, PEM, where the profile names one.
    pub forward_ca: Option<&'a str>,
    /// That certificate is of this month.
    pub now: Timestamp,
}
