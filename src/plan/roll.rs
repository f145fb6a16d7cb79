//! The order in which nodes that serve get a new release: one after the other, so that the first failure stops the rest.

use crate::line::{NodeReport, NodeSight, Observed, Region};

use super::step::{Action, At, Plan, Step, StepId};

/// The number that the next release of a line has: the same on every node that gets it.
pub(super) fn next_number(observed: &Observed) -> u32 {
    let newest = |report: &NodeReport| report.releases.keys().next_back().copied();
    let all = observed.nodes.values().filter_map(|sight| match sight {
        NodeSight::Reported(report) => newest(report),
        _ => None,
    });
    all.max().unwrap_or(0) + 1
}

/// Lets pushes to nodes that serve already wait for each other, those of the canary's region first.
///
/// A push that mends what a node has already waits for nobody: it brings nothing new that could be wrong.
pub fn roll(plan: &mut Plan, observed: &Observed, canary: Option<&Region>) {
    let is_canary = |step: &StepId| match (&plan.steps[step.0].at, canary) {
        (At::Slot(slot), Some(canary)) => slot.region == *canary,
        _ => false,
    };
    let (first, rest): (Vec<StepId>, Vec<StepId>) = plan
        .ids_where(|step| brings_another(step, plan, observed))
        .into_iter()
        .partition(is_canary);
    let order: Vec<StepId> = first.into_iter().chain(rest).collect();
    for two in order.windows(2) {
        plan.needs(two[1], [two[0]]);
    }
}

/// Leaves of a plan only what is pushed, to nodes of these regions if any are named; what else is to be done is a trouble.
pub fn only_push(plan: &Plan, regions: &[Region]) -> Plan {
    let is_meant = |at: &At| {
        let place = match at {
            At::Slot(slot) => Some(&slot.region),
            At::Region(region) => Some(region),
            At::Zone(_) => None,
        };
        regions.is_empty() || place.is_some_and(|place| regions.contains(place))
    };
    let mut left = Plan::new(&plan.line);
    left.nodes.clone_from(&plan.nodes);
    left.certificate.clone_from(&plan.certificate);
    let mut certified = None;
    let troubles = plan.troubles.iter().filter(|trouble| is_meant(&trouble.at));
    left.troubles = troubles.cloned().collect();
    let booting: Vec<&At> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::Boot { .. }))
        .map(|step| &step.at)
        .collect();
    let is_order = |step: &&Step| matches!(step.action, Action::Certify { .. });
    if let Some(order) = plan.steps.iter().find(is_order) {
        certified = Some(left.add(order.at.clone(), order.action.clone(), order.reason.clone()));
    }
    for step in plan.steps.iter().filter(|step| is_meant(&step.at)) {
        match &step.action {
            Action::Push { .. } if booting.contains(&&step.at) => {
                left.trouble(
                    step.at.clone(),
                    "it is not set up yet; `dsline up` does that",
                );
            }
            Action::Push { .. } => {
                let push = left.add(step.at.clone(), step.action.clone(), step.reason.clone());
                left.after(push, certified);
            }
            _ => {}
        }
    }
    left
}

fn brings_another(step: &Step, plan: &Plan, observed: &Observed) -> bool {
    let Action::Push { slot, .. } = &step.action else {
        return false;
    };
    let node = plan.nodes.iter().find(|node| node.slot == *slot);
    let sight = node
        .and_then(|node| node.instance.as_ref())
        .and_then(|id| observed.nodes.get(id));
    // Only such a push has this for a reason.
    let is_change = step.reason.starts_with("changed: ");
    matches!(sight, Some(NodeSight::Reported(report)) if report.release.is_some()) && is_change
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{Generation, LineName, Slot};
    use crate::plan::PlannedNode;

    fn line(regions: &[&str]) -> (Plan, Observed) {
        let mut plan = Plan::new(&"home".parse::<LineName>().unwrap());
        let mut observed = Observed::default();
        for region in regions {
            let slot: Slot = format!("{region}/1").parse().unwrap();
            let generation = Generation::FIRST;
            let number = 2;
            plan.nodes.push(PlannedNode {
                slot: slot.clone(),
                generation,
                instance: Some((*region).to_owned()),
                address: None,
                check: None,
                reachable: true,
            });
            let report = NodeReport {
                release: Some("old".to_owned()),
                ..NodeReport::default()
            };
            observed
                .nodes
                .insert((*region).to_owned(), NodeSight::Reported(Box::new(report)));
            let push = Action::Push {
                slot: slot.clone(),
                generation,
                number,
            };
            plan.add(At::Slot(slot), push, "changed: nginx");
        }
        (plan, observed)
    }

    #[test]
    fn nodes_that_serve_wait_for_each_other_and_the_canary_goes_first() {
        let (mut plan, observed) = line(&["eu-west-1", "us-east-1", "us-west-2"]);
        roll(&mut plan, &observed, Some(&"us-east-1".parse().unwrap()));
        let needs: Vec<&[StepId]> = plan.steps.iter().map(|step| &step.needs[..]).collect();
        assert_eq!(needs, [&[StepId(1)][..], &[], &[StepId(0)]]);
    }

    #[test]
    fn what_only_mends_waits_for_nobody() {
        let (mut plan, observed) = line(&["eu-west-1", "us-east-1"]);
        plan.steps[0].reason = "nginx is failed".to_owned();
        roll(&mut plan, &observed, None);
        assert!(plan.steps.iter().all(|step| step.needs.is_empty()));
    }

    #[test]
    fn a_push_alone_leaves_other_regions_out() {
        let (plan, _) = line(&["eu-west-1", "us-east-1"]);
        let left = only_push(&plan, &["us-east-1".parse().unwrap()]);
        assert_eq!(left.steps.len(), 1);
        assert_eq!(left.steps[0].at, plan.steps[1].at);
    }
}
