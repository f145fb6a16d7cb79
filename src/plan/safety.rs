//! Whether users still find a healthy node after a change of records; asked of the evaluator before anything is done.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::dns::{
    ChangeAction, Checks, NodeRecord, Question, RecordTree, answer, change, desired, is_of_line,
    known_nodes,
};
use crate::line::{Observed, Place, Profile, RecordSet, RecordType, Region, Slot, ZoneView};

use super::refusal::Refusal;
use super::step::{Action, Plan};

/// A larger part of a line's record sets is not removed without being asked twice.
const LARGEST_PERCENTAGE: usize = 30;

/// Refuses a plan whose change of records would take healthy nodes away from users, or most of the records.
pub fn refuse_unsafe(plan: &Plan, profile: &Profile, observed: &Observed) -> Result<(), Refusal> {
    let changed = plan.steps.iter().find_map(|step| match &step.action {
        Action::ChangeRecords { slots, kept, .. } => Some((slots, kept)),
        _ => None,
    });
    let (Some(zone), Some((slots, kept))) = (&observed.zone, changed) else {
        return Ok(());
    };
    let checks = checks(plan, observed, zone);
    let nodes = nodes_after(plan, slots, kept);
    let wanted = desired(profile, &zone.id, &nodes);
    let before = Scene::new(profile, &zone.id, &checks, &zone.records);
    let after = Scene::new(profile, &zone.id, &checks, &wanted);
    let lost = before.healthy_regions();
    if !lost.is_empty() && after.healthy_regions().is_empty() {
        return Err(Refusal::LastHealthyRegion { lost });
    }
    let was_served = |place: &Place| before.serves(*place) && !after.serves(*place);
    let places: Vec<Place> = profile.places().into_iter().filter(was_served).collect();
    if !places.is_empty() {
        return Err(Refusal::PlacesWithoutNode { places });
    }
    refuse_removals(profile, &zone.records, &wanted)
}

/// What is known of the checks: the checkers' verdict where it was asked for, else whether the node answers.
fn checks(plan: &Plan, observed: &Observed, zone: &ZoneView) -> Checks {
    let seen = plan
        .nodes
        .iter()
        .filter_map(|node| Some((node.check.clone()?, node.reachable)));
    let mut reached: BTreeMap<String, bool> = seen.collect();
    reached.extend(observed.verdicts.clone());
    Checks::of_line(&zone.checks, &reached)
}

/// The nodes that the records shall name; one that is not made yet joins when it is healthy, so it counts as that.
fn nodes_after(plan: &Plan, slots: &[Slot], kept: &[NodeRecord]) -> Vec<NodeRecord> {
    let mut unmade = 0_u8;
    let mut node_of = |slot: &Slot| {
        let node = plan.nodes.iter().find(|node| node.slot == *slot)?;
        // An address of its own in 0.0.0.0/8, where no node is (RFC 1122, 3.2.1.3).
        unmade = unmade.wrapping_add(1);
        Some(NodeRecord {
            slot: slot.clone(),
            address: node.address.unwrap_or(Ipv4Addr::new(0, 0, 0, unmade)),
            check_id: node
                .check
                .clone()
                .unwrap_or_else(|| format!("check of {slot}")),
        })
    };
    let made: Vec<NodeRecord> = slots.iter().filter_map(&mut node_of).collect();
    made.into_iter().chain(kept.iter().cloned()).collect()
}

/// A zone's records with what is known of the checks.
struct Scene<'a> {
    host: &'a str,
    checks: &'a Checks,
    tree: RecordTree<'a>,
    nodes: Vec<NodeRecord>,
}

impl<'a> Scene<'a> {
    fn new(
        profile: &'a Profile,
        zone_id: &str,
        checks: &'a Checks,
        records: &'a [RecordSet],
    ) -> Self {
        Self {
            host: &profile.dns.host,
            checks,
            tree: RecordTree::new(records, Some(zone_id)),
            nodes: known_nodes(&profile.name, records),
        }
    }

    fn healthy(&self) -> impl Iterator<Item = &NodeRecord> {
        self.nodes
            .iter()
            .filter(|node| self.checks.is_healthy(&node.check_id))
    }

    fn healthy_regions(&self) -> BTreeSet<Region> {
        self.healthy()
            .map(|node| node.slot.region.clone())
            .collect()
    }

    /// Whether an answer to somebody there can be a healthy node.
    fn serves(&self, place: Place) -> bool {
        let question = Question {
            name: self.host,
            kind: &RecordType::A,
            place,
        };
        let Ok(found) = answer(&self.tree, self.checks, &question) else {
            return false;
        };
        self.healthy()
            .any(|node| found.possible.contains(&node.address.to_string().as_str()))
    }
}

