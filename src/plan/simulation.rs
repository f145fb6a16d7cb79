//! A world of data in which every step of a plan succeeds at once, for the planner's property tests.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::dns::{ChangeAction, NodeRecord, change, desired};
use crate::line::*;
use crate::render::GatewayBinary;

use super::context::Wanted;
use super::files::release_of;
use super::step::{Action, Plan};

pub(super) const NOW: &str = "2026-11-22T12:00:00Z";

pub(super) fn wanted(profile: Profile) -> Wanted {
    Wanted {
        profile,
        secret: LineSecret::from_bytes([9; 32]),
        upstream_key: Secret::new("upstream"),
        gateway: GatewayBinary::new(b"gateway".to_vec()),
        authorized_keys: Vec::new(),
        now: NOW.parse().unwrap(),
    }
}

pub(super) fn profile(regions: &[&str], per_region: u16) -> Profile {
    let mut profile = Profile {
        regions: regions.iter().map(|name| name.parse().unwrap()).collect(),
        ..Profile::default()
    };
    profile.nodes.per_region = per_region;
    profile.dns.host = "llm.example.com".to_owned();
    profile
}

/// A world in which every step succeeds at once.
pub(super) struct World {
    pub(super) observed: Observed,
    pub(super) made: u16,
    /// The instance that fills each slot in the plan that is being applied.
    filling: BTreeMap<Slot, String>,
}

impl World {
    pub(super) fn empty(regions: &[&str]) -> Self {
        let seen = || RegionView::Seen {
            instances: Vec::new(),
            groups: Vec::new(),
        };
        let zone = ZoneView {
            id: "Z1".to_owned(),
            name: "example.com".to_owned(),
            records: vec![foreign_record()],
            checks: Vec::new(),
        };
        let regions = regions
            .iter()
            .map(|name| (name.parse().unwrap(), seen()))
            .collect();
        Self {
            observed: Observed {
                regions,
                zone: Some(zone),
                ..Observed::default()
            },
            made: 0,
            filling: BTreeMap::new(),
        }
    }

    pub(super) fn parts(&mut self, region: &Region) -> (&mut Vec<Instance>, &mut Vec<Group>) {
        match self.observed.regions.get_mut(region).unwrap() {
            RegionView::Seen { instances, groups } => (instances, groups),
            RegionView::NotLookedAt(_) => panic!("a step in a region that nobody saw"),
        }
    }

    pub(super) fn zone(&mut self) -> &mut ZoneView {
        self.observed.zone.as_mut().unwrap()
    }

    pub(super) fn instance(&self, slot: &Slot) -> Instance {
        self.observed
            .instances()
            .find(|one| one.id == self.filling[slot])
            .unwrap()
            .clone()
    }

    pub(super) fn boot(&mut self, region: &Region, slot: Option<&Slot>, generation: u32) -> String {
        self.made += 1;
        let [high, low] = self.made.to_be_bytes();
        let id = format!("i-{}", self.made);
        let instance = Instance {
            id: id.clone(),
            region: region.clone(),
            slot: slot.cloned(),
            generation: Generation(generation),
            key_id: None,
            state: InstanceState::Running,
            address: Some(Ipv4Addr::new(198, 18, high, low)),
            instance_type: "t3.micro".to_owned(),
            launched: NOW.parse().unwrap(),
        };
        self.parts(region).0.push(instance);
        id
    }

    pub(super) fn apply(&mut self, wanted: &Wanted, plan: &Plan) {
        let known = plan
            .nodes
            .iter()
            .filter_map(|node| Some((node.slot.clone(), node.instance.clone()?)));
        self.filling = known.collect();
        for step in &plan.steps {
            self.step(wanted, &step.action);
        }
    }

