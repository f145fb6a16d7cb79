//! The plan of `rollback`: every node goes to the release that the line had, as far as the node has kept it.

use std::collections::BTreeMap;

use crate::line::{
    Generation, Instance, KeptRelease, LineName, NodeReport, NodeSight, Observed, Region, Slot,
};

use super::step::{Action, At, Plan, PlannedNode, StepId};

/// Where a rollback leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// To what the line had before its newest release.
    Before,
    /// To what the line had when this release was its newest.
    To(u32),
}

/// Plans the way back, one node at a time in each region; nodes that never had anything newer stay as they are.
pub fn back(line: &LineName, observed: &Observed, going: Going, regions: &[Region]) -> Plan {
    let mut plan = Plan::new(line);
    let mut last: BTreeMap<Region, StepId> = BTreeMap::new();
    let nodes = nodes_of(observed, regions);
    let newest = nodes
        .iter()
        .filter_map(|(.., report)| report.as_ref()?.number)
        .max();
    let limit = match (going, newest) {
        (Going::To(number), _) => number,
        (Going::Before, newest) => newest.unwrap_or(0).saturating_sub(1),
    };
    // What was left once is no place to go without being named.
    let fits = match going {
        Going::Before => KeptRelease::is_healthy,
        Going::To(_) => KeptRelease::is_kept,
    };
    for (slot, instance, report) in nodes {
        let at = At::Slot(slot.clone());
        let Some(report) = report else {
            plan.trouble(at, "it cannot be reached, so it keeps what it has");
            continue;
        };
        plan.nodes.push(planned(slot, instance));
        let Some(kept) = report.newest_up_to(limit, fits) else {
            plan.trouble(
                at,
                format!("it has kept no release up to {limit} that was healthy"),
            );
            continue;
        };
        let Some(present) = report.number.filter(|present| *present != kept.number) else {
            continue;
        };
        let goes_forward = present < kept.number;
        if goes_forward && going == Going::Before {
            continue;
        }
        let reason = format!("it has release {present}");
        let step = go_back(&mut plan, slot, instance.generation, kept.number, reason);
        let before = last.insert(slot.region.clone(), step);
        plan.needs(step, before);
    }
    plan
}

/// Plans the way back of nodes that a roll has changed before it failed, all at once.
pub fn back_again(plan: &Plan, changed: &BTreeMap<Slot, u32>) -> Plan {
    let mut again = Plan::new(&plan.line);
    let nodes = plan.nodes.iter();
    for node in nodes.filter(|node| changed.contains_key(&node.slot)) {
        let reason = "the roll failed at another node".to_owned();
        let number = changed[&node.slot];
        go_back(&mut again, &node.slot, node.generation, number, reason);
        again.nodes.push(node.clone());
    }
    again
}

fn go_back(
    plan: &mut Plan,
    slot: &Slot,
    generation: Generation,
    number: u32,
    reason: String,
) -> StepId {
    let action = Action::GoBack {
        slot: slot.clone(),
        generation,
        number,
    };
    plan.add(At::Slot(slot.clone()), action, reason)
}

type Node<'a> = (&'a Slot, &'a Instance, Option<&'a NodeReport>);

fn nodes_of<'a>(observed: &'a Observed, regions: &[Region]) -> Vec<Node<'a>> {
    let mut nodes: Vec<Node<'a>> = observed
        .instances()
        .filter(|instance| instance.state.is_alive())
        .filter_map(|instance| {
            let report = match observed.nodes.get(&instance.id) {
                Some(NodeSight::Reported(report)) => Some(&**report),
                _ => None,
            };
            Some((instance.slot.as_ref()?, instance, report))
        })
        .filter(|(slot, ..)| regions.is_empty() || regions.contains(&slot.region))
        .collect();
    nodes.sort_by_key(|(slot, instance, _)| (*slot, instance.generation));
    nodes
}

fn planned(slot: &Slot, instance: &Instance) -> PlannedNode {
    PlannedNode {
        slot: slot.clone(),
        generation: instance.generation,
        instance: Some(instance.id.clone()),
        address: instance.address,
        check: None,
        reachable: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{InstanceState, RegionView, ReleaseState};

    /// Nodes by region with their live release and those that were healthy.
    fn line(nodes: &[(&str, u32, &[u32])]) -> Observed {
        let mut observed = Observed::default();
        for (region, live, healthy) in nodes {
            let kept = |number: &u32| {
                let kept = KeptRelease {
                    number: *number,
                    digest: "d".to_owned(),
                    when: "2026-11-23T06:00:00Z".to_owned(),
                    who: String::new(),
                    why: String::new(),
                    state: ReleaseState::Healthy,
                };
                (*number, kept)
            };
            let report = NodeReport {
                number: Some(*live),
                releases: healthy.iter().map(kept).collect(),
                ..NodeReport::default()
            };
            let region_name: Region = region.parse().unwrap();
            let instance = Instance {
                id: (*region).to_owned(),
                region: region_name.clone(),
                slot: Some(format!("{region}/1").parse().unwrap()),
                generation: Generation::FIRST,
                key_id: None,
                state: InstanceState::Running,
                address: None,
                instance_type: "t3.micro".to_owned(),
                launched: "2026-11-22T12:00:00Z".parse().unwrap(),
            };
            let sight = NodeSight::Reported(Box::new(report));
            observed.nodes.insert((*region).to_owned(), sight);
            let view = RegionView::Seen {
                instances: vec![instance],
                groups: Vec::new(),
            };
            observed.regions.insert(region_name, view);
        }
        observed
    }

    fn steps(observed: &Observed, going: Going) -> Vec<String> {
        let plan = back(&"home".parse().unwrap(), observed, going, &[]);
        let step = plan
            .steps
            .iter()
            .map(|step| format!("{} {}", step.at, step.action.title()));
        let troubles = plan
            .troubles
            .iter()
            .map(|trouble| format!("{} {}", trouble.at, trouble.what));
        step.chain(troubles).collect()
    }

    #[test]
    fn without_a_number_every_node_goes_to_what_the_line_had_before() {
        let observed = line(&[
            ("eu-west-1", 6, &[4, 5, 6]),
            ("us-east-1", 6, &[3, 6]),
            ("us-west-2", 5, &[4, 5]),
        ]);
        assert_eq!(
            steps(&observed, Going::Before),
            [
                "eu-west-1/1 go back to release 5",
                "us-east-1/1 go back to release 3"
            ]
        );
    }

    #[test]
    fn a_number_means_the_line_as_it_was_then() {
        let observed = line(&[("eu-west-1", 6, &[4, 6]), ("us-east-1", 3, &[3, 5])]);
        assert_eq!(
            steps(&observed, Going::To(5)),
            [
                "eu-west-1/1 go back to release 4",
                "us-east-1/1 go back to release 5"
            ]
        );
        assert_eq!(
            steps(&observed, Going::To(3)),
            ["eu-west-1/1 it has kept no release up to 3 that was healthy"]
        );
    }
}
