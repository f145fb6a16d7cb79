//! One step on the way through the records, and how it is told.

use std::fmt;

use crate::line::{Failover, Place, RecordSet, RecordValue, Routing};

/// One step on the way from a question to its answer; the steps of a branch stand one deeper than where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// How many aliases and CNAMEs lie between the question and this step.
    pub depth: usize,
    /// The name whose records are looked at.
    pub name: &'a str,
    /// What is found there.
    pub turn: Turn<'a>,
}

/// What a step finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn<'a> {
    /// The answer goes on with this record, or with one of several such.
    Taken(&'a RecordSet),
    /// A record that could answer is unhealthy.
    PassedOver(&'a RecordSet),
    /// No record is healthy, so all count as if they were.
    AllUnhealthy,
    /// No geolocation record fits the place, and there is no default.
    NoPlace(Place),
    /// More than eight records are healthy; each answer has eight of them.
    EightOf(usize),
    /// The alias leads to a name of the zone without such a record.
    NoTarget(&'a str),
    /// The value is outside the zone, so it is told as it is.
    Outside(&'a str),
    /// This branch has been followed above.
    Again,
    /// The name is a wildcard's.
    Wildcard,
    /// The name is given away to other name servers.
    Delegated,
    /// The zone has no such name.
    NoName,
    /// The name has no record of that type.
    NoKind,
}

impl<'a> Step<'a> {
    /// The record that the step is about.
    pub fn record(&self) -> Option<&'a RecordSet> {
        match self.turn {
            Turn::Taken(record) | Turn::PassedOver(record) => Some(record),
            _ => None,
        }
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match self.turn {
            Turn::Taken(record) => write!(f, "{name} {} -> {}", Label(record), aim(record)),
            Turn::PassedOver(record) => {
                write!(
                    f,
                    "{name} {} is unhealthy: {}",
                    Label(record),
                    reason(record)
                )
            }
            Turn::AllUnhealthy => {
                write!(f, "{name}: no record is healthy, so all count as healthy")
            }
            Turn::NoPlace(place) => write!(
                f,
                "{name}: no geolocation record fits `{place}`, and there is no default"
            ),
            Turn::EightOf(count) => {
                write!(f, "{name}: each answer has 8 of {count} healthy records")
            }
            Turn::NoTarget(target) => write!(f, "{name}: `{target}` has no such record"),
            Turn::Outside(target) => write!(f, "{name}: `{target}` is outside the zone"),
            Turn::Again => write!(f, "{name}: as above"),
            Turn::Wildcard => write!(f, "{name} covers it"),
            Turn::Delegated => write!(f, "{name} is given away to other name servers"),
            Turn::NoName => write!(f, "{name}: the zone has no such name"),
            Turn::NoKind => write!(f, "{name}: no record of this type"),
        }
    }
}

/// A record's type, routing and set identifier.
struct Label<'a>(&'a RecordSet);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind.name())?;
        match &self.0.routing {
            Routing::Simple => {}
            Routing::Weighted(weight) => write!(f, " weight {weight}")?,
            Routing::Failover(Failover::Primary) => f.write_str(" primary")?,
            Routing::Failover(Failover::Secondary) => f.write_str(" secondary")?,
            Routing::Geolocation(place) => write!(f, " geolocation {place}")?,
            Routing::Multivalue => f.write_str(" multivalue")?,
            Routing::Other(what) => write!(f, " {what}")?,
        }
        match &self.0.set_identifier {
            Some(identifier) => write!(f, " ({identifier})"),
            None => Ok(()),
        }
    }
}

fn aim(record: &RecordSet) -> String {
    match &record.value {
        RecordValue::Values { values, .. } => values.join(", "),
        RecordValue::Alias(target) => format!("alias {}", target.name),
    }
}

fn reason(record: &RecordSet) -> String {
    let check = record.health_check.as_ref();
    let check = check.map(|id| format!("health check {id}"));
    let target = record.alias().filter(|target| target.evaluates_health);
    let target = target.map(|target| format!("nothing at {} is healthy", target.name));
    let reasons: Vec<String> = check.into_iter().chain(target).collect();
    reasons.join(", or ")
}
