//! Plans the line's security group in each region: made where it is missing, its rules set, removed where it is not wanted.

use crate::line::{Group, Instance, Region, RegionView};

use super::context::Context;
use super::fleet::is_present;
use super::network::rules;
use super::step::{Action, At, Plan, StepId};

/// The group that new instances of a region get; of several (tags set by hand) everybody takes the same, the lowest id.
pub(super) fn group_in<'a>(context: &Context<'a>, region: &Region) -> Option<&'a Group> {
    context
        .observed
        .groups()
        .filter(|group| group.region == *region)
        .min_by(|a, b| a.id.cmp(&b.id))
}

/// Plans a region's group and its rules.
pub(super) fn plan_network(plan: &mut Plan, context: &Context<'_>, region: &Region) {
    let Some(RegionView::Seen { groups, .. }) = context.observed.regions.get(region) else {
        return;
    };
    if groups.is_empty() {
        let created = plan.add(
            At::Region(region.clone()),
            Action::CreateGroup {
                region: region.clone(),
            },
            "the region has no security group of this line",
        );
        plan_rules(plan, context, region, Err(created));
    }
    // Any of them may be an instance's, so all of them let in the same.
    for group in groups {
        plan_rules(plan, context, region, Ok(group));
    }
}

/// Plans the rules of a group that is there, or of the one that a step makes.
fn plan_rules(
    plan: &mut Plan,
    context: &Context<'_>,
    region: &Region,
    group: Result<&Group, StepId>,
) {
    let at = At::Region(region.clone());
    let rules = rules(&context.wanted.profile, context.operator, group.ok());
    for what in rules.foreign {
        let place = group.map_or("", |group| &group.id);
        plan.trouble(
            at.clone(),
            format!("{place} lets in {what}, which no line does: remove that rule yourself"),
        );
    }
    if rules.add.is_empty() && rules.remove.is_empty() {
        return;
    }
    let reason = if group.is_err() {
        "a new group lets nobody in"
    } else {
        "its rules are not the profile's"
    };
    let action = Action::SetRules {
        region: region.clone(),
        group: group.ok().map(|group| group.id.clone()),
        add: rules.add,
        remove: rules.remove,
    };
    let step = plan.add(at, action, reason);
    plan.needs(step, group.err());
}

/// Plans the removal of groups in regions that the profile does not have, after the instances there.
pub(super) fn remove_groups(plan: &mut Plan, context: &Context<'_>) {
    let wanted = &context.wanted.profile.regions;
    for group in context
        .observed
        .groups()
        .filter(|group| !wanted.contains(&group.region))
    {
        if is_needed(plan, context, &group.region) {
            continue;
        }
        let action = Action::DeleteGroup {
            region: group.region.clone(),
            group: group.id.clone(),
        };
        let step = plan.add(
            At::Region(group.region.clone()),
            action,
            "the profile does not have the region",
        );
        let before = plan.ids_where(|step| matches!(&step.action, Action::Terminate { region, .. } if *region == group.region));
        plan.needs(step, before);
    }
}

/// Whether an instance of a region stays although the profile does not have the region.
fn is_needed(plan: &Plan, context: &Context<'_>, region: &Region) -> bool {
    let goes = |instance: &Instance| {
        plan.steps.iter().any(|step| matches!(&step.action, Action::Terminate { instances, .. } if instances.contains(&instance.id)))
    };
    let mut here = context
        .observed
        .launched()
        .filter(|instance| instance.region == *region && is_present(instance));
    !here.all(goes)
}
