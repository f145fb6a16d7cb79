//! What was seen of a line in AWS and on its nodes at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account_plan::AccountPlan;
use super::identity::CheckReference;
use super::name::{Generation, Slot};
use super::record::RecordSet;
use super::region::Region;
use super::report::NodeSight;
use super::secret::KeyId;

/// A line as it is.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// What each region that was asked showed.
    pub regions: BTreeMap<Region, RegionView>,
    /// The operator's own machines: they are in no account, so no account can fail to show them.
    pub brought: Vec<Instance>,
    /// The hosted zone with its records and the line's health checks; `None` for a line without a domain.
    pub zone: Option<ZoneView>,
    /// What the nodes themselves showed, by instance id; only for running instances that were asked.
    pub nodes: BTreeMap<String, NodeSight>,
    /// Whether Route 53's checkers find a health check healthy, by its id; asked only about unreachable nodes.
    pub verdicts: BTreeMap<String, bool>,
    /// What a region offers to a new node, or why it could not be asked; only for regions that need one.
    pub offers: BTreeMap<Region, Result<Offer, String>>,
    /// Memory of the instance types that the profile names, in MiB, as far as EC2 told.
    pub memory_mib: BTreeMap<String, u32>,
    /// The account's credits, where AWS tells them.
    pub account_plan: Option<AccountPlan>,
}

/// What a region offers to a new node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Instance types that the account is offered free there.
    pub free_types: Vec<String>,
    /// Id of the image that the profile asks for.
    pub image_id: String,
    /// Its name.
    pub image_name: String,
    /// Device name of its root volume, such as `/dev/xvda`.
    pub root_device: String,
}

/// A region's answer, or why there is none.
#[derive(Clone, Debug)]
pub enum RegionView {
    /// The line's things in the region.
    Seen {
        /// Instances tagged with the line's name, terminated ones left out.
        instances: Vec<Instance>,
        /// Security groups tagged with the line's name.
        groups: Vec<Group>,
    },
    /// The region could not be looked at, and why; never to be taken for "nothing there".
    NotLookedAt(String),
}

/// A machine of a line: an EC2 instance, or one of the operator's own in the same terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// EC2's id.
    pub id: String,
    /// Its region.
    pub region: Region,
    /// Its slot, from its tags; `None` when the tags are damaged.
    pub slot: Option<Slot>,
    /// Its generation, from its tags; the first when the tag is damaged.
    pub generation: Generation,
    /// Fingerprint of the line secret it was made with, from its tags.
    pub key_id: Option<KeyId>,
    /// Its state in EC2.
    pub state: InstanceState,
    /// Its public IPv4 address, while it has one.
    pub address: Option<Ipv4Addr>,
    /// Its type, such as `t3.micro`.
    pub instance_type: String,
    /// When it was launched.
    pub launched: Timestamp,
}

/// The life of an instance as EC2 tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// Being started.
    Pending,
    /// Up, as far as EC2 knows.
    Running,
    /// On its way to `Stopped`.
    Stopping,
    /// Powered off.
    Stopped,
    /// On its way to `Terminated`.
    ShuttingDown,
    /// Gone.
    Terminated,
}

impl InstanceState {
    /// Whether the instance serves or is about to.
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }

    /// EC2's own word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
        }
    }
}

/// A security group of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// EC2's id.
    pub id: String,
    /// Its region.
    pub region: Region,
    /// Fingerprint of the line secret it was made with, from its tags.
    pub key_id: Option<KeyId>,
    /// Its TCP ingress rules.
    pub rules: BTreeSet<Rule>,
}

/// One TCP port that a group opens to somebody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// First port.
    pub from_port: u16,
    /// Last port.
    pub to_port: u16,
    /// For whom.
    pub source: RuleSource,
}

/// Whom a rule lets in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleSource {
    /// An IPv4 or IPv6 network in CIDR notation.
    Network(ipnet::IpNet),
    /// Something lines never make (another group, a prefix list, another protocol), described.
    Foreign(String),
}

/// The hosted zone as Route 53 lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneView {
    /// Route 53's id, without `/hostedzone/`.
    pub id: String,
    /// The zone's name, without the trailing dot.
    pub name: String,
    /// All its record sets, foreign ones too.
    pub records: Vec<RecordSet>,
    /// The line's health checks.
    pub checks: Vec<HealthCheck>,
}

/// A health check of a line, known by its caller reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Route 53's id.
    pub id: String,
    /// Whose it is.
    pub reference: CheckReference,
    /// The address it asks.
    pub address: Option<Ipv4Addr>,
    /// Whether it is turned round (drained by the control plane).
    pub inverted: bool,
    /// Whether it is switched off.
    pub disabled: bool,
}

impl Observed {
    /// All machines: those launched, in all regions that were seen, and the operator's own.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.launched().chain(&self.brought)
    }

    /// All EC2 instances of all regions that were seen.
    pub fn launched(&self) -> impl Iterator<Item = &Instance> {
        self.regions.values().flat_map(|view| match view {
            RegionView::Seen { instances, .. } => instances.as_slice(),
            RegionView::NotLookedAt(_) => &[],
        })
    }

    /// All groups of all regions that were seen.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.regions.values().flat_map(|view| match view {
            RegionView::Seen { groups, .. } => groups.as_slice(),
            RegionView::NotLookedAt(_) => &[],
        })
    }

    /// The regions that could not be looked at, with the reason.
    pub fn unseen(&self) -> impl Iterator<Item = (&Region, &str)> {
        self.regions.iter().filter_map(|(region, view)| match view {
            RegionView::NotLookedAt(why) => Some((region, why.as_str())),
            RegionView::Seen { .. } => None,
        })
    }
}
