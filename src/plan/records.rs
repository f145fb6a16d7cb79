//! Which records and health checks the line should have.

use std::collections::BTreeSet;

use crate::dns::{NodeRecord, change, desired, is_of_line, known_nodes};
use crate::line::{CheckReference, HealthCheck, Observed, Profile, RegionView, Slot, ZoneView};

use super::answers::{ReadyNode, answers};
use super::context::Context;
use super::fleet::{Filling, Fleet, check_at};
use super::refusal::Refusal;
use super::retire::successors;
use super::step::{Action, At, Plan, PlannedNode, StepId};

/// What a plan does about the records.
pub(super) enum Records {
    /// Nothing, since they are as they should be.
    Right,
    /// This step changes them.
    Changed(StepId),
    /// Nothing, since what they should be would leave users without a node that is known to work.
    Left,
}

impl Records {
    /// The step that changes them.
    pub(super) fn step(&self) -> Option<StepId> {
        match self {
            Self::Changed(step) => Some(*step),
            Self::Right | Self::Left => None,
        }
    }
}

/// The check that fits a planned node, if it exists; of several the one that its record names.
pub(super) fn check_of<'a>(
    profile: &Profile,
    zone: &'a ZoneView,
    node: &PlannedNode,
) -> Option<&'a HealthCheck> {
    let settings = profile.dns.checks.settings();
    let wanted = CheckReference::new(&profile.name, &node.slot, node.address?, &settings);
    let is_named = |check: &HealthCheck| {
        let mut records = zone.records.iter();
        records.any(|record| record.health_check.as_ref() == Some(&check.id))
    };
    zone.checks
        .iter()
        // Its address can be changed by hand; then the reference lies.
        .filter(|check| check.reference.is_same_check(&wanted) && check.address == node.address)
        .min_by_key(|check| (!is_named(check), check.reference.attempt, &check.id))
}

/// Plans health checks, and the one batch of records after them.
pub(super) fn plan_records(
    plan: &mut Plan,
    profile: &Profile,
    observed: &Observed,
) -> Result<Records, Refusal> {
    let Some(zone) = &observed.zone else {
        return Ok(Records::Right);
    };
    for node in plan.nodes.clone() {
        if node.check.is_none() {
            let before = successors(plan, std::slice::from_ref(&node.slot));
            let step = plan.add(
                At::Slot(node.slot.clone()),
                Action::CreateCheck {
                    slot: node.slot.clone(),
                },
                "the node has no health check yet",
            );
            plan.needs(step, before);
        }
    }
    batch_step(plan, profile, zone, kept_nodes(profile, observed))
}

fn batch_step(
    plan: &mut Plan,
    profile: &Profile,
    zone: &ZoneView,
    kept: Vec<NodeRecord>,
) -> Result<Records, Refusal> {
    let slots: Vec<Slot> = plan.nodes.iter().map(|node| node.slot.clone()).collect();
    // Addresses may come later; whether users keep a node, and whether a foreign record is in the way, is known now.
    let hoped = |slot: &Slot| {
        let node = plan.nodes.iter().find(|node| node.slot == *slot)?;
        Some(ReadyNode {
            record: NodeRecord {
                slot: slot.clone(),
                address: node.address.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED),
                check_id: node.check.clone().unwrap_or_default(),
            },
            is_sound: node.reachable,
        })
    };
    let known = known_nodes(&profile.name, &zone.records);
    let at = At::Zone(zone.name.clone());
    let nodes = match answers(&slots, &kept, &known, hoped) {
        Some(nodes) if !nodes.is_empty() => nodes,
        _ if !zone
            .records
            .iter()
            .any(|record| is_of_line(&profile.name, record)) =>
        {
            return Ok(Records::Right);
        }
        _ => {
            plan.trouble(
                at,
                "no node that could take over is known to work, so the records stay as they are",
            );
            return Ok(Records::Left);
        }
    };
    let batch = change(
        &profile.name,
        &zone.records,
        &desired(profile, &zone.id, &nodes),
    )
    .map_err(|conflict| Refusal::ForeignRecord(conflict.to_string()))?;
    if batch.is_empty() {
        return Ok(Records::Right);
    }
    let is_known = |node: &PlannedNode| node.address.is_some() && node.check.is_some();
    let changes = plan
        .nodes
        .iter()
        .all(is_known)
        .then(|| format!("change the records ({batch})"));
    let reason = if changes.is_some() {
        "the records differ from the line's nodes"
    } else {
        "new nodes join the records once they are healthy"
    };
    let before: Vec<StepId> = plan.ids_where(|_| true);
    let action = Action::ChangeRecords {
        zone_id: zone.id.clone(),
        zone_name: zone.name.clone(),
        slots,
        kept,
        existing: zone.records.clone(),
        changes,
    };
    let step = plan.add(at, action, reason);
    plan.after(step, before);
    Ok(Records::Changed(step))
}