fn refuse_removals(
    profile: &Profile,
    existing: &[RecordSet],
    wanted: &[RecordSet],
) -> Result<(), Refusal> {
    let of = existing
        .iter()
        .filter(|record| is_of_line(&profile.name, record))
        .count();
    // A record in the way has been refused before.
    let Ok(batch) = change(&profile.name, existing, wanted) else {
        return Ok(());
    };
    let is_made_anew = |record: &RecordSet| wanted.iter().any(|new| new.key() == record.key());
    let removed = batch
        .changes
        .iter()
        .filter(|change| change.action == ChangeAction::Delete && !is_made_anew(&change.record))
        .count();
    if removed * 100 > of * LARGEST_PERCENTAGE {
        return Err(Refusal::ManyRemovals { removed, of });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{CheckReference, HealthCheck};
    use crate::plan::{At, PlannedNode, samples::profile};

    const THREE: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-1"];

    fn node(profile: &Profile, slot: &Slot) -> NodeRecord {
        let index = profile.slots().position(|other| other == *slot).unwrap();
        NodeRecord {
            slot: slot.clone(),
            address: [198, 18, 0, u8::try_from(index).unwrap()].into(),
            check_id: format!("check-{slot}"),
        }
    }

    /// A line whose nodes are all in the records; the checks named are turned round and switched off.
    fn observed(profile: &Profile, drained: &[&str]) -> Observed {
        let nodes: Vec<NodeRecord> = profile.slots().map(|slot| node(profile, &slot)).collect();
        let check = |node: &NodeRecord| {
            let is_drained = drained.contains(&node.slot.to_string().as_str());
            HealthCheck {
                id: node.check_id.clone(),
                reference: CheckReference::new(&profile.name, &node.slot, node.address, "x"),
                address: Some(node.address),
                inverted: is_drained,
                disabled: is_drained,
            }
        };
        let zone = ZoneView {
            id: "Z1".to_owned(),
            name: "example.com".to_owned(),
            records: desired(profile, "Z1", &nodes),
            checks: nodes.iter().map(check).collect(),
        };
        Observed {
            zone: Some(zone),
            ..Observed::default()
        }
    }

    /// The outcome of keeping only these slots, all of which are there unless they are unknown to `before`.
    fn keep(before: &Profile, drained: &[&str], wanted: &Profile) -> Result<(), Refusal> {
        let observed = observed(before, drained);
        let mut plan = Plan::new(&wanted.name);
        let slots: Vec<Slot> = wanted.slots().collect();
        for slot in &slots {
            let known = before
                .slots()
                .any(|other| other == *slot)
                .then(|| node(before, slot));
            plan.nodes.push(PlannedNode {
                slot: slot.clone(),
                generation: crate::line::Generation(1),
                instance: None,
                address: known.as_ref().map(|node| node.address),
                check: known.map(|node| node.check_id),
                reachable: true,
            });
        }
        let action = Action::ChangeRecords {
            zone_id: "Z1".to_owned(),
            zone_name: "example.com".to_owned(),
            slots,
            kept: Vec::new(),
            existing: Vec::new(),
            changes: None,
        };
        plan.add(At::Zone("example.com".to_owned()), action, "test");
        refuse_unsafe(&plan, wanted, &observed)
    }

    #[test]
    fn adding_nodes_and_regions_and_moving_places_is_safe() {
        let three = profile(&THREE, 1);
        assert_eq!(keep(&three, &[], &profile(&THREE, 3)), Ok(()));
        let more = profile(
            &["us-east-1", "eu-west-1", "ap-southeast-1", "sa-east-1"],
            1,
        );
        assert_eq!(keep(&three, &[], &more), Ok(()));
        let mut moved = three.clone();
        let japan = "AS-JP".parse().unwrap();
        moved.dns.places.insert(japan, "eu-west-1".parse().unwrap());
        assert_eq!(keep(&three, &["us-east-1/1"], &moved), Ok(()));
        // A region that is replaced by one that is not made yet.
        assert_eq!(
            keep(
                &profile(&["us-east-1"], 1),
                &[],
                &profile(&["eu-west-1"], 1)
            ),
            Ok(())
        );
    }

    #[test]
    fn the_last_healthy_region_stays() {
        let two = profile(&["us-east-1", "eu-west-1"], 1);
        let left = profile(&["eu-west-1"], 1);
        let refusal = keep(&two, &["eu-west-1/1"], &left).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "the change would take the last healthy region (us-east-1) out of the records"
        );
        // What is unhealthy already may be changed: that is how it gets better.
        assert!(!matches!(
            keep(&two, &["us-east-1/1", "eu-west-1/1"], &left),
            Err(Refusal::LastHealthyRegion { .. })
        ));
    }

    #[test]
    fn more_than_three_tenths_of_the_records_are_not_removed() {
        let refusal = keep(&profile(&THREE, 1), &[], &profile(&THREE[..2], 1)).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "the change would remove 9 of the line's 23 record sets, more than 30 %"
        );
        let six = [
            "us-east-1",
            "eu-west-1",
            "ap-southeast-1",
            "sa-east-1",
            "af-south-1",
            "eu-north-1",
        ];
        assert_eq!(keep(&profile(&six, 1), &[], &profile(&six[..5], 1)), Ok(()));
        assert_eq!(keep(&profile(&THREE, 2), &[], &profile(&THREE, 1)), Ok(()));
    }

    #[test]
    fn a_place_whose_chain_was_cut_by_hand_is_told() {
        // The records that would be made serve everybody as long as anybody is healthy, so the scene itself is asked.
        let profile = profile(&THREE, 1);
        let observed = observed(&profile, &["ap-southeast-1/1"]);
        let zone = observed.zone.as_ref().unwrap();
        let checks = checks(&Plan::new(&profile.name), &observed, zone);
        let mut cut = zone.records.clone();
        cut.retain(|record| {
            !record.name.starts_with("via-1.ap")
                || record
                    .set_identifier
                    .as_deref()
                    .is_some_and(|id| id.ends_with("primary"))
        });
        for record in &mut cut {
            if let crate::line::RecordValue::Alias(target) = &mut record.value {
                target.evaluates_health = false;
            }
        }
        let scene = Scene::new(&profile, &zone.id, &checks, &cut);
        assert!(!scene.serves("AS".parse().unwrap()));
        assert!(scene.serves("EU".parse().unwrap()));
    }
}
