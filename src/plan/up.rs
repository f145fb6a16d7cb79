//! The plan of `up`: every wanted node exists, runs its release and is in DNS; whatever is left over goes.

use crate::line::{Generation, Instance, KeyId, Offer, Region, Slot};

use super::bill::bill_of;
use super::certificate::plan_certificate;
use super::context::Context;
use super::files::{reason_to_push, release_of};
use super::fleet::{Filling, Fleet, is_in_records};
use super::groups::{group_in, plan_network, remove_groups};
use super::memory::fits;
use super::records::{check_of, plan_records, remove_checks};
use super::refusal::Refusal;
use super::retire::retire;
use super::roll::next_number;
use super::step::{Action, At, LaunchOrder, Plan, PlannedNode, StepId};

/// Plans the way from what is to what the profile wants; an empty plan means that nothing differs.
pub fn up(context: &Context<'_>) -> Result<Plan, Refusal> {
    refuse_wrong_secret(context)?;
    fits(&context.wanted.profile, &context.observed.memory_mib)?;
    let fleet = Fleet::new(
        &context.wanted.profile,
        &context.roster,
        context.observed,
        context.wanted.now,
    );
    let mut plan = Plan::new(&context.wanted.profile.name);
    for (region, why) in context.observed.unseen() {
        plan.trouble(At::Region(region.clone()), format!("not looked at: {why}"));
    }
    for region in &context.wanted.profile.regions {
        plan_network(&mut plan, context, region);
    }
    let certified = plan_certificate(&mut plan, context);
    for (slot, filling) in &fleet.slots {
        plan_node(&mut plan, context, slot, filling)?;
    }
    push_certificate(&mut plan, certified);
    let records = plan_records(&mut plan, &context.wanted.profile, context.observed)?;
    retire(&mut plan, context, &fleet.surplus, &records);
    remove_groups(&mut plan, context);
    remove_checks(&mut plan, context, &fleet, &records);
    plan.bill = Some(bill_of(&plan, context, &fleet));
    Ok(plan)
}

fn refuse_wrong_secret(context: &Context<'_>) -> Result<(), Refusal> {
    let own = context.wanted.secret.key_id();
    let differs = |key: &Option<KeyId>| key.as_ref().is_some_and(|key| *key != own);
    let instance = context
        .observed
        .instances()
        .find(|instance| differs(&instance.key_id))
        .map(|instance| &instance.id);
    let group = || {
        context
            .observed
            .groups()
            .find(|group| differs(&group.key_id))
            .map(|group| &group.id)
    };
    match instance.or_else(group) {
        Some(example) => Err(Refusal::WrongSecret {
            example: example.clone(),
        }),
        None => Ok(()),
    }
}

fn plan_node(
    plan: &mut Plan,
    context: &Context<'_>,
    slot: &Slot,
    filling: &Filling<'_>,
) -> Result<(), Refusal> {
    let number = next_number(context.observed);
    match filling {
        Filling::Unseen => Ok(()),
        Filling::Stuck(instance, why) => {
            // The place is told beside it already.
            let what = why.strip_prefix(&format!("{slot} ")).unwrap_or(why);
            plan.trouble(At::Slot(slot.clone()), what);
            // In DNS it stays as it is, where its own check judges it; it never joins in this state.
            if is_in_records(instance, &context.wanted.profile.name, context.observed) {
                plan.nodes.push(PlannedNode {
                    reachable: false,
                    ..planned(context, instance, slot)
                });
            }
            Ok(())
        }
        Filling::Kept(instance, report) => {
            let node = planned(context, instance, slot);
            let is_set_up = report.is_some_and(|report| report.booted && report.has_lasting_key);
            // What the region's group lets in is nothing to a machine that is not in it.
            let before = plan
                .ids_where(|step| !slot.is_brought() && step.at == At::Region(slot.region.clone()));
            let booted = (!is_set_up)
                .then(|| plan_boot(plan, &node, &instance.instance_type, before.clone()));
            let reason = match report {
                Some(report) if is_set_up => {
                    let certificate = plan.certificate.as_ref();
                    let release = release_of(context.wanted, certificate, slot, node.address);
                    let renewed = || is_ordered(plan).then(|| "changed: certificate".to_owned());
                    reason_to_push(&release, report).or_else(renewed)
                }
                _ => Some("it has no release yet".to_owned()),
            };
            if let Some(reason) = reason {
                plan_push(
                    plan,
                    &node,
                    number,
                    reason,
                    booted.into_iter().chain(before),
                );
            }
            plan.nodes.push(node);
            Ok(())
        }
        Filling::Vacant(generation, why) => {
            let Some(order) = order(plan, context, slot, *generation)? else {
                return Ok(());
            };
            let instance_type = order.instance_type.clone();
            let group = group_in(context, &slot.region).map(|group| group.id.clone());
            let before = plan.ids_where(|step| step.at == At::Region(slot.region.clone()));
            let launched = plan.add(
                At::Slot(slot.clone()),
                Action::Launch { order, group },
                why.clone(),
            );
            plan.needs(launched, before);
            let node = PlannedNode {
                slot: slot.clone(),
                generation: *generation,
                instance: None,
                address: None,
                check: None,
                reachable: true,
            };
            let booted = plan_boot(plan, &node, &instance_type, vec![launched]);
            let reason = "it has no release yet".to_owned();
            plan_push(plan, &node, number, reason, [booted]);
            plan.nodes.push(node);
            Ok(())
        }
    }
}

