//! Which instance fills which slot, which are to be replaced, and which are to go.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::dns::{is_of_line, known_nodes};
use crate::line::{
    CheckReference, Generation, HealthCheck, Instance, InstanceState, LineName, NodeReport,
    NodeSight, Observed, Profile, RecordSet, RecordValue, Region, RegionView, Slot,
};

use super::roster::Roster;

/// How long a new instance may stay silent before it counts as dead.
const BOOT_GRACE: SignedDuration = SignedDuration::from_mins(10);

/// What is to be done about a slot.
#[derive(Clone, Debug)]
pub(super) enum Filling<'a> {
    /// Its region could not be looked at; nothing is done.
    Unseen,
    /// It is filled by a living instance.
    Kept(&'a Instance, Option<&'a NodeReport>),
    /// It is filled by an instance that cannot be worked on now, and why.
    Stuck(&'a Instance, String),
    /// It needs a new instance, and why.
    Vacant(Generation, String),
}

/// The line's slots with what fills them, and the instances that are to go.
pub(super) struct Fleet<'a> {
    /// Every wanted slot.
    pub(super) slots: BTreeMap<Slot, Filling<'a>>,
    /// Instances that no slot needs (any more), each with the reason.
    pub(super) surplus: Vec<(&'a Instance, String)>,
}

/// The wanted regions in which a node must be launched.
pub fn regions_to_launch_in(
    profile: &Profile,
    roster: &Roster,
    observed: &Observed,
    now: Timestamp,
) -> Vec<Region> {
    let fleet = Fleet::new(profile, roster, observed, now);
    let mut regions: Vec<Region> = fleet
        .slots
        .iter()
        .filter(|(_, filling)| matches!(filling, Filling::Vacant(..)))
        .map(|(slot, _)| slot.region.clone())
        .collect();
    regions.dedup();
    regions
}

impl<'a> Fleet<'a> {
    /// Sorts the observed instances into the wanted slots.
    pub(super) fn new(
        profile: &Profile,
        roster: &Roster,
        observed: &'a Observed,
        now: Timestamp,
    ) -> Self {
        let mut slots = BTreeMap::new();
        let mut surplus = Vec::new();
        for slot in roster.slots() {
            let filling = match observed.regions.get(&slot.region) {
                _ if slot.is_brought() => fill_brought(slot, &profile.name, observed),
                Some(RegionView::Seen { .. }) => {
                    fill(slot, &profile.name, observed, now, &mut surplus)
                }
                _ => Filling::Unseen,
            };
            slots.insert(slot.clone(), filling);
        }
        for instance in observed.launched().filter(|instance| is_present(instance)) {
            match &instance.slot {
                None => surplus.push((instance, "its tags do not name a slot".to_owned())),
                // Tags set by hand may name a slot that nothing is ever launched into.
                Some(slot) if slot.is_brought() || !slots.contains_key(slot) => {
                    surplus.push((instance, slotless(profile, slot)));
                }
                Some(_) => {}
            }
        }
        Self { slots, surplus }
    }
}

/// Why an instance fills none of the line's slots.
fn slotless(profile: &Profile, slot: &Slot) -> String {
    if profile.numbers_in(&slot.region).contains(&slot.number) {
        "so many nodes are not needed any more".to_owned()
    } else {
        "the profile does not have its slot".to_owned()
    }
}

/// Whether an instance still has to be dealt with: one that is shutting down goes by itself.
pub(super) fn is_present(instance: &Instance) -> bool {
    !matches!(
        instance.state,
        InstanceState::ShuttingDown | InstanceState::Terminated
    )
}

/// A machine of the operator's own is the only one that its slot can have, however it is: it is told of, never replaced.
fn fill_brought<'a>(slot: &Slot, line: &LineName, observed: &'a Observed) -> Filling<'a> {
    let mut all = observed.brought.iter();
    let Some(instance) = all.find(|one| one.slot.as_ref() == Some(slot)) else {
        return Filling::Unseen;
    };
    match observed.nodes.get(&instance.id) {
        Some(NodeSight::Reported(report)) => Filling::Kept(instance, Some(report)),
        Some(NodeSight::Unreachable(why)) => {
            let is_dead = verdict(instance, line, observed) == Some(false);
            let dead = "and Route 53 finds it unhealthy: it is dead, and nothing replaces a machine of your own";
            Filling::Stuck(
                instance,
                if is_dead {
                    format!("{why}, {dead}")
                } else {
                    why.clone()
                },
            )
        }
        Some(NodeSight::WrongHostKey(why) | NodeSight::Refused(why)) => {
            Filling::Stuck(instance, why.clone())
        }
        None => Filling::Kept(instance, None),
    }
}

