//! Everything that a plan is made from.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::line::{LineSecret, Observed, Profile, Secret};
use crate::render::GatewayBinary;

/// What is wanted, with all that goes into a node's files.
pub struct Wanted {
    /// The profile.
    pub profile: Profile,
    /// The line secret.
    pub secret: LineSecret,
    /// The upstreams' API keys, in the order of the profile.
    pub upstream_keys: Vec<Secret>,
    /// The gateway that nodes shall run.
    pub gateway: GatewayBinary,
    /// Public keys that may log in to a new node.
    pub authorized_keys: Vec<String>,
    /// The time of the run, which decides on certificates.
    pub now: Timestamp,
}

/// Everything that a plan is made from; the same context always gives the same plan.
pub struct Context<'a> {
    /// What is wanted.
    pub wanted: &'a Wanted,
    /// What is.
    pub observed: &'a Observed,
    /// The operator's address as nodes see it, when it is known.
    pub operator: Option<IpAddr>,
}