/// Nodes whose region could not be looked at: their records stay.
fn kept_nodes(profile: &Profile, observed: &Observed) -> Vec<NodeRecord> {
    let records = observed.zone.iter().flat_map(|zone| &zone.records);
    let records: Vec<_> = records.cloned().collect();
    known_nodes(&profile.name, &records)
        .into_iter()
        .filter(|node| is_unseen(observed, &node.slot))
        .collect()
}

fn is_unseen(observed: &Observed, slot: &Slot) -> bool {
    let view = observed.regions.get(&slot.region);
    !slot.is_brought() && !matches!(view, Some(RegionView::Seen { .. }))
}

/// Plans the removal of checks that nothing needs any more, once no record names them.
pub(super) fn remove_checks(
    plan: &mut Plan,
    context: &Context<'_>,
    fleet: &Fleet<'_>,
    records: &Records,
) {
    let Some(zone) = &context.observed.zone else {
        return;
    };
    let used = used_checks(plan, context, fleet, records);
    let unused = zone
        .checks
        .iter()
        .filter(|check| !used.contains(check.id.as_str()));
    for check in unused {
        let slot = &check.reference.slot;
        let mut before = successors(plan, std::slice::from_ref(slot));
        before.extend(records.step());
        if !context.wanted.profile.regions.contains(&slot.region) {
            // The check is what betrays a region that the profile has lost, so it goes last of what is there.
            before.extend(plan.ids_where(|step| step.action.removes_in(&slot.region)));
        }
        let step = plan.add(
            At::Zone(zone.name.clone()),
            Action::DeleteCheck {
                check: check.id.clone(),
            },
            format!("no node of {slot} needs it"),
        );
        plan.needs(step, before);
    }
}

/// Checks of nodes that shall stay, and of those that nothing can be said about: for these they are the only judge.
fn used_checks<'a>(
    plan: &Plan,
    context: &Context<'a>,
    fleet: &Fleet<'_>,
    records: &Records,
) -> BTreeSet<&'a str> {
    let (name, observed) = (&context.wanted.profile.name, context.observed);
    let zone = observed.zone.iter();
    let checks = zone.clone().flat_map(|zone| &zone.checks);
    let named = zone.flat_map(|zone| zone.records.iter().map(|record| &record.health_check));
    let named: BTreeSet<&String> = named.flatten().collect();
    let stuck = fleet.slots.values().filter_map(|filling| match filling {
        Filling::Stuck(instance, _) => check_at(instance, name, observed),
        _ => None,
    });
    let stuck: BTreeSet<&str> = stuck.map(|check| check.id.as_str()).collect();
    let is_used = |check: &&HealthCheck| {
        plan.nodes
            .iter()
            .any(|node| node.check.as_ref() == Some(&check.id))
            || is_unseen(observed, &check.reference.slot)
            || stuck.contains(check.id.as_str())
            || (matches!(records, Records::Left) && named.contains(&check.id))
    };
    checks
        .filter(is_used)
        .map(|check| check.id.as_str())
        .collect()
}