    pub(super) fn step(&mut self, wanted: &Wanted, action: &Action) {
        match action {
            Action::CreateGroup { region } => {
                let group = Group {
                    id: format!("sg-{region}"),
                    region: region.clone(),
                    key_id: None,
                    rules: BTreeSet::new(),
                };
                self.parts(region).1.push(group);
            }
            Action::SetRules {
                region,
                add,
                remove,
                ..
            } => {
                let rules = &mut self.parts(region).1[0].rules;
                rules.retain(|rule| !remove.contains(rule));
                rules.extend(add.iter().cloned());
            }
            Action::Launch { order, .. } => {
                let id = self.boot(&order.slot.region, Some(&order.slot), order.generation.0);
                self.filling.insert(order.slot.clone(), id);
            }
            Action::Boot { slot, .. } => {
                let id = self.instance(slot).id;
                let report = NodeReport {
                    booted: true,
                    has_lasting_key: true,
                    ..NodeReport::default()
                };
                self.observed.nodes.insert(id, NodeSight::Reported(report));
            }
            Action::Push { slot, .. } => {
                let instance = self.instance(slot);
                let report = pushed(wanted, slot, instance.address);
                self.observed
                    .nodes
                    .insert(instance.id, NodeSight::Reported(report));
            }
            Action::CreateCheck { slot } => {
                let address = self.instance(slot).address.unwrap();
                let reference = CheckReference::new(
                    &wanted.profile.name,
                    slot,
                    address,
                    &wanted.profile.dns.checks.settings(),
                );
                self.made += 1;
                let id = format!("hc-{}", self.made);
                self.zone().checks.push(HealthCheck {
                    id,
                    reference,
                    address: Some(address),
                    inverted: false,
                    disabled: false,
                });
            }
            Action::ChangeRecords { slots, kept, .. } => self.change_records(wanted, slots, kept),
            Action::DeleteCheck { check } => {
                let is_used = self
                    .zone()
                    .records
                    .iter()
                    .any(|record| record.health_check.as_ref() == Some(check));
                assert!(!is_used, "a check was deleted that a record still names");
                self.zone().checks.retain(|one| one.id != *check);
            }
            Action::Terminate { region, instances } => {
                let gone: Vec<Instance> = self
                    .parts(region)
                    .0
                    .iter()
                    .filter(|one| instances.contains(&one.id))
                    .cloned()
                    .collect();
                for instance in gone {
                    let address = instance.address.unwrap().to_string();
                    let answers = |record: &RecordSet| matches!(&record.value, RecordValue::Values { values, .. } if values.contains(&address));
                    assert!(
                        !self.zone().records.iter().any(answers),
                        "an instance was terminated that DNS still answers"
                    );
                }
                self.parts(region)
                    .0
                    .retain(|one| !instances.contains(&one.id));
            }
            Action::DeleteGroup { region, group } => {
                assert!(
                    self.parts(region).0.is_empty(),
                    "a group was deleted while instances use it"
                );
                self.parts(region).1.retain(|one| one.id != *group);
            }
        }
    }

    pub(super) fn change_records(&mut self, wanted: &Wanted, slots: &[Slot], kept: &[NodeRecord]) {
        let checks = self.zone().checks.clone();
        let of_slot = |slot: &Slot| {
            let address = self.instance(slot).address.unwrap();
            let check = checks
                .iter()
                .find(|check| check.address == Some(address) && check.reference.slot == *slot)
                .unwrap();
            NodeRecord {
                slot: slot.clone(),
                address,
                check_id: check.id.clone(),
            }
        };
        let nodes: Vec<NodeRecord> = slots
            .iter()
            .map(of_slot)
            .chain(kept.iter().cloned())
            .collect();
        let target = if nodes.is_empty() {
            Vec::new()
        } else {
            desired(&wanted.profile, "Z1", &nodes)
        };
        let batch = change(&wanted.profile.name, &self.zone().records, &target).unwrap();
        for one in batch.changes {
            let records = &mut self.zone().records;
            records.retain(|record| record.key() != one.record.key());
            if one.action != ChangeAction::Delete {
                records.push(one.record);
            }
        }
    }

    /// What a real observation would add: offers for whoever asks.
    pub(super) fn offered(&mut self, wanted: &Wanted) {
        let offer = Offer {
            free_types: vec!["t3.micro".to_owned()],
            image_id: "ami-1".to_owned(),
            image_name: "debian".to_owned(),
            root_device: "/dev/xvda".to_owned(),
        };
        self.observed.offers = wanted
            .profile
            .regions
            .iter()
            .map(|region| (region.clone(), Ok(offer.clone())))
            .collect();
    }
}

pub(super) fn pushed(wanted: &Wanted, slot: &Slot, address: Option<Ipv4Addr>) -> NodeReport {
    let release = release_of(wanted, slot, address);
    let state = |digest: &str| PartState {
        digest: digest.to_owned(),
        drifted: Vec::new(),
    };
    NodeReport {
        lease: None,
        booted: true,
        boot_error: None,
        has_lasting_key: true,
        release: Some(release.digest().to_owned()),
        parts: release
            .parts
            .iter()
            .map(|part| {
                (
                    part.name.as_str().to_owned(),
                    state(release.part_digest(part.name)),
                )
            })
            .collect(),
        units: BTreeMap::new(),
        gateway: Some(GatewayStatus::default()),
    }
}

pub(super) fn foreign_record() -> RecordSet {
    RecordSet {
        name: "www.example.com".to_owned(),
        kind: RecordType::A,
        set_identifier: None,
        routing: Routing::Simple,
        value: RecordValue::Values {
            ttl: 300,
            values: vec!["192.0.2.1".to_owned()],
        },
        health_check: None,
    }
}
