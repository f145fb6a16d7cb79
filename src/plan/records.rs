//! Which records and health checks the line should have.

use std::collections::BTreeSet;

use crate::dns::{NodeRecord, change, desired, known_nodes};
use crate::line::{CheckReference, HealthCheck, Observed, Profile, RegionView, ZoneView};

use super::refusal::Refusal;
use super::step::{Action, At, Plan, PlannedNode, StepId};

/// The check that fits a planned node, if it exists.
pub(super) fn check_of<'a>(
    profile: &Profile,
    zone: &'a ZoneView,
    node: &PlannedNode,
) -> Option<&'a HealthCheck> {
    let wanted = CheckReference::new(
        &profile.name,
        &node.slot,
        node.address?,
        &profile.dns.checks.settings(),
    );
    zone.checks
        .iter()
        .find(|check| check.reference.is_same_check(&wanted))
}

/// Plans health checks, and the one batch of records after them.
///
/// Returns the step that changes the records, if one is needed: what retires a node waits for it.
pub(super) fn plan_records(
    plan: &mut Plan,
    profile: &Profile,
    observed: &Observed,
) -> Result<Option<StepId>, Refusal> {
    let Some(zone) = &observed.zone else {
        return Ok(None);
    };
    for node in plan.nodes.clone() {
        if node.check.is_none() {
            let step = plan.add(
                At::Slot(node.slot.clone()),
                Action::CreateCheck {
                    slot: node.slot.clone(),
                },
                "the node has no health check yet",
            );
            let before = plan.ids_where(|step| matches!(&step.action, Action::Push { slot, .. } | Action::Boot { slot, .. } if *slot == node.slot));
            plan.needs(step, before);
        }
    }
    let kept = kept_nodes(profile, observed, zone);
    batch_step(plan, profile, zone, kept)
}

/// Plans the removal of checks that nothing needs once the records have changed; the last steps of all.
///
/// A region that has left the profile is known by its checks alone, so they go after everything else there: whoever is
/// interrupted before that finds the rest again.
pub(super) fn remove_checks(
    plan: &mut Plan,
    profile: &Profile,
    observed: &Observed,
    changed: Option<StepId>,
) {
    let Some(zone) = &observed.zone else {
        return;
    };
    let used: BTreeSet<String> = plan
        .nodes
        .iter()
        .filter_map(|node| node.check.clone())
        .chain(
            kept_nodes(profile, observed, zone)
                .into_iter()
                .map(|node| node.check_id),
        )
        .collect();
    for check in zone.checks.iter().filter(|check| !used.contains(&check.id)) {
        let region = &check.reference.slot.region;
        let before = if profile.regions.contains(region) {
            Vec::new()
        } else if matches!(observed.regions.get(region), Some(RegionView::Seen { .. })) {
            plan.ids_where(|step| step.action.removes_in(region))
        } else {
            // Nobody knows what is left there; without the check nobody would look again.
            continue;
        };
        let step = plan.add(
            At::Zone(zone.name.clone()),
            Action::DeleteCheck {
                check: check.id.clone(),
            },
            format!("no node of {} needs it", check.reference.slot),
        );
        plan.needs(step, before.into_iter().chain(changed));
    }
}

fn batch_step(
    plan: &mut Plan,
    profile: &Profile,
    zone: &ZoneView,
    kept: Vec<NodeRecord>,
) -> Result<Option<StepId>, Refusal> {
    let known: Option<Vec<NodeRecord>> = plan
        .nodes
        .iter()
        .map(|node| {
            Some(NodeRecord {
                slot: node.slot.clone(),
                address: node.address?,
                check_id: node.check.clone()?,
            })
        })
        .collect();
    let mut changes = None;
    if let Some(mut nodes) = known {
        nodes.extend(kept.iter().cloned());
        if nodes.is_empty() {
            return Err(Refusal::NoNodeLeft);
        }
        let batch = change(
            &profile.name,
            &zone.records,
            &desired(profile, &zone.id, &nodes),
        )
        .map_err(|conflict| Refusal::ForeignRecord(conflict.to_string()))?;
        if batch.is_empty() {
            return Ok(None);
        }
        changes = Some(format!("change the records ({batch})"));
    } else {
        // Addresses come later; a foreign record in the way is found now all the same.
        change(
            &profile.name,
            &zone.records,
            &desired(profile, &zone.id, &stand_ins(plan)),
        )
        .map_err(|conflict| Refusal::ForeignRecord(conflict.to_string()))?;
    }
    let reason = if changes.is_some() {
        "the records differ from the line's nodes"
    } else {
        "new nodes join the records once they are healthy"
    };
    let before: Vec<StepId> = plan.ids_where(|_| true);
    let action = Action::ChangeRecords {
        zone_id: zone.id.clone(),
        zone_name: zone.name.clone(),
        slots: plan.nodes.iter().map(|node| node.slot.clone()).collect(),
        kept,
        existing: zone.records.clone(),
        changes,
    };
    let step = plan.add(At::Zone(zone.name.clone()), action, reason);
    plan.after(step, before);
    Ok(Some(step))
}

/// Records with made-up addresses: names and types are all that a conflict depends on.
fn stand_ins(plan: &Plan) -> Vec<NodeRecord> {
    plan.nodes
        .iter()
        .map(|node| NodeRecord {
            slot: node.slot.clone(),
            address: std::net::Ipv4Addr::UNSPECIFIED,
            check_id: String::new(),
        })
        .collect()
}

/// Nodes whose region could not be looked at: their records stay.
fn kept_nodes(profile: &Profile, observed: &Observed, zone: &ZoneView) -> Vec<NodeRecord> {
    let is_unseen = |node: &NodeRecord| {
        !matches!(
            observed.regions.get(&node.slot.region),
            Some(RegionView::Seen { .. })
        )
    };
    known_nodes(&profile.name, &zone.records)
        .into_iter()
        .filter(is_unseen)
        .collect()
}
