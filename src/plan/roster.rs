//! Which slots the line should have: the fewest that the profile names, those that scaling has added, no more than may be.

use std::collections::BTreeSet;

use crate::dns::known_nodes;
use crate::line::{Instance, NodeSight, Observed, Profile, Region, Slot};

use super::fleet::{is_in_records, is_present};

/// The slots that the line should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster(BTreeSet<Slot>);

impl Roster {
    /// The slots as they stand: nothing is added, and nothing goes but what the profile no longer allows.
    ///
    /// A slot beyond the fewest stands while an instance fills it or records name it. One whose gateway drains, and that
    /// no record names any more, was on its way out when somebody was interrupted: it goes.
    pub fn standing(profile: &Profile, observed: &Observed) -> Self {
        let mut slots: BTreeSet<Slot> = profile.slots().collect();
        let filled = observed
            .launched()
            .filter(|instance| is_present(instance) && !is_leaving(instance, profile, observed))
            .filter_map(|instance| instance.slot.clone());
        let zone = observed.zone.iter();
        let named = zone.flat_map(|zone| known_nodes(&profile.name, &zone.records));
        let more: BTreeSet<Slot> = filled.chain(named.map(|node| node.slot)).collect();
        for slot in more {
            let is_allowed = profile.numbers_in(&slot.region).contains(&slot.number);
            if is_allowed && (slots.len() < profile.most_nodes() || slots.contains(&slot)) {
                slots.insert(slot);
            }
        }
        Self(slots)
    }

    /// The same with more nodes in a region, in the free slots with the lowest numbers.
    #[must_use]
    pub fn with_more(mut self, profile: &Profile, region: &Region, by: usize) -> Self {
        let slots = profile.numbers_in(region).map(|number| Slot {
            region: region.clone(),
            number,
        });
        let free: Vec<Slot> = slots.filter(|slot| !self.0.contains(slot)).collect();
        self.0.extend(free.into_iter().take(by));
        self
    }

    /// The same with fewer nodes in a region: the highest numbers go, never one of the profile's fewest.
    #[must_use]
    pub fn with_fewer(mut self, profile: &Profile, region: &Region, by: usize) -> Self {
        let fewest = profile.nodes.per_region;
        let more: Vec<Slot> = self
            .in_region(region)
            .filter(|slot| slot.number > fewest && !slot.is_brought())
            .cloned()
            .collect();
        for slot in more.iter().rev().take(by) {
            self.0.remove(slot);
        }
        self
    }

    /// All slots, in order.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.0.iter()
    }

    /// The slots of a region, in order.
    pub fn in_region(&self, region: &Region) -> impl Iterator<Item = &Slot> {
        self.0.iter().filter(move |slot| slot.region == *region)
    }
}

fn is_leaving(instance: &Instance, profile: &Profile, observed: &Observed) -> bool {
    let is_draining = match observed.nodes.get(&instance.id) {
        Some(NodeSight::Reported(report)) => report
            .gateway
            .as_ref()
            .is_some_and(|gateway| gateway.draining),
        _ => false,
    };
    is_draining && observed.zone.is_some() && !is_in_records(instance, &profile.name, observed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::samples::profile;

    const REGION: &str = "us-east-1";

    fn roster(profile: &Profile, numbers: &[u16]) -> Roster {
        Roster(
            numbers
                .iter()
                .map(|number| slot(*number))
                .chain(profile.slots())
                .collect(),
        )
    }

    fn slot(number: u16) -> Slot {
        Slot {
            region: REGION.parse().unwrap(),
            number,
        }
    }

    fn numbers(roster: &Roster) -> Vec<u16> {
        roster.slots().map(|slot| slot.number).collect()
    }

    #[test]
    fn every_change_stays_between_the_fewest_and_the_most() {
        let mut profile = profile(&[REGION], 2);
        profile.scaling.max_per_region = 5;
        let region: Region = REGION.parse().unwrap();
        for there in [&[][..], &[3], &[4], &[3, 4], &[5], &[3, 4, 5]] {
            let before = roster(&profile, there);
            let count = numbers(&before).len();
            for by in 0..=6 {
                let more = before.clone().with_more(&profile, &region, by);
                assert_eq!(numbers(&more).len(), (count + by).min(5));
                assert!(before.slots().all(|slot| more.0.contains(slot)));
                let fewer = before.clone().with_fewer(&profile, &region, by);
                assert_eq!(numbers(&fewer).len(), count.saturating_sub(by).max(2));
                assert!(fewer.slots().all(|slot| before.0.contains(slot)));
                assert!(fewer.0.contains(&slot(1)) && fewer.0.contains(&slot(2)));
            }
        }
    }

    #[test]
    fn free_numbers_are_taken_from_below_and_given_up_from_above() {
        let mut profile = profile(&[REGION], 1);
        profile.scaling.max_per_region = 4;
        let region: Region = REGION.parse().unwrap();
        let one = roster(&profile, &[3]);
        assert_eq!(
            numbers(&one.clone().with_more(&profile, &region, 1)),
            [1, 2, 3]
        );
        assert_eq!(numbers(&one.with_fewer(&profile, &region, 1)), [1]);
    }
}
