//! The record sets that a line should have, as a function of its profile and its nodes.

use std::collections::BTreeSet;

use super::name::{chain_name, chain_role, group_name, node_role, place_role};
use super::node::NodeRecord;
use crate::line::{
    AliasTarget, Failover, Place, Profile, RecordSet, RecordType, RecordValue, Region, Routing,
    set_identifier,
};

/// The weight of every node in its group: all the same, with room to shift traffic both ways.
const WEIGHT: u8 = 100;

/// All record sets of a line with these nodes; none for a line without a domain or without nodes.
///
/// A region that no node stands in has no part in it; a place whose home it would be goes to the nearest that has one.
pub fn desired(profile: &Profile, zone_id: &str, nodes: &[NodeRecord]) -> Vec<RecordSet> {
    let regions: BTreeSet<Region> = nodes.iter().map(|node| node.slot.region.clone()).collect();
    let regions: Vec<Region> = regions.into_iter().collect();
    if !profile.has_domain() || regions.is_empty() {
        return Vec::new();
    }
    let drawing = Drawing {
        profile,
        zone_id,
        regions: &regions,
    };
    let values = nodes.iter().map(|node| drawing.node(node));
    let chains = regions.iter().flat_map(|home| drawing.chain(home));
    let places = profile
        .places()
        .into_iter()
        .map(|place| drawing.place(place));
    values.chain(chains).chain(places).collect()
}

/// What every record of a line is drawn from.
struct Drawing<'a> {
    profile: &'a Profile,
    zone_id: &'a str,
    /// The regions with nodes.
    regions: &'a [Region],
}

