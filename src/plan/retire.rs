//! Takes away instances that no slot needs, once DNS no longer answers them and their successors serve.

use crate::line::{Instance, NodeSight, Observed, Slot};

use super::context::Context;
use super::fleet::{is_in_records, slots_answering};
use super::records::Records;
use super::step::{Action, At, Plan, Serving, StepId};

/// Plans the end of each surplus instance.
pub(super) fn retire(
    plan: &mut Plan,
    context: &Context<'_>,
    surplus: &[(&Instance, String)],
    records: &Records,
) {
    for (instance, why) in surplus {
        let mut slots = slots_answering(instance, &context.wanted.profile.name, context.observed);
        let at = instance
            .slot
            .clone()
            .map_or(At::Region(instance.region.clone()), At::Slot);
        let is_answered = is_in_records(instance, &context.wanted.profile.name, context.observed);
        if is_answered && matches!(records, Records::Left) {
            plan.trouble(
                at,
                format!("{} stays, since DNS answers it: {why}", instance.id),
            );
            continue;
        }
        slots.extend(instance.slot.clone());
        let before = successors(plan, &slots);
        let action = Action::Terminate {
            region: instance.region.clone(),
            instances: vec![instance.id.clone()],
            serving: serving(instance, context.observed, is_answered),
        };
        let step = plan.add(at, action, why.clone());
        plan.needs(step, before.into_iter().chain(records.step()));
    }
}

/// The instance, if it can be spoken to: one that is dead has no users to be waited for.
fn serving(instance: &Instance, observed: &Observed, is_answered: bool) -> Option<Serving> {
    let sight = observed.nodes.get(&instance.id);
    let is_reporting =
        matches!(sight, Some(NodeSight::Reported(report)) if report.gateway.is_some());
    is_reporting.then_some(())?;
    Some(Serving {
        slot: instance.slot.clone()?,
        generation: instance.generation,
        address: instance.address?,
        is_answered,
    })
}

/// The steps that bring new nodes into slots: until they have succeeded, records may still answer the old ones.
pub(super) fn successors(plan: &Plan, slots: &[Slot]) -> Vec<StepId> {
    plan.ids_where(|step| match &step.action {
        Action::Boot { slot, .. } | Action::Push { slot, .. } | Action::CreateCheck { slot } => {
            slots.contains(slot)
        }
        _ => false,
    })
}
