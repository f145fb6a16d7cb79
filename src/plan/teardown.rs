//! The plan of `teardown`: everything that is the line's goes, in an order that never leaves DNS pointing at a stranger.

use crate::dns::is_of_line;
use crate::line::{InstanceState, LineName, NodeSight, Observed, ZoneView};

use super::step::{Action, At, Plan, StepId};

/// Plans the removal of everything observed of a line, in every region and zone that was looked at.
pub fn teardown(line: &LineName, observed: &Observed, zones: &[ZoneView]) -> Plan {
    let mut plan = Plan::new(line);
    for (region, why) in observed.unseen() {
        plan.trouble(At::Region(region.clone()), format!("not looked at: {why}"));
    }
    let reason = "the line is torn down";
    let records = remove_records(&mut plan, line, zones, reason);
    remove_checks(&mut plan, zones, &records, reason);
    for instance in observed
        .launched()
        .filter(|instance| instance.state != InstanceState::Terminated)
    {
        let at = instance
            .slot
            .clone()
            .map_or(At::Region(instance.region.clone()), At::Slot);
        let action = Action::Terminate {
            region: instance.region.clone(),
            instances: vec![instance.id.clone()],
            serving: None,
        };
        let step = plan.add(at, action, reason);
        // Not `needs`: a zone that cannot be changed must not keep machines on the bill.
        plan.after(step, records.iter().copied());
    }
    for group in observed.groups() {
        let action = Action::DeleteGroup {
            region: group.region.clone(),
            group: group.id.clone(),
        };
        let step = plan.add(At::Region(group.region.clone()), action, reason);
        let before = plan.ids_where(|step| matches!(&step.action, Action::Terminate { region, .. } if *region == group.region));
        plan.needs(step, before);
    }
    leave_brought(&mut plan, observed, reason);
    plan
}

/// The operator's own machines are left last: the lock of a line without a zone lies on them too.
fn leave_brought(plan: &mut Plan, observed: &Observed, reason: &str) {
    let before = plan.ids_where(|_| true);
    for instance in &observed.brought {
        let (Some(slot), Some(address)) = (instance.slot.clone(), instance.address) else {
            continue;
        };
        let at = At::Slot(slot.clone());
        match observed.nodes.get(&instance.id) {
            Some(NodeSight::Reported(report)) if report.holds_something() => {
                let step = plan.add(at, Action::Leave { slot, address }, reason);
                plan.after(step, before.iter().copied());
            }
            Some(NodeSight::Reported(_)) => {}
            Some(
                NodeSight::Unreachable(why)
                | NodeSight::WrongHostKey(why)
                | NodeSight::Refused(why),
            ) => plan.trouble(at, format!("the line's services stay on it: {why}")),
            None => plan.trouble(at, "the line's services stay on it: it was not asked"),
        }
    }
}

fn remove_records(
    plan: &mut Plan,
    line: &LineName,
    zones: &[ZoneView],
    reason: &str,
) -> Vec<StepId> {
    let has_ours = |zone: &&ZoneView| zone.records.iter().any(|record| is_of_line(line, record));
    zones
        .iter()
        .filter(has_ours)
        .map(|zone| {
            let action = Action::ChangeRecords {
                zone_id: zone.id.clone(),
                zone_name: zone.name.clone(),
                slots: Vec::new(),
                kept: Vec::new(),
                existing: zone.records.clone(),
                changes: None,
            };
            plan.add(At::Zone(zone.name.clone()), action, reason)
        })
        .collect()
}

/// Checks go after the records that name them: a record with a deleted check behaves unpredictably.
fn remove_checks(plan: &mut Plan, zones: &[ZoneView], records: &[StepId], reason: &str) {
    let mut seen = Vec::new();
    for check in zones.iter().flat_map(|zone| &zone.checks) {
        if !seen.contains(&&check.id) {
            seen.push(&check.id);
            let step = plan.add(
                At::Slot(check.reference.slot.clone()),
                Action::DeleteCheck {
                    check: check.id.clone(),
                },
                reason,
            );
            plan.needs(step, records.iter().copied());
        }
    }
}