fn is_ordered(plan: &Plan) -> bool {
    let mut steps = plan.steps.iter();
    steps.any(|step| matches!(step.action, Action::Certify { .. }))
}

/// Lets nodes be pushed with the new certificate if it comes, and with what there is if it does not.
fn push_certificate(plan: &mut Plan, certified: Option<StepId>) {
    for push in plan.ids_where(|step| matches!(step.action, Action::Push { .. })) {
        plan.after(push, certified);
    }
}

fn plan_boot(
    plan: &mut Plan,
    node: &PlannedNode,
    instance_type: &str,
    before: Vec<StepId>,
) -> StepId {
    let action = Action::Boot {
        slot: node.slot.clone(),
        generation: node.generation,
        instance_type: instance_type.to_owned(),
    };
    let reason = if node.slot.is_brought() {
        "it has not been made ready for its first release"
    } else {
        "its first boot has not been finished"
    };
    let step = plan.add(At::Slot(node.slot.clone()), action, reason);
    plan.needs(step, before);
    step
}

fn plan_push(
    plan: &mut Plan,
    node: &PlannedNode,
    number: u32,
    reason: String,
    before: impl IntoIterator<Item = StepId>,
) {
    let step = plan.add(
        At::Slot(node.slot.clone()),
        Action::Push {
            slot: node.slot.clone(),
            generation: node.generation,
            number,
        },
        reason,
    );
    plan.needs(step, before);
}

fn planned(context: &Context<'_>, instance: &Instance, slot: &Slot) -> PlannedNode {
    let mut node = PlannedNode {
        slot: slot.clone(),
        generation: instance.generation,
        instance: Some(instance.id.clone()),
        address: instance.address,
        check: None,
        reachable: true,
    };
    node.check = context
        .observed
        .zone
        .as_ref()
        .and_then(|zone| check_of(&context.wanted.profile, zone, &node))
        .map(|check| check.id.clone());
    node
}

/// What to launch into a slot; `None` when its region could not say what it offers.
fn order(
    plan: &mut Plan,
    context: &Context<'_>,
    slot: &Slot,
    generation: Generation,
) -> Result<Option<LaunchOrder>, Refusal> {
    let offer = match context.observed.offers.get(&slot.region) {
        Some(Ok(offer)) => offer,
        Some(Err(why)) => {
            plan.trouble(At::Slot(slot.clone()), why.clone());
            return Ok(None);
        }
        None => {
            plan.trouble(
                At::Slot(slot.clone()),
                "its region was not asked what it offers",
            );
            return Ok(None);
        }
    };
    let (instance_type, other_types) = instance_types(context, &slot.region, offer)?;
    Ok(Some(LaunchOrder {
        slot: slot.clone(),
        generation,
        instance_type,
        other_types,
        image_id: offer.image_id.clone(),
        root_device: offer.root_device.clone(),
    }))
}

/// The type to launch, and those to fall back on: what is preferred and offered free, or, where nothing is and that is
/// allowed, what is preferred.
fn instance_types(
    context: &Context<'_>,
    region: &Region,
    offer: &Offer,
) -> Result<(String, Vec<String>), Refusal> {
    let nodes = &context.wanted.profile.nodes;
    let free = nodes.instance_types.iter();
    let free = free.filter(|kind| offer.free_types.contains(kind));
    let mut allowed: Vec<String> = free.cloned().collect();
    if allowed.is_empty() && nodes.allow_paid {
        allowed.clone_from(&nodes.instance_types);
    }
    if allowed.is_empty() {
        return Err(Refusal::NotFree {
            region: region.clone(),
            wanted: nodes.instance_types.clone(),
            offered: offer.free_types.clone(),
        });
    }
    let first = allowed.remove(0);
    Ok((first, allowed))
}
