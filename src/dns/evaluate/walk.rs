//! The walk of one question through the records: names, CNAMEs, aliases, and the health of what is behind them.

use super::answer::{Answer, Question};
use super::fault::Unanswerable;
use super::step::{Step, Turn};
use super::tree::{Lead, RecordTree};
use crate::line::{Place, RecordType, RecordValue, plain_name};

/// One question on its way.
pub(super) struct Walk<'w, 'a> {
    pub(super) tree: &'w RecordTree<'a>,
    pub(super) place: Place,
    is_check_healthy: &'w dyn Fn(&str) -> bool,
    /// Whether each record is healthy, once it was asked.
    known: Vec<Option<bool>>,
    /// The groups that have been followed.
    followed: Vec<usize>,
    values: Vec<&'a str>,
    path: Vec<Step<'a>>,
}

impl<'w, 'a> Walk<'w, 'a> {
    pub(super) fn new(
        tree: &'w RecordTree<'a>,
        place: Place,
        is_check_healthy: &'w dyn Fn(&str) -> bool,
    ) -> Self {
        Self {
            tree,
            place,
            is_check_healthy,
            known: vec![None; tree.records.len()],
            followed: Vec::new(),
            values: Vec::new(),
            path: Vec::with_capacity(16),
        }
    }

    pub(super) fn answer(mut self, question: &Question<'a>) -> Result<Answer<'a>, Unanswerable> {
        let mut possible = Vec::new();
        self.ask(question.name, question.kind, &mut Vec::new(), &mut possible)?;
        possible.sort_unstable();
        possible.dedup();
        Ok(Answer {
            possible,
            path: self.path,
        })
    }

    pub(super) fn tell(&mut self, depth: usize, name: &'a str, turn: Turn<'a>) {
        self.path.push(Step { depth, name, turn });
    }

    /// Looks a name up; `way` holds the names whose CNAMEs led here.
    fn ask(
        &mut self,
        name: &'a str,
        kind: &RecordType,
        way: &mut Vec<&'a str>,
        possible: &mut Vec<&'a str>,
    ) -> Result<(), Unanswerable> {
        let depth = way.len();
        if let Some(child) = self.tree.delegation(name) {
            self.tell(depth, child, Turn::Delegated);
            return Ok(());
        }
        let Some(owner) = self.tree.owner(name) else {
            self.tell(depth, name, Turn::NoName);
            return Ok(());
        };
        if owner != name {
            self.tell(depth, owner, Turn::Wildcard);
        }
        if let Some(group) = self.tree.group(owner, kind) {
            self.follow(group, depth)?;
            possible.append(&mut self.values);
            return Ok(());
        }
        let Some(group) = self.tree.group(owner, &RecordType::named("CNAME")) else {
            self.tell(depth, name, Turn::NoKind);
            return Ok(());
        };
        if let Some(begin) = way.iter().position(|passed| *passed == name) {
            let names = way[begin..].iter().chain([&name]);
            return Err(Unanswerable::Loop {
                names: names.map(|name| (*name).to_owned()).collect(),
            });
        }
        self.follow(group, depth)?;
        way.push(name);
        for value in std::mem::take(&mut self.values) {
            if let Some(inner) = self.inner_name(value) {
                self.ask(inner, kind, way, possible)?;
            } else {
                self.tell(depth + 1, name, Turn::Outside(value));
                possible.push(value);
            }
        }
        way.pop();
        Ok(())
    }

    /// A CNAME's value as a name of the zone.
    fn inner_name(&self, value: &'a str) -> Option<&'a str> {
        let bare = value.strip_suffix('.').unwrap_or(value);
        // A name that is written in capitals is the zone's own spelling of it, if it is there.
        let owner = self.tree.owner(&plain_name(bare))?;
        Some(if owner.starts_with('*') { bare } else { owner })
    }

    /// Follows a group down to values.
    fn follow(&mut self, group: usize, depth: usize) -> Result<(), Unanswerable> {
        let tree = self.tree;
        let at = &tree.groups[group];
        if let Some(circle) = &at.circle {
            let names = circle
                .iter()
                .map(|group| tree.groups[*group].name.to_owned());
            return Err(Unanswerable::Loop {
                names: names.collect(),
            });
        }
        if self.followed.contains(&group) {
            self.tell(depth, at.name, Turn::Again);
            return Ok(());
        }
        self.followed.push(group);
        for member in self.choose(at, depth)? {
            let record = tree.records[member];
            self.tell(depth, at.name, Turn::Taken(record));
            match (&record.value, tree.leads[member]) {
                (_, Lead::Group(next)) => self.follow(next, depth + 1)?,
                (RecordValue::Values { values, .. }, _) => {
                    self.values.extend(values.iter().map(String::as_str));
                }
                (RecordValue::Alias(target), Lead::Outside) => {
                    self.tell(depth + 1, at.name, Turn::Outside(&target.name));
                    self.values.push(&target.name);
                }
                (RecordValue::Alias(target), Lead::Nothing | Lead::Values) => {
                    self.tell(depth + 1, at.name, Turn::NoTarget(&target.name));
                }
            }
        }
        Ok(())
    }

    /// Whether a record is healthy: its own check, and something healthy behind it if it minds.
    pub(super) fn is_healthy(&mut self, member: usize) -> bool {
        if let Some(known) = self.known[member] {
            return known;
        }
        let record = self.tree.records[member];
        let check = record.health_check.as_deref();
        let minds = record.alias().is_some_and(|target| target.evaluates_health);
        let is_healthy = check.is_none_or(self.is_check_healthy)
            && (!minds || self.has_healthy_target(self.tree.leads[member]));
        self.known[member] = Some(is_healthy);
        is_healthy
    }

    fn has_healthy_target(&mut self, lead: Lead) -> bool {
        match lead {
            // Whoever asked has made sure that aliases do not run in a circle from here.
            Lead::Group(group) => {
                let mut members = self.tree.groups[group].members.clone();
                members.any(|member| self.is_healthy(member))
            }
            Lead::Nothing => false,
            // What is there cannot be seen from here; Route 53 takes it out when it is unwell, so this is a hope.
            Lead::Outside | Lead::Values => true,
        }
    }
}
