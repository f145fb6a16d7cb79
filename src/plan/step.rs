//! Steps: what can be done to the world, as data; printing, JSON, dry run and the record of what happened are this list.

use std::fmt;
use std::net::Ipv4Addr;

use serde::Serialize;

use crate::cost::Bill;
use crate::line::{Certificate, Generation, LineName, RecordSet, Region, Rule, Slot};

/// An ordered set of steps that leads from what is to what is wanted.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The line it is for.
    pub line: LineName,
    /// The steps; a step's needs and predecessors always stand before it.
    pub steps: Vec<Step>,
    /// What could not be planned for, so that the result is partial at best.
    pub troubles: Vec<Trouble>,
    /// Every node that the line should have afterwards.
    pub nodes: Vec<PlannedNode>,
    /// The certificate that nodes are pushed unless the plan gets another; `None` is one of the line's own authority.
    #[serde(skip)]
    pub certificate: Option<Certificate>,
    /// What a month of it costs; `None` for a line that goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bill: Option<Bill>,
}

/// Something that stands in the way of a complete plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// Where.
    pub at: At,
    /// What, as a sentence without a full stop.
    pub what: String,
}

/// A node of the line as far as it is known when planning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedNode {
    /// Its slot.
    pub slot: Slot,
    /// Its generation.
    pub generation: Generation,
    /// Its instance, when it exists already.
    pub instance: Option<String>,
    /// Its address, when it has one already.
    pub address: Option<Ipv4Addr>,
    /// Its health check, when that exists already.
    pub check: Option<String>,
    /// Whether it can be worked on; one that cannot stays in the records, but is no reason to take others away.
    pub reachable: bool,
}

/// A step's number in its plan, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StepId(pub usize);

/// One thing to do.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Its number.
    pub id: StepId,
    /// Where it happens.
    pub at: At,
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
    /// Why, as a sentence without a full stop.
    pub reason: String,
    /// Steps that must have succeeded before.
    pub needs: Vec<StepId>,
    /// Steps that must have ended before, well or not.
    pub after: Vec<StepId>,
}

/// A node that serves and is to be taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Its slot.
    pub slot: Slot,
    /// Its generation.
    pub generation: Generation,
    /// Its address.
    pub address: Ipv4Addr,
    /// Whether DNS answers it: then resolvers are given time to forget it.
    pub is_answered: bool,
}

/// Where a step happens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// On or about one node.
    Slot(Slot),
    /// In a region.
    Region(Region),
    /// In Route 53, by the hosted zone's name.
    Zone(String),
}

/// What `RunInstances` is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LaunchOrder {
    /// The slot to fill.
    pub slot: Slot,
    /// The generation to make.
    pub generation: Generation,
    /// The instance type.
    pub instance_type: String,
    /// What to take when EC2 has no capacity for that, best first.
    pub other_types: Vec<String>,
    /// The image's id.
    pub image_id: String,
    /// The image's root device.
    pub root_device: String,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub enum Action {
    /// Make the line's security group in a region.
    CreateGroup {
        /// The region.
        region: Region,
    },
    /// Open and close ports of a group.
    SetRules {
        /// The region.
        region: Region,
        /// The group's id; `None` is the one that this plan makes.
        group: Option<String>,
        /// Rules to add.
        add: Vec<Rule>,
        /// Rules to remove.
        remove: Vec<Rule>,
    },
    /// Start an instance.
    Launch {
        /// What to start.
        order: LaunchOrder,
        /// The group's id; `None` is the one that this plan makes.
        group: Option<String>,
    },
    /// Wait for first boot, switch CPU credits to standard, set the lasting host key; or prepare a machine of the
    /// operator's own in its stead.
    Boot {
        /// The node.
        slot: Slot,
        /// Its generation.
        generation: Generation,
        /// Its instance type, which decides whether it has CPU credits.
        instance_type: String,
    },
    /// Bring the node's files to the wanted release and reload what they touch.
    Push {
        /// The node.
        slot: Slot,
        /// Its generation.
        generation: Generation,
        /// The number that the release shall have.
        number: u32,
    },
    /// Make a release live again that the node has kept.
    GoBack {
        /// The node.
        slot: Slot,
        /// Its generation.
        generation: Generation,
        /// The release's number.
        number: u32,
    },
    /// Get a certificate from a public authority, shown by a record in the zone that the name is ours.
    Certify {
        /// The host name that it is for.
        host: String,
        /// The hosted zone's id.
        zone_id: String,
        /// The hosted zone's name.
        zone_name: String,
    },
    /// Make a node's Route 53 health check.
    CreateCheck {
        /// The node.
        slot: Slot,
    },
    /// Bring the zone's records to the line's nodes in one batch.
    ChangeRecords {
        /// The hosted zone's id.
        zone_id: String,
        /// The hosted zone's name.
        zone_name: String,
        /// The slots that records shall name; none removes every record of the line.
        slots: Vec<Slot>,
        /// Nodes that are in the records already and stay as they are: their region could not be looked at.
        #[serde(skip)]
        kept: Vec<crate::dns::NodeRecord>,
        /// The zone's records as observed.
        #[serde(skip)]
        existing: Vec<RecordSet>,
        /// What changes, when everything is known at planning time.
        changes: Option<String>,
    },
    /// Remove a health check that no record needs any more.
    DeleteCheck {
        /// Route 53's id.
        check: String,
    },
    /// Terminate instances and wait until they are gone.
    Terminate {
        /// The region.
        region: Region,
        /// EC2's ids.
        instances: Vec<String>,
        /// The one of them that serves, if any: it leaves its users time to go elsewhere.
        #[serde(skip)]
        serving: Option<Serving>,
    },
    /// Stop the line's services on a machine of the operator's own, and remove its files there.
    Leave {
        /// The node.
        slot: Slot,
        /// Its address.
        address: Ipv4Addr,
    },
    /// Remove the line's security group from a region.
    DeleteGroup {
        /// The region.
        region: Region,
        /// EC2's id.
        group: String,
    },
}

