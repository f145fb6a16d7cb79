//! Everything that a plan is made from.

use std::net::IpAddr;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::cost::Prices;
use crate::line::{Certificate, LineSecret, Observed, Profile, Secret};
use crate::render::GatewayBinary;

use super::roster::Roster;

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
    /// The certificate that the profile's files hold, where it names any.
    pub given_certificate: Option<Certificate>,
    /// The authority, a PEM file, that the ACME directory's own certificate comes from, where the profile names one.
    pub directory_ca: Option<PathBuf>,
    /// The authority of the receiver of the trail, PEM, where the profile names one.
    pub forward_ca: Option<String>,
    /// What AWS asks for everything.
    pub prices: Prices,
    /// The time of the run, which decides on certificates.
    pub now: Timestamp,
}

/// Everything that a plan is made from; the same context always gives the same plan.
pub struct Context<'a> {
    /// What is wanted.
    pub wanted: &'a Wanted,
    /// What is.
    pub observed: &'a Observed,
    /// The slots that the line should have.
    pub roster: Roster,
    /// The operator's address as nodes see it, when it is known.
    pub operator: Option<IpAddr>,
    /// Whether a new certificate is wanted although the present one lasts.
    pub renew: bool,
}

impl<'a> Context<'a> {
    /// With as many nodes as the line has, within the profile's bounds.
    pub fn new(wanted: &'a Wanted, observed: &'a Observed, operator: Option<IpAddr>) -> Self {
        Self {
            wanted,
            observed,
            roster: Roster::standing(&wanted.profile, observed),
            operator,
            renew: false,
        }
    }
}
