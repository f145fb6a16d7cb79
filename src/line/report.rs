//! What a node says of itself when asked over SSH.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::kept_release::{KeptRelease, ReleaseState};

/// How far a look at a node got.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeSight {
    /// It answered.
    Reported(Box<NodeReport>),
    /// It could not be reached, and why.
    Unreachable(String),
    /// Something answered with a host key that is not the node's: nothing was sent to it.
    WrongHostKey(String),
    /// The operator has no key that the node takes.
    Refused(String),
}

/// A node's own account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeReport {
    /// Whether first boot (cloud-init) has finished; an error text when it failed.
    pub booted: bool,
    /// What first boot complained about.
    pub boot_error: Option<String>,
    /// Whether the lasting host key is in place; `false` before the first contact.
    pub has_lasting_key: bool,
    /// The lease that lies on it, as text: the lock of a line without a hosted zone.
    pub lease: Option<String>,
    /// Digest of the live release; `None` before the first push.
    pub release: Option<String>,
    /// Number of the live release.
    #[serde(default)]
    pub number: Option<u32>,
    /// The release that waits for its confirmation: without it the node goes back.
    #[serde(default)]
    pub pending: Option<u32>,
    /// The releases that it remembers, by number.
    #[serde(default)]
    pub releases: BTreeMap<u32, KeptRelease>,
    /// The live release's parts by name, each with its digest.
    pub parts: BTreeMap<String, PartState>,
    /// The certificate chain of the live release, PEM.
    #[serde(default)]
    pub chain: Option<String>,
    /// systemd's word for each unit that a line needs (`active`, `failed` …).
    pub units: BTreeMap<String, String>,
    /// What the gateway's admin port said; `None` when it did not answer.
    pub gateway: Option<GatewayStatus>,
}

/// One part of the live release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartState {
    /// The part's digest.
    pub digest: String,
    /// Files of it that are no longer what was pushed.
    pub drifted: Vec<String>,
}

/// The gateway's answer to `GET /status` on its admin port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GatewayStatus {
    /// Its version.
    pub version: String,
    /// Whether it fails its health on purpose.
    pub draining: bool,
    /// Requests it is working on.
    pub in_flight: u64,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Answers that were given again, since it started.
    #[serde(default)]
    pub hits: u64,
    /// Requests that shared another's upstream call.
    #[serde(default)]
    pub merged: u64,
    /// Requests that the upstream was asked for.
    #[serde(default)]
    pub misses: u64,
    /// Seconds until the first byte of an answer, for 99 of 100; `None` while nothing was asked lately.
    #[serde(default)]
    pub p99_seconds: Option<f64>,
    /// The APIs behind it.
    #[serde(default)]
    pub upstreams: Vec<UpstreamStatus>,
    /// Its share of upstream calls at the same time; `None` for a gateway that does not tell.
    #[serde(default)]
    pub permits: Option<PermitStatus>,
}

/// What a gateway says of its upstream permits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermitStatus {
    /// Calls that are under way.
    pub used: u64,
    /// Calls that may be under way at once.
    pub all: u64,
    /// Requests that wait for one.
    #[serde(default)]
    pub waiting: u64,
}

/// What a gateway says of one API behind it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UpstreamStatus {
    /// Its name.
    pub name: String,
    /// `closed`, `open` or `half-open`, and other words that a later gateway may use.
    #[serde(default)]
    pub breaker: String,
    /// What went wrong last, in one word.
    #[serde(default)]
    pub last_trouble: Option<String>,
}

impl GatewayStatus {
    /// Share of cacheable requests that the upstream was spared by the cache; `None` before the first.
    pub fn hit_ratio(&self) -> Option<f64> {
        let asked = self.hits + self.merged + self.misses;
        #[expect(
            clippy::cast_precision_loss,
            reason = "a ratio is shown with two digits"
        )]
        (asked > 0).then(|| self.hits as f64 / asked as f64)
    }
}

impl NodeReport {
    /// The live release's number, if nobody has confirmed it yet.
    pub fn unconfirmed(&self) -> Option<u32> {
        let live = self.number?;
        let is_new = self
            .releases
            .get(&live)
            .is_some_and(|release| release.state == ReleaseState::Unconfirmed);
        (is_new || self.pending.is_some()).then_some(live)
    }

    /// The live release's number, if somebody has confirmed it.
    pub fn confirmed(&self) -> Option<u32> {
        self.number.filter(|_| self.unconfirmed().is_none())
    }

    /// The newest release up to this number that fits.
    pub fn newest_up_to(
        &self,
        number: u32,
        fits: impl Fn(&KeptRelease) -> bool,
    ) -> Option<&KeptRelease> {
        let mut older = self.releases.range(..=number).rev();
        older
            .find(|(_, release)| fits(release))
            .map(|(_, release)| release)
    }

    /// Whether anything of the line is there: a release, or what comes before the first.
    pub fn holds_something(&self) -> bool {
        self.booted || self.boot_error.is_some() || self.release.is_some()
    }

    /// Everything that differs from what was pushed, one short phrase each; empty on a sound node.
    pub fn troubles(&self) -> Vec<String> {
        let files = self
            .parts
            .values()
            .flat_map(|part| &part.drifted)
            .map(|path| format!("{path} was changed"));
        let units = self
            .units
            .iter()
            .filter(|(_, state)| *state != "active")
            .map(|(unit, state)| format!("{unit} is {state}"));
        let gateway = match &self.gateway {
            None if self.release.is_some() => Some("the gateway does not answer".to_owned()),
            _ => None,
        };
        let boot = self
            .boot_error
            .iter()
            .map(|text| format!("first boot failed: {text}"));
        let confirmation = self
            .unconfirmed()
            .map(|number| format!("release {number} is not confirmed"));
        boot.chain(files)
            .chain(units)
            .chain(gateway)
            .chain(confirmation)
            .collect()
    }
}
