//! Pitfalls of AWS that the order of a plan's steps keeps out of (tests only), numbered as in `dns/pitfalls.rs`.

use std::net::Ipv4Addr;

use crate::dns::{NodeRecord, desired};
use crate::line::{
    CheckReference, Generation, Group, HealthCheck, Instance, InstanceState, NodeSight, Observed,
    Region, RegionView, Slot, ZoneView,
};

use super::context::Context;
use super::samples::{profile, pushed, wanted};
use super::step::{Action, Plan, StepId};
use super::up::up;

/// A line of two regions that are there and right, of which the profile has kept the first.
fn leaving() -> Plan {
    let both = profile(&["us-east-1", "eu-west-1"], 1);
    let wanted = wanted(profile(&["us-east-1"], 1));
    let mut observed = Observed::default();
    let mut nodes = Vec::new();
    let mut checks = Vec::new();
    for (index, slot) in both.slots().enumerate() {
        let address = Ipv4Addr::new(198, 18, 0, u8::try_from(index).unwrap());
        let instance = Instance {
            id: format!("i-{index}"),
            region: slot.region.clone(),
            slot: Some(slot.clone()),
            generation: Generation::FIRST,
            key_id: Some(wanted.secret.key_id()),
            state: InstanceState::Running,
            address: Some(address),
            instance_type: "t3.micro".to_owned(),
            launched: wanted.now,
        };
        let sight = NodeSight::Reported(Box::new(pushed(&wanted, &slot, Some(address))));
        observed.nodes.insert(instance.id.clone(), sight);
        let group = Group {
            id: format!("sg-{index}"),
            region: slot.region.clone(),
            key_id: Some(wanted.secret.key_id()),
            rules: std::collections::BTreeSet::new(),
        };
        let view = RegionView::Seen {
            instances: vec![instance],
            groups: vec![group],
        };
        observed.regions.insert(slot.region.clone(), view);
        checks.push(check(&both, &slot, address));
        nodes.push(NodeRecord {
            slot,
            address,
            check_id: checks[index].id.clone(),
        });
    }
    observed.zone = Some(ZoneView {
        id: "Z1".to_owned(),
        name: "example.com".to_owned(),
        records: desired(&both, "Z1", &nodes),
        checks,
    });
    let context = Context::new(&wanted, &observed, None);
    up(&context).unwrap()
}

fn check(profile: &crate::line::Profile, slot: &Slot, address: Ipv4Addr) -> HealthCheck {
    let settings = profile.dns.checks.settings();
    HealthCheck {
        id: format!("check-{slot}"),
        reference: CheckReference::new(&profile.name, slot, address, &settings),
        address: Some(address),
        inverted: false,
        disabled: false,
    }
}

/// The only step of a kind.
fn step(plan: &Plan, is_it: impl Fn(&Action) -> bool) -> StepId {
    let found = plan.ids_where(|step| is_it(&step.action));
    assert_eq!(found.len(), 1, "{:#?}", plan.steps);
    found[0]
}

fn needs(plan: &Plan, step: StepId) -> &[StepId] {
    let found = plan.steps.iter().find(|other| other.id == step);
    &found.unwrap().needs
}

#[test]
fn pitfall_06_a_check_goes_after_the_records_that_named_it() {
    let plan = leaving();
    let records = step(&plan, |action| {
        matches!(action, Action::ChangeRecords { .. })
    });
    let check = step(&plan, |action| matches!(action, Action::DeleteCheck { .. }));
    assert!(needs(&plan, check).contains(&records));
}

#[test]
fn pitfall_07_a_machine_goes_after_the_records_and_its_check_with_it() {
    let plan = leaving();
    let records = step(&plan, |action| {
        matches!(action, Action::ChangeRecords { .. })
    });
    let machine = step(&plan, |action| matches!(action, Action::Terminate { .. }));
    assert!(needs(&plan, machine).contains(&records));
    step(&plan, |action| {
        *action
            == Action::DeleteCheck {
                check: "check-eu-west-1/1".to_owned(),
            }
    });
}

#[test]
fn pitfall_16_a_group_goes_after_its_machines() {
    let plan = leaving();
    let europe: Region = "eu-west-1".parse().unwrap();
    let machine = step(&plan, |action| matches!(action, Action::Terminate { .. }));
    let group = step(
        &plan,
        |action| matches!(action, Action::DeleteGroup { region, .. } if *region == europe),
    );
    assert!(needs(&plan, group).contains(&machine));
}
