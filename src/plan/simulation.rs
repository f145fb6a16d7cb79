//! A world of data in which a plan's steps are carried out one by one, and which insists on its safety after each.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::dns::{NodeRecord, apply_batch, change, desired, is_of_line, known_nodes};
use crate::line::*;

use super::answers::{ReadyNode, answers};
use super::context::Wanted;
use super::samples::{NOW, foreign_record, pushed};
use super::step::{Action, Plan, Step, StepId};

/// How a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Luck {
    Good,
    /// It fails before it has done anything.
    Refused,
    /// It is done, and yet counts as failed: its answer was lost.
    Unheard,
}

/// What a run knows of a slot, as `engine` does.
#[derive(Clone, Default)]
struct Facts {
    instance: Option<String>,
    address: Option<Ipv4Addr>,
    check: Option<String>,
    unfinished: bool,
    reachable: bool,
}

/// What is, and what this run has learnt of it.
pub(super) struct World {
    pub(super) observed: Observed,
    pub(super) made: u16,
    /// The instance that each client token made, by slot and generation.
    pub(super) tokens: BTreeMap<(Slot, Generation), String>,
    facts: BTreeMap<Slot, Facts>,
    /// Addresses of instances that were terminated here.
    gone: BTreeSet<String>,
    /// Whether some node that answers was in the records when the run began, and the run is no teardown.
    serves: bool,
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
            tokens: BTreeMap::new(),
            facts: BTreeMap::new(),
            gone: BTreeSet::new(),
            serves: false,
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
        let id = self.facts[slot].instance.clone().unwrap();
        let mut all = self.observed.instances();
        all.find(|one| one.id == id).unwrap().clone()
    }

    pub(super) fn boot(&mut self, region: &Region, slot: Option<&Slot>, generation: u32) -> String {
        self.made += 1;
        let [high, low] = self.made.to_be_bytes();
        let id = format!("i-{:04}", self.made);
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

    /// Carries out a whole plan, in its order, with nothing going wrong.
    pub(super) fn apply(&mut self, wanted: &Wanted, plan: &Plan) {
        self.run(wanted, plan, |_| 0, |_| Luck::Good);
    }

    /// Carries out a plan as the engine might: `pick` chooses among the steps whose turn it is, `luck` says how each goes.
    pub(super) fn run(
        &mut self,
        wanted: &Wanted,
        plan: &Plan,
        mut pick: impl FnMut(usize) -> usize,
        luck: impl Fn(StepId) -> Luck,
    ) {
        self.begin(wanted, plan);
        let mut endings: BTreeMap<StepId, bool> = BTreeMap::new();
        loop {
            let is_ready = |step: &&Step| {
                let mut before = step.needs.iter().chain(&step.after);
                !endings.contains_key(&step.id) && before.all(|id| endings.contains_key(id))
            };
            let ready: Vec<&Step> = plan.steps.iter().filter(is_ready).collect();
            if ready.is_empty() {
                break;
            }
            let step = ready[pick(ready.len()) % ready.len()];
            let mut is_well = step.needs.iter().all(|id| endings[id]);
            if is_well && luck(step.id) != Luck::Refused {
                is_well = self.step(wanted, &step.action) && luck(step.id) == Luck::Good;
                self.insist_on_safety(wanted, step);
            } else {
                is_well = false;
            }
            endings.insert(step.id, is_well);
        }
        assert_eq!(endings.len(), plan.steps.len(), "a step waits for ever");
    }

    fn begin(&mut self, wanted: &Wanted, plan: &Plan) {
        let is_due = |slot: &Slot| {
            plan.steps.iter().any(|step| matches!(&step.action, Action::Boot { slot: at, .. } | Action::Push { slot: at, .. } if at == slot))
        };
        let known = plan.nodes.iter().map(|node| {
            let facts = Facts {
                instance: node.instance.clone(),
                address: node.address,
                check: node.check.clone(),
                unfinished: is_due(&node.slot),
                reachable: node.reachable,
            };
            (node.slot.clone(), facts)
        });
        self.facts = known.collect();
        self.gone.clear();
        self.serves = !plan.nodes.is_empty() && self.is_answered(wanted);
    }

    /// Whether DNS answers with a node that works, or with one in a region that nobody can see.
    fn is_answered(&self, wanted: &Wanted) -> bool {
        let zone = self.observed.zone.as_ref().unwrap();
        let serves = |node: &NodeRecord| {
            let region = self.observed.regions.get(&node.slot.region);
            if !matches!(region, Some(RegionView::Seen { .. })) {
                return true;
            }
            let mut all = self.observed.instances();
            all.any(|one| {
                let sight = self.observed.nodes.get(&one.id);
                Some(node.address) == one.address
                    && one.state == InstanceState::Running
                    && matches!(sight, Some(NodeSight::Reported(report)) if report.booted)
            })
        };
        let nodes = known_nodes(&wanted.profile.name, &zone.records);
        nodes.iter().any(serves)
    }

    fn insist_on_safety(&self, wanted: &Wanted, step: &Step) {
        let zone = self.observed.zone.as_ref().unwrap();
        let ours = zone
            .records
            .iter()
            .filter(|record| is_of_line(&wanted.profile.name, record));
        for record in ours {
            if let RecordValue::Values { values, .. } = &record.value {
                assert!(
                    !values.iter().any(|value| self.gone.contains(value)),
                    "after {step:?} DNS answers a terminated instance: {record:?}"
                );
            }
        }
        assert!(
            !self.serves || self.is_answered(wanted),
            "after {step:?} DNS answers no node that works"
        );
    }

    /// Does one step; says whether it went well.
    pub(super) fn step(&mut self, wanted: &Wanted, action: &Action) -> bool {
        match action {
            Action::CreateGroup { region } => {
                let id = format!("sg-{region}");
                if !self.parts(region).1.iter().any(|group| group.id == id) {
                    self.parts(region).1.push(Group {
                        id,
                        region: region.clone(),
                        key_id: None,
                        rules: BTreeSet::new(),
                    });
                }
            }
            Action::SetRules {
                region,
                group,
                add,
                remove,
            } => {
                let groups = self.parts(region).1;
                let named = |one: &&mut Group| group.as_ref().is_none_or(|id| *id == one.id);
                let rules = &mut groups.iter_mut().find(named).unwrap().rules;
                // EC2 cannot be told to remove what this program has no words for.
                let is_told = |rule: &Rule| matches!(rule.source, RuleSource::Network(_));
                rules.retain(|rule| !remove.contains(rule) || !is_told(rule));
                rules.extend(add.iter().cloned());
            }
            Action::Launch { order, .. } if order.slot.is_brought() => {
                panic!("something is launched in the place of a machine of the operator's own")
            }
            Action::Launch { order, .. } => self.launch(&order.slot, order.generation),
            Action::Boot { slot, .. } => return self.finish_boot(slot),
            Action::Push { slot, .. } => {
                let instance = self.instance(slot);
                let report = pushed(wanted, slot, instance.address);
                let nodes = &mut self.observed.nodes;
                nodes.insert(instance.id, NodeSight::Reported(Box::new(report)));
                self.facts.get_mut(slot).unwrap().unfinished = false;
            }
            // Only `rollback` plans it, and only a line with a public authority the other.
            Action::GoBack { .. } | Action::Certify { .. } => {}
            Action::CreateCheck { slot } => self.create_check(wanted, slot),
            Action::ChangeRecords { slots, kept, .. } => {
                return self.change_records(wanted, slots, kept);
            }
            // What this run has adopted is not unused any more.
            Action::DeleteCheck { check } if self.has_adopted_check(check) => {}
            Action::DeleteCheck { check } => {
                let is_used = self
                    .zone()
                    .records
                    .iter()
                    .any(|record| record.health_check.as_ref() == Some(check));
                assert!(!is_used, "a check was deleted that a record still names");
                self.zone().checks.retain(|one| one.id != *check);
            }
            Action::Terminate {
                region, instances, ..
            } => self.terminate(region, instances),
            Action::Leave { slot, .. } => {
                assert!(slot.is_brought(), "an instance is left, not terminated");
                let id = self.brought(slot).id.clone();
                let sight = NodeSight::Reported(Box::default());
                self.observed.nodes.insert(id, sight);
            }
            Action::DeleteGroup { region, group } => {
                let (instances, groups) = self.parts(region);
                let is_leaving = |one: &Instance| one.state == InstanceState::ShuttingDown;
                assert!(
                    instances.iter().all(is_leaving),
                    "a group was deleted while instances use it"
                );
                groups.retain(|one| one.id != *group);
            }
        }
        true
    }

    /// The instance that the token made, with its tags mended, or else a new one.
    fn launch(&mut self, slot: &Slot, generation: Generation) {
        let token = (slot.clone(), generation);
        let made = self.tokens.get(&token).cloned();
        let (instances, _) = self.parts(&slot.region);
        let is_there = |one: &&mut Instance| {
            Some(&one.id) == made.as_ref() && one.state != InstanceState::ShuttingDown
        };
        let id = if let Some(instance) = instances.iter_mut().find(is_there) {
            (instance.slot, instance.generation) = (Some(slot.clone()), generation);
            instance.id.clone()
        } else {
            self.boot(&slot.region, Some(slot), generation.0)
        };
        self.tokens.insert(token, id.clone());
        self.facts.get_mut(slot).unwrap().instance = Some(id);
    }

    fn brought(&self, slot: &Slot) -> &Instance {
        let mut all = self.observed.brought.iter();
        all.find(|one| one.slot.as_ref() == Some(slot)).unwrap()
    }

    fn finish_boot(&mut self, slot: &Slot) -> bool {
        if slot.is_brought() {
            let id = self.brought(slot).id.clone();
            let report = NodeReport {
                booted: true,
                has_lasting_key: true,
                ..NodeReport::default()
            };
            let sight = NodeSight::Reported(Box::new(report));
            self.observed.nodes.insert(id, sight);
            return true;
        }
        let id = self.instance(slot).id;
        self.made += 1;
        let [high, low] = self.made.to_be_bytes();
        let (instances, _) = self.parts(&slot.region);
        let instance = instances.iter_mut().find(|one| one.id == id).unwrap();
        if !instance.state.is_alive() {
            return false;
        }
        instance.state = InstanceState::Running;
        let fresh = Ipv4Addr::new(198, 19, high, low);
        let address = *instance.address.get_or_insert(fresh);
        let report = NodeReport {
            booted: true,
            has_lasting_key: true,
            ..NodeReport::default()
        };
        let nodes = &mut self.observed.nodes;
        nodes.insert(id, NodeSight::Reported(Box::new(report)));
        self.facts.get_mut(slot).unwrap().address = Some(address);
        true
    }

    fn create_check(&mut self, wanted: &Wanted, slot: &Slot) {
        let address = self.facts[slot].address.unwrap();
        let settings = wanted.profile.dns.checks.settings();
        let mut reference = CheckReference::new(&wanted.profile.name, slot, address, &settings);
        let id = loop {
            let taken = self.zone().checks.iter();
            let taken = taken.clone().find(|check| check.reference == reference);
            match taken {
                None => {
                    self.made += 1;
                    let id = format!("hc-{:04}", self.made);
                    self.zone().checks.push(HealthCheck {
                        id: id.clone(),
                        reference,
                        address: Some(address),
                        inverted: false,
                        disabled: false,
                    });
                    break id;
                }
                Some(check) if check.address == Some(address) => break check.id.clone(),
                Some(_) => reference = reference.next_attempt(),
            }
        };
        self.facts.get_mut(slot).unwrap().check = Some(id);
    }

    fn terminate(&mut self, region: &Region, ids: &[String]) {
        // What this run has adopted is not surplus any more.
        let adopted: BTreeSet<String> = self
            .facts
            .values()
            .filter_map(|facts| facts.instance.clone())
            .collect();
        let brought = &self.observed.brought;
        assert!(
            !brought.iter().any(|one| ids.contains(&one.id)),
            "a machine of the operator's own is terminated"
        );
        let goes = |one: &Instance| ids.contains(&one.id) && !adopted.contains(&one.id);
        let (instances, _) = self.parts(region);
        let addresses: Vec<String> = instances
            .iter()
            .filter(|one| goes(one))
            .filter_map(|one| one.address.map(|address| address.to_string()))
            .collect();
        instances.retain(|one| !goes(one));
        self.gone.extend(addresses);
    }

    fn has_adopted_check(&self, id: &str) -> bool {
        let mut all = self.facts.values();
        all.any(|facts| facts.check.as_deref() == Some(id))
    }

    fn change_records(&mut self, wanted: &Wanted, slots: &[Slot], kept: &[NodeRecord]) -> bool {
        let name = &wanted.profile.name;
        let records = self.zone().records.clone();
        let ready = |slot: &Slot| {
            let facts = &self.facts[slot];
            (!facts.unfinished).then_some(())?;
            Some(ReadyNode {
                record: NodeRecord {
                    slot: slot.clone(),
                    address: facts.address?,
                    check_id: facts.check.clone()?,
                },
                is_sound: facts.reachable,
            })
        };
        let Some(nodes) = answers(slots, kept, &known_nodes(name, &records), ready) else {
            return false;
        };
        let batch = change(name, &records, &desired(&wanted.profile, "Z1", &nodes)).unwrap();
        let checks = &self.observed.zone.as_ref().unwrap().checks;
        let is_dangling = batch.changes.iter().any(|change| {
            let check = change.record.health_check.as_ref();
            change.action != crate::dns::ChangeAction::Delete
                && check.is_some_and(|id| !checks.iter().any(|one| one.id == *id))
        });
        if is_dangling {
            return false;
        }
        self.zone().records = apply_batch(records, &batch).unwrap();
        true
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
