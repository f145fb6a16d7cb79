//! What a run learns while it goes: ids and addresses of what its own steps made.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::sync::Mutex;

use tokio::time::Instant;

use crate::line::{Certificate, Generation, Region, Slot};
use crate::plan::{Action, Plan};

use super::revocations::Keeper;

/// A node as far as it is known at this moment of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeFacts {
    /// Its generation, once it is known.
    pub(super) generation: Option<Generation>,
    /// EC2's id.
    pub(super) instance: Option<String>,
    /// Its type, once this run has launched it: not the planned one where EC2 had no capacity.
    pub(super) instance_type: Option<String>,
    /// Its address.
    pub(super) address: Option<Ipv4Addr>,
    /// Its health check.
    pub(super) check: Option<String>,
    /// Whether this run still has to bring it to its release: till then it does not join the records.
    pub(super) is_unfinished: bool,
    /// Whether it can be worked on.
    pub(super) is_reachable: bool,
    /// The release that it had before this run gave it another.
    pub(super) before: Option<u32>,
}

/// What is known, shared by the steps of a run.
#[derive(Debug, Default)]
pub(super) struct Facts {
    nodes: Mutex<HashMap<Slot, NodeFacts>>,
    groups: Mutex<HashMap<Region, String>>,
    records_changed: Mutex<Option<Instant>>,
    certificate: Mutex<Option<Certificate>>,
}

impl Facts {
    /// What the plan knew already.
    pub(super) fn of(plan: &Plan) -> Self {
        let facts = Self::default();
        if let Some(certificate) = &plan.certificate {
            facts.learn_certificate(certificate.clone());
        }
        for node in &plan.nodes {
            facts.learn(&node.slot, |known| {
                known.generation = Some(node.generation);
                known.instance.clone_from(&node.instance);
                known.address = node.address;
                known.check.clone_from(&node.check);
                known.is_reachable = node.reachable;
            });
        }
        for step in &plan.steps {
            if let Action::Boot { slot, .. } | Action::Push { slot, .. } = &step.action {
                facts.learn(slot, |node| node.is_unfinished = true);
            }
        }
        facts
    }

    /// A copy of what is known of a node.
    pub(super) fn node(&self, slot: &Slot) -> NodeFacts {
        self.nodes
            .lock()
            .expect("no step panics while it holds the lock")
            .get(slot)
            .cloned()
            .unwrap_or_default()
    }

    /// Every node with an address and a generation.
    pub(super) fn keepers(&self) -> Vec<Keeper> {
        let nodes = self
            .nodes
            .lock()
            .expect("no step panics while it holds the lock");
        let keeper = |(slot, node): (&Slot, &NodeFacts)| {
            Some(Keeper {
                slot: slot.clone(),
                generation: node.generation?,
                address: Some(node.address?),
            })
        };
        nodes.iter().filter_map(keeper).collect()
    }

    /// The nodes that got another release, each with the one it had before.
    pub(super) fn changed(&self) -> BTreeMap<Slot, u32> {
        let nodes = self
            .nodes
            .lock()
            .expect("no step panics while it holds the lock");
        nodes
            .iter()
            .filter_map(|(slot, node)| Some((slot.clone(), node.before?)))
            .collect()
    }

    /// Whether an instance or a health check fills a slot by now, so that it is not to be taken away.
    pub(super) fn is_adopted(&self, id: &str) -> bool {
        let nodes = self
            .nodes
            .lock()
            .expect("no step panics while it holds the lock");
        nodes
            .values()
            .any(|node| [&node.instance, &node.check].contains(&&Some(id.to_owned())))
    }

    /// Adds to what is known of a node.
    pub(super) fn learn(&self, slot: &Slot, change: impl FnOnce(&mut NodeFacts)) {
        change(
            self.nodes
                .lock()
                .expect("no step panics while it holds the lock")
                .entry(slot.clone())
                .or_default(),
        );
    }

    /// When this run's change of records was on every name server.
    pub(super) fn records_changed(&self) -> Option<Instant> {
        *self
            .records_changed
            .lock()
            .expect("no step panics while it holds the lock")
    }

    /// Remembers that the records have just changed.
    pub(super) fn learn_change_of_records(&self) {
        *self
            .records_changed
            .lock()
            .expect("no step panics while it holds the lock") = Some(Instant::now());
    }

    /// The certificate that nodes are pushed; `None` is one of the line's own authority.
    pub(super) fn certificate(&self) -> Option<Certificate> {
        self.certificate
            .lock()
            .expect("no step panics while it holds the lock")
            .clone()
    }

    /// Remembers the certificate that nodes are pushed from now on.
    pub(super) fn learn_certificate(&self, certificate: Certificate) {
        *self
            .certificate
            .lock()
            .expect("no step panics while it holds the lock") = Some(certificate);
    }

    /// The group that this run made in a region.
    pub(super) fn group(&self, region: &Region) -> Option<String> {
        self.groups
            .lock()
            .expect("no step panics while it holds the lock")
            .get(region)
            .cloned()
    }

    /// Remembers the group made in a region.
    pub(super) fn learn_group(&self, region: &Region, id: String) {
        self.groups
            .lock()
            .expect("no step panics while it holds the lock")
            .insert(region.clone(), id);
    }
}
