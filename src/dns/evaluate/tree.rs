//! A zone's records, sorted into groups of one name and type, with every alias led to the group that it means.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use crate::line::{AliasTarget, RecordSet, RecordType};

/// The records of one hosted zone, ready to be asked.
#[derive(Debug)]
pub struct RecordTree<'a> {
    pub(super) records: Vec<&'a RecordSet>,
    /// Where each record leads, in the order of `records`.
    pub(super) leads: Vec<Lead>,
    pub(super) groups: Vec<Group<'a>>,
    by_name: HashMap<&'a str, Vec<usize>>,
    /// Names that exist, those between a record and the zone's apex too (RFC 8020).
    existing: HashSet<&'a str>,
}

/// All records of one name and type.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'a RecordType,
    pub(super) members: Range<usize>,
    /// The groups of a circle of aliases that one gets into from here.
    pub(super) circle: Option<Vec<usize>>,
}

/// Where a record leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// To its own values.
    Values,
    /// To a group of the zone.
    Group(usize),
    /// To a name of the zone that has no record of that type.
    Nothing,
    /// Out of the zone.
    Outside,
}

impl<'a> RecordTree<'a> {
    /// Sorts the records of a zone; without the zone's id an alias counts as leading into it when its target is there.
    pub fn new(records: &'a [RecordSet], zone_id: Option<&str>) -> Self {
        let mut sorted: BTreeMap<(&str, &RecordType), Vec<&RecordSet>> = BTreeMap::new();
        for record in records {
            let group = sorted.entry((&record.name, &record.kind)).or_default();
            group.push(record);
        }
        let mut tree = Self {
            records: Vec::with_capacity(records.len()),
            leads: Vec::new(),
            groups: Vec::with_capacity(sorted.len()),
            by_name: HashMap::new(),
            existing: HashSet::new(),
        };
        let apex = records.iter().find(|record| record.kind.name() == "SOA");
        let apex = apex.map(|record| record.name.as_str());
        for ((name, kind), members) in sorted {
            tree.add_group(name, kind, &members, apex);
        }
        let lead = |record: &&RecordSet| match record.alias() {
            None => Lead::Values,
            Some(target) => tree.lead(target, &record.kind, zone_id, apex),
        };
        tree.leads = tree.records.iter().map(lead).collect();
        tree.find_circles();
        tree
    }

    fn add_group(
        &mut self,
        name: &'a str,
        kind: &'a RecordType,
        members: &[&'a RecordSet],
        apex: Option<&str>,
    ) {
        let first = self.records.len();
        self.records.extend(members);
        let group = self.groups.len();
        self.by_name.entry(name).or_default().push(group);
        let is_inside = |above: &&str| apex.is_none_or(|apex| is_within(above, apex));
        let above = parents(name).take_while(is_inside);
        self.existing.extend(above.chain([name]));
        self.groups.push(Group {
            name,
            kind,
            members: first..self.records.len(),
            circle: None,
        });
    }

    fn lead(
        &self,
        target: &AliasTarget,
        kind: &RecordType,
        zone_id: Option<&str>,
        apex: Option<&str>,
    ) -> Lead {
        if zone_id.is_some_and(|id| id != target.zone_id) {
            return Lead::Outside;
        }
        let owner = self.owner(&target.name);
        match owner.and_then(|owner| self.group(owner, kind)) {
            Some(group) => Lead::Group(group),
            None if zone_id.is_some() || apex.is_some_and(|apex| is_within(&target.name, apex)) => {
                Lead::Nothing
            }
            None => Lead::Outside,
        }
    }

    /// The group of a name, exactly as written, and a type.
    pub(super) fn group(&self, name: &str, kind: &RecordType) -> Option<usize> {
        let groups = self.by_name.get(name)?;
        groups
            .iter()
            .copied()
            .find(|group| self.groups[*group].kind == kind)
    }

    /// The types that a name, exactly as written, has records of.
    pub fn kinds(&self, name: &str) -> Vec<&'a RecordType> {
        let groups = self.by_name.get(name).into_iter().flatten();
        groups.map(|group| self.groups[*group].kind).collect()
    }

    /// The name whose records answer for a name: itself, or the wildcard of its closest existing parent (RFC 4592).
    pub(super) fn owner(&self, name: &str) -> Option<&'a str> {
        if let Some(own) = self.existing.get(name) {
            return Some(own);
        }
        let encloser = parents(name).find(|above| self.existing.contains(above))?;
        let wildcard = self
            .by_name
            .get_key_value(format!("*.{encloser}").as_str())?;
        Some(wildcard.0)
    }

    /// The name at or above `name` that has been given away to other name servers.
    pub(super) fn delegation<'n>(&self, name: &'n str) -> Option<&'n str> {
        let has = |name: &str, kind: &str| self.group(name, &RecordType::named(kind)).is_some();
        let mut at_and_above = [name].into_iter().chain(parents(name));
        at_and_above.find(|name| has(name, "NS") && !has(name, "SOA"))
    }

    /// Marks the groups from which aliases lead into a circle.
    fn find_circles(&mut self) {
        let mut is_done = vec![false; self.groups.len()];
        for group in 0..self.groups.len() {
            self.descend(group, &mut Vec::new(), &mut is_done);
        }
    }

    fn descend(&mut self, group: usize, way: &mut Vec<usize>, is_done: &mut [bool]) {
        if let Some(begin) = way.iter().position(|passed| *passed == group) {
            let circle = [&way[begin..], &[group]].concat();
            self.groups[group].circle = Some(circle);
            return;
        }
        if is_done[group] {
            return;
        }
        way.push(group);
        for member in self.groups[group].members.clone() {
            let Lead::Group(next) = self.leads[member] else {
                continue;
            };
            self.descend(next, way, is_done);
            if self.groups[group].circle.is_none() {
                self.groups[group].circle = self.groups[next].circle.clone();
            }
        }
        way.pop();
        is_done[group] = true;
    }
}

/// The names above a name, nearest first.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(name.split_once('.'), |(_, rest)| rest.split_once('.'))
        .map(|(_, rest)| rest)
}

fn is_within(name: &str, zone: &str) -> bool {
    let below = name.strip_suffix(zone);
    below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