impl LaunchOrder {
    /// The types that the instance may have, best first.
    pub fn types(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.instance_type).chain(&self.other_types)
    }
}

impl Plan {
    /// A plan without steps.
    pub fn new(line: &LineName) -> Self {
        Self {
            line: line.clone(),
            steps: Vec::new(),
            troubles: Vec::new(),
            nodes: Vec::new(),
            certificate: None,
            bill: None,
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Appends a step and returns its number, so that later steps can name it.
    pub fn add(&mut self, at: At, action: Action, reason: impl Into<String>) -> StepId {
        let id = StepId(self.steps.len());
        self.steps.push(Step {
            id,
            at,
            action,
            reason: reason.into(),
            needs: Vec::new(),
            after: Vec::new(),
        });
        id
    }

    /// Lets a step run only after others have succeeded.
    pub fn needs(&mut self, step: StepId, before: impl IntoIterator<Item = StepId>) {
        self.steps[step.0].needs.extend(before);
    }

    /// Lets a step run only after others have ended, well or not.
    pub fn after(&mut self, step: StepId, before: impl IntoIterator<Item = StepId>) {
        self.steps[step.0].after.extend(before);
    }

    /// Notes something that could not be planned for.
    pub fn trouble(&mut self, at: At, what: impl Into<String>) {
        self.troubles.push(Trouble {
            at,
            what: what.into(),
        });
    }

    /// Numbers of the steps that fit.
    pub fn ids_where(&self, fits: impl Fn(&Step) -> bool) -> Vec<StepId> {
        self.steps
            .iter()
            .filter(|step| fits(step))
            .map(|step| step.id)
            .collect()
    }
}

impl Action {
    /// Whether it takes something away that cannot be brought back as it was.
    pub fn is_removal(&self) -> bool {
        matches!(
            self,
            Self::Terminate { .. }
                | Self::Leave { .. }
                | Self::DeleteGroup { .. }
                | Self::DeleteCheck { .. }
        )
    }

    /// Whether AWS is asked for it; otherwise only a node is.
    pub fn asks_aws(&self) -> bool {
        match self {
            Self::Push { .. } | Self::GoBack { .. } | Self::Leave { .. } => false,
            Self::Boot { slot, .. } => !slot.is_brought(),
            _ => true,
        }
    }

    /// Whether it takes an instance or a group out of a region.
    pub(super) fn removes_in(&self, region: &Region) -> bool {
        match self {
            Self::Terminate { region: place, .. } | Self::DeleteGroup { region: place, .. } => {
                place == region
            }
            _ => false,
        }
    }

    /// What is done, in a few words: `launch a t3.micro`.
    pub fn title(&self) -> String {
        match self {
            Self::CreateGroup { .. } => "create the security group".to_owned(),
            Self::SetRules { add, remove, .. } => format!(
                "set ingress rules ({} to add, {} to remove)",
                add.len(),
                remove.len()
            ),
            Self::Launch { order, .. } => format!(
                "launch a {} (generation {})",
                order.instance_type, order.generation
            ),
            Self::Boot { slot, .. } if slot.is_brought() => {
                "prepare the machine: packages, folders, Docker, nginx, Redis".to_owned()
            }
            Self::Boot { .. } => "finish first boot".to_owned(),
            Self::Push { .. } => "push files".to_owned(),
            Self::GoBack { number, .. } => format!("go back to release {number}"),
            Self::Certify { host, .. } => format!("get a certificate for {host}"),
            Self::CreateCheck { .. } => "create the health check".to_owned(),
            Self::ChangeRecords { slots, kept, .. } if slots.is_empty() && kept.is_empty() => {
                "remove the line's records".to_owned()
            }
            Self::ChangeRecords { changes, .. } => changes
                .clone()
                .unwrap_or_else(|| "point the records at the line's nodes".to_owned()),
            Self::DeleteCheck { check } => format!("delete health check {check}"),
            Self::Terminate { instances, .. } => format!("terminate {}", instances.join(", ")),
            Self::Leave { .. } => {
                "leave the machine: stop services, remove /var/lib/dsline (packages stay)"
                    .to_owned()
            }
            Self::DeleteGroup { group, .. } => format!("delete security group {group}"),
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(slot) => slot.fmt(f),
            Self::Region(region) => region.fmt(f),
            Self::Zone(zone) => f.write_str(zone),
        }
    }
}