impl Drawing<'_> {
    fn node(&self, node: &NodeRecord) -> RecordSet {
        RecordSet {
            name: group_name(&node.slot.region, self.host()),
            kind: RecordType::A,
            set_identifier: Some(set_identifier(&self.profile.name, &node_role(&node.slot))),
            routing: Routing::Weighted(WEIGHT),
            value: RecordValue::Values {
                ttl: self.profile.dns.ttl,
                values: vec![node.address.to_string()],
            },
            health_check: Some(node.check_id.clone()),
        }
    }

    /// The failover pairs from a home region through all others, nearest first.
    ///
    /// A geolocation answer never moves sideways to another continent, and a pair has two halves only: hence a chain.
    fn chain(&self, home: &Region) -> Vec<RecordSet> {
        let mut route = vec![home];
        route.extend(home.nearest(self.regions));
        let last = route.len() - 1;
        let pair = |(index, region): (usize, &&Region)| {
            let level = index + 1;
            let next = if level == last {
                group_name(route[last], self.host())
            } else {
                chain_name(home, level + 1, self.host())
            };
            let half = |half, target| {
                self.alias(
                    chain_name(home, level, self.host()),
                    Routing::Failover(half),
                    &chain_role(home, level, half),
                    target,
                )
            };
            [
                half(Failover::Primary, group_name(region, self.host())),
                half(Failover::Secondary, next),
            ]
        };
        route[..last].iter().enumerate().flat_map(pair).collect()
    }

    fn place(&self, place: Place) -> RecordSet {
        let wanted = self.profile.home_of(place);
        let home = if self.regions.contains(wanted) {
            wanted
        } else {
            wanted.nearest(self.regions)[0]
        };
        let target = match self.regions.len() {
            1 => group_name(home, self.host()),
            _ => chain_name(home, 1, self.host()),
        };
        self.alias(
            self.host().to_owned(),
            Routing::Geolocation(place),
            &place_role(place),
            target,
        )
    }

    /// An alias is as healthy as its target: a health check of its own would only add a second opinion.
    fn alias(&self, name: String, routing: Routing, role: &str, target: String) -> RecordSet {
        let target = AliasTarget {
            name: target,
            zone_id: self.zone_id.to_owned(),
            evaluates_health: true,
        };
        RecordSet {
            name,
            kind: RecordType::A,
            set_identifier: Some(set_identifier(&self.profile.name, role)),
            routing,
            value: RecordValue::Alias(target),
            health_check: None,
        }
    }

    fn host(&self) -> &str {
        &self.profile.dns.host
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Continent;

    fn profile(regions: &[&str]) -> Profile {
        let mut profile = Profile {
            regions: regions.iter().map(|name| name.parse().unwrap()).collect(),
            ..Profile::default()
        };
        profile.dns.host = "llm.example.com".to_owned();
        profile
    }

    fn nodes(regions: &[&str]) -> Vec<NodeRecord> {
        let node = |(i, name): (usize, &&str)| NodeRecord {
            slot: format!("{name}/1").parse().unwrap(),
            address: [198, 18, 0, u8::try_from(i).unwrap()].into(),
            check_id: format!("check-{i}"),
        };
        regions.iter().enumerate().map(node).collect()
    }

    /// The groups that a place's alias leads through, first choice first.
    fn route(records: &[RecordSet], place: Place) -> Vec<String> {
        let target = |name: &str, routing: Routing| {
            let record = records
                .iter()
                .find(|record| record.name == name && record.routing == routing)?;
            record.alias().map(|alias| alias.name.clone())
        };
        let mut at = target("llm.example.com", Routing::Geolocation(place)).unwrap();
        let mut groups = Vec::new();
        while let Some(group) = target(&at, Routing::Failover(Failover::Primary)) {
            groups.push(group);
            at = target(&at, Routing::Failover(Failover::Secondary)).unwrap();
        }
        groups.push(at);
        groups
    }

    const SIX: [&str; 6] = [
        "us-east-1",
        "ap-southeast-1",
        "eu-west-1",
        "sa-east-1",
        "af-south-1",
        "ap-southeast-2",
    ];

    #[test]
    fn three_regions_make_23_record_sets_six_make_74_and_one_makes_9() {
        for (count, expected) in [(1, 9), (2, 14), (3, 23), (6, 74)] {
            let records = desired(&profile(&SIX[..count]), "Z1", &nodes(&SIX[..count]));
            assert_eq!(records.len(), expected, "{count} regions");
            let identifiers: BTreeSet<_> = records
                .iter()
                .map(|record| &record.set_identifier)
                .collect();
            assert_eq!(
                identifiers.len(),
                expected,
                "set identifiers are unique in the zone"
            );
            assert!(
                records
                    .iter()
                    .filter_map(RecordSet::alias)
                    .all(|alias| alias.evaluates_health && alias.zone_id == "Z1")
            );
            assert!(
                records
                    .iter()
                    .all(|record| record.alias().is_some() != record.health_check.is_some())
            );
        }
    }

    #[test]
    fn every_place_reaches_every_region_nearest_first() {
        for count in 1..=SIX.len() {
            let profile = profile(&SIX[..count]);
            let records = desired(&profile, "Z1", &nodes(&SIX[..count]));
            for place in Place::all() {
                let home = profile.home_of(place);
                let mut expected = vec![format!("{home}.llm.example.com")];
                expected.extend(
                    home.nearest(&profile.regions)
                        .iter()
                        .map(|region| format!("{region}.llm.example.com")),
                );
                assert_eq!(route(&records, place), expected, "{count} regions, {place}");
            }
        }
    }

    #[test]
    fn a_region_without_nodes_hands_its_places_to_the_nearest() {
        let here = ["us-east-1", "eu-west-1"];
        let records = desired(&profile(&SIX[..3]), "Z1", &nodes(&here));
        let asia = route(&records, Place::Continent(Continent::Asia));
        assert_eq!(
            asia,
            ["eu-west-1.llm.example.com", "us-east-1.llm.example.com"]
        );
        assert_eq!(records.len(), 14);
    }

    #[test]
    fn names_are_valid_and_a_line_without_domain_or_nodes_has_no_records() {
        let all: Vec<String> = Region::all().map(|region| region.to_string()).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let mut profile = profile(&all);
        profile.dns.host = format!(
            "{}.{}",
            ["a".repeat(57).as_str(); 3].join("."),
            "b".repeat(56)
        );
        assert_eq!(profile.dns.host.len(), 230);
        for record in desired(&profile, "Z1", &nodes(&all)) {
            assert!(record.name.len() <= 253, "{}", record.name);
            assert!(
                record
                    .set_identifier
                    .is_some_and(|identifier| identifier.len() <= 128)
            );
            for label in record.name.split('.') {
                let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                assert!(
                    label.len() <= 63
                        && label.chars().all(is_plain)
                        && !label.starts_with('-')
                        && !label.ends_with('-')
                );
            }
        }
        assert!(desired(&profile, "Z1", &[]).is_empty());
        assert!(desired(&Profile::default(), "Z1", &nodes(&SIX)).is_empty());
    }
}
