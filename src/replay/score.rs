//! What a replay comes to, in figures.

use serde::Serialize;

use super::course::{Course, Second};
use super::machine::Machine;
use super::trace::Trace;

/// A policy's figures on a trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Share of the seconds with a utilisation of 65 to 80 %.
    pub in_band: f64,
    /// Mean utilisation.
    pub utilisation: f64,
    /// Minutes (sixty seconds, anywhere) in which somebody waited for a permit or was refused.
    pub overload_minutes: f64,
    /// Share of requests that were refused.
    pub refused: f64,
    /// Mean seconds that a request waited for a permit.
    pub wait_seconds: f64,
    /// Hours of all nodes, from launch to end.
    pub node_hours: f64,
    /// Fewest nodes that served.
    pub fewest: u32,
    /// Most nodes that served.
    pub most: u32,
    /// Changes of the fleet.
    pub changes: u32,
    /// Changes that turned another round within a quarter of an hour.
    pub flaps: u32,
}

/// A change the other way within so many seconds is a flap.
const FLAP_SECONDS: i64 = 15 * 60;
/// The band of every policy's score.
const BAND: std::ops::RangeInclusive<f64> = 0.65..=0.80;

impl Second {
    /// Requests in flight over permits; a line without a node is full.
    pub fn utilisation(&self, machine: &Machine) -> f64 {
        match self.ready * machine.permits {
            0 => 1.0,
            permits => f64::from(self.in_flight) / f64::from(permits),
        }
    }

    /// Whether somebody waited or was refused.
    pub fn is_overloaded(&self) -> bool {
        self.waiting > 0 || self.refused > 0
    }

    /// Nodes that cost.
    pub fn paid(&self) -> u32 {
        self.ready + self.starting + self.leaving
    }
}

impl Score {
    /// Counts a replay.
    pub fn of(course: &Course, trace: &Trace, machine: &Machine) -> Self {
        let seconds = &course.seconds;
        let sum = |value: &dyn Fn(&Second) -> f64| seconds.iter().map(value).sum::<f64>();
        let count = sum(&|_| 1.0).max(1.0);
        let requests = trace
            .arrivals
            .iter()
            .map(|arrival| f64::from(arrival.count))
            .sum::<f64>()
            .max(1.0);
        let is = |what: bool| f64::from(u8::from(what));
        let ready = || seconds.iter().map(|second| second.ready);
        let (changes, flaps) = changes(course);
        Self {
            in_band: sum(&|second| is(BAND.contains(&second.utilisation(machine)))) / count,
            utilisation: sum(&|second| second.utilisation(machine)) / count,
            overload_minutes: sum(&|second| is(second.is_overloaded())) / 60.0,
            refused: sum(&|second| f64::from(second.refused)) / requests,
            wait_seconds: sum(&|second| f64::from(second.waiting)) / requests,
            node_hours: sum(&|second| f64::from(second.paid())) / 3600.0,
            fewest: ready().min().unwrap_or(0),
            most: ready().max().unwrap_or(0),
            changes,
            flaps,
        }
    }
}

fn changes(course: &Course) -> (u32, u32) {
    let (mut count, mut flaps) = (0, 0);
    let mut last: Option<(i32, jiff::Timestamp)> = None;
    for decision in course.decisions.iter().filter(|one| one.change != 0) {
        let (way, at) = (decision.change.signum(), decision.inputs.at);
        count += 1;
        if last.is_some_and(|(other, when)| {
            other != way && at.duration_since(when).as_secs() <= FLAP_SECONDS
        }) {
            flaps += 1;
        }
        last = Some((way, at));
    }
    (count, flaps)
}