fn fill<'a>(
    slot: &Slot,
    line: &LineName,
    observed: &'a Observed,
    now: Timestamp,
    surplus: &mut Vec<(&'a Instance, String)>,
) -> Filling<'a> {
    let of_slot: Vec<&Instance> = observed
        .launched()
        .filter(|instance| instance.slot.as_ref() == Some(slot))
        .collect();
    let newest = of_slot.iter().map(|instance| instance.generation).max();
    let mut found: Vec<(&Instance, Standing<'_>)> = of_slot
        .into_iter()
        .filter(|instance| is_present(instance))
        .map(|instance| (instance, state_of(instance, line, observed, now)))
        .collect();
    found.sort_by_key(|(instance, standing)| {
        let is_stuck = matches!(standing, Standing::Stuck(_));
        let is_unused = !is_in_records(instance, line, observed);
        // Who can be worked on goes first, then the newest; one that cannot be judged keeps its place if users may be
        // on it. Of two alike everybody keeps the same, the lower id.
        (
            is_stuck,
            is_stuck && is_unused,
            Reverse(instance.generation),
            is_unused,
            &instance.id,
        )
    });
    let mut kept = None;
    let mut condemned = None;
    for (instance, standing) in found {
        match standing {
            _ if kept.is_some() => {
                surplus.push((instance, "another instance has taken its slot".to_owned()));
            }
            Standing::Dead(why) => {
                surplus.push((instance, why.clone()));
                condemned.get_or_insert(why);
            }
            Standing::Stuck(why) => kept = Some(Filling::Stuck(instance, why)),
            Standing::Alive(report) => kept = Some(Filling::Kept(instance, report)),
        }
    }
    kept.unwrap_or_else(|| {
        let why = condemned.map_or_else(
            || "the slot is empty".to_owned(),
            |why| format!("the node there is dead: {why}"),
        );
        Filling::Vacant(newest.map_or(Generation::FIRST, Generation::next), why)
    })
}

enum Standing<'a> {
    Alive(Option<&'a NodeReport>),
    Stuck(String),
    Dead(String),
}

fn state_of<'a>(
    instance: &Instance,
    line: &LineName,
    observed: &'a Observed,
    now: Timestamp,
) -> Standing<'a> {
    if !instance.state.is_alive() {
        return Standing::Dead(format!("EC2 says it is {}", instance.state.word()));
    }
    let is_young = now.duration_since(instance.launched) < BOOT_GRACE;
    match observed.nodes.get(&instance.id) {
        Some(NodeSight::Reported(report)) => match &report.boot_error {
            Some(error) if !report.booted => Standing::Dead(format!("first boot failed: {error}")),
            _ => Standing::Alive(Some(report)),
        },
        Some(NodeSight::Unreachable(why)) => match verdict(instance, line, observed) {
            Some(false) => Standing::Dead(format!("{why}, and Route 53 finds it unhealthy")),
            // Nobody else says that it is dead: perhaps it is still booting, perhaps the operator's own network is at fault.
            None if is_young => Standing::Alive(None),
            _ => Standing::Stuck(why.clone()),
        },
        Some(NodeSight::WrongHostKey(why) | NodeSight::Refused(why)) => {
            Standing::Stuck(why.clone())
        }
        None => Standing::Alive(None),
    }
}

/// Whether the line's records answer with an instance's address.
pub(super) fn is_in_records(instance: &Instance, line: &LineName, observed: &Observed) -> bool {
    let Some(address) = instance.address.map(|address| address.to_string()) else {
        return false;
    };
    let records = observed.zone.iter().flat_map(|zone| &zone.records);
    let answers = |record: &RecordSet| match &record.value {
        RecordValue::Values { values, .. } => values.contains(&address),
        RecordValue::Alias(_) => false,
    };
    records
        .filter(|record| is_of_line(line, record))
        .any(answers)
}

/// The slots whose records answer with an instance's address; damaged tags may make it another than the instance's own.
pub(super) fn slots_answering(
    instance: &Instance,
    line: &LineName,
    observed: &Observed,
) -> Vec<Slot> {
    let zone = observed.zone.iter();
    let nodes = zone.flat_map(|zone| known_nodes(line, &zone.records));
    nodes
        .filter(|node| Some(node.address) == instance.address)
        .map(|node| node.slot)
        .collect()
}

/// Route 53's word on an instance, if it was asked.
fn verdict(instance: &Instance, line: &LineName, observed: &Observed) -> Option<bool> {
    let check = check_at(instance, line, observed)?;
    observed.verdicts.get(&check.id).copied()
}

/// The health check that asks an instance's address.
pub(super) fn check_at<'a>(
    instance: &Instance,
    line: &LineName,
    observed: &'a Observed,
) -> Option<&'a HealthCheck> {
    let checks = &observed.zone.as_ref()?.checks;
    checks.iter().find(|check| {
        let CheckReference { line: of, slot, .. } = &check.reference;
        of == line
            && Some(slot) == instance.slot.as_ref()
            && check.address.is_some()
            && check.address == instance.address
    })
}
