//! A replay, second by second: requests come, wait, are worked on and leave, and a policy changes the fleet.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::line::Region;
use crate::scaling::{
    Change, Decision, Elsewhere, History, Inputs, Limits, Policy, Pool, Sample, decide,
};

use super::machine::Machine;
use super::trace::{Arrival, Trace};

/// What a trace is replayed with.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The rule.
    pub policy: Policy,
    /// The node.
    pub machine: Machine,
    /// What the policy must not pass.
    pub limits: Limits,
    /// Where the nodes are.
    pub region: Region,
    /// Nodes at the beginning.
    pub first: u32,
    /// Seconds between two decisions.
    pub interval: u32,
}

/// One second of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// Requests that were worked on.
    pub in_flight: u32,
    /// Requests that waited for a permit.
    pub waiting: u32,
    /// Requests that had waited too long and were refused.
    pub refused: u32,
    /// Nodes that served.
    pub ready: u32,
    /// Nodes that were not ready yet.
    pub starting: u32,
    /// Nodes that were on their way out.
    pub leaving: u32,
}

/// What happened, and what was decided.
#[derive(Clone, Debug)]
pub struct Course {
    /// Every second.
    pub seconds: Vec<Second>,
    /// Every decision, those for nothing too.
    pub decisions: Vec<Decision>,
}

/// Replays a trace.
pub fn run(trace: &Trace, setting: &Setting) -> Course {
    let mut line = Line::new(setting);
    let mut arrivals = trace.arrivals.iter().copied().peekable();
    let mut course = Course {
        seconds: Vec::new(),
        decisions: Vec::new(),
    };
    for now in 0..trace.seconds {
        line.change_nodes(now);
        while let Some(arrival) = arrivals.next_if(|arrival| arrival.second <= now) {
            line.queue.push_back(arrival);
        }
        let second = line.work(now);
        line.demand += f64::from(second.in_flight + second.waiting);
        course.seconds.push(second);
        if (now + 1) % setting.interval == 0 {
            let at = trace.start + SignedDuration::from_secs(i64::from(now) + 1);
            course.decisions.push(line.tick(now, at));
        }
    }
    course
}

/// The line as it stands at one second.
struct Line<'a> {
    setting: &'a Setting,
    pool: Pool,
    /// Requests that wait, the oldest first.
    queue: VecDeque<Arrival>,
    in_flight: u32,
    /// How many requests end in a second.
    ends: BTreeMap<u32, u32>,
    /// How many nodes begin to serve in a second.
    joins: BTreeMap<u32, u32>,
    /// How many nodes stop to cost in a second.
    leaves: BTreeMap<u32, u32>,
    /// Requests in flight and waiting, summed since the last decision.
    demand: f64,
}

impl<'a> Line<'a> {
    fn new(setting: &'a Setting) -> Self {
        let pool = Pool {
            region: setting.region.clone(),
            ready: setting.first,
            starting: 0,
            leaving: 0,
            boot_seconds: setting.machine.boot_seconds,
            history: History::default(),
            changes: Vec::new(),
        };
        Self {
            setting,
            pool,
            queue: VecDeque::new(),
            in_flight: 0,
            ends: BTreeMap::new(),
            joins: BTreeMap::new(),
            leaves: BTreeMap::new(),
            demand: 0.0,
        }
    }

    fn change_nodes(&mut self, now: u32) {
        let joined = self.joins.remove(&now).unwrap_or(0);
        self.pool.starting -= joined;
        self.pool.ready += joined;
        self.pool.leaving -= self.leaves.remove(&now).unwrap_or(0);
        self.in_flight -= self.ends.remove(&now).unwrap_or(0);
    }

    /// Gives permits to those who wait, and refuses those who waited too long.
    fn work(&mut self, now: u32) -> Second {
        let permits = self.pool.ready * self.setting.machine.permits;
        let mut free = permits.saturating_sub(self.in_flight);
        let mut refused = 0;
        while let Some(oldest) = self.queue.front_mut() {
            if now - oldest.second > self.setting.machine.queue_seconds {
                refused += oldest.count;
            } else {
                let started = oldest.count.min(free);
                free -= started;
                self.in_flight += started;
                *self.ends.entry(now + oldest.hold).or_default() += started;
                oldest.count -= started;
                if oldest.count > 0 {
                    break;
                }
            }
            self.queue.pop_front();
        }
        Second {
            in_flight: self.in_flight,
            waiting: self.queue.iter().map(|arrival| arrival.count).sum(),
            refused,
            ready: self.pool.ready,
            starting: self.pool.starting,
            leaving: self.pool.leaving,
        }
    }

    /// What the loop does: a sample, a decision, a change.
    fn tick(&mut self, now: u32, at: Timestamp) -> Decision {
        let busy = self.demand / f64::from(self.setting.interval);
        self.demand = 0.0;
        self.pool.history.push(Sample {
            at,
            demand: busy / f64::from(self.setting.machine.permits),
            ready: self.pool.ready,
        });
        let decision = decide(Inputs {
            at,
            policy: self.setting.policy.clone(),
            pool: self.pool.clone(),
            limits: self.setting.limits.clone(),
            elsewhere: Elsewhere::default(),
        });
        self.apply(now, at, decision.change);
        decision
    }

    fn apply(&mut self, now: u32, at: Timestamp, change: i32) {
        let count = change.unsigned_abs();
        match change {
            0 => return,
            1.. => {
                self.pool.starting += count;
                *self
                    .joins
                    .entry(now + 1 + self.setting.machine.boot_seconds)
                    .or_default() += count;
            }
            _ => {
                let from_ready = self.leave_before_serving(count);
                self.pool.ready -= from_ready;
                self.pool.leaving += from_ready;
                let end = now + 1 + self.setting.machine.drain_seconds;
                *self.leaves.entry(end).or_default() += from_ready;
            }
        }
        self.pool.changes.push(Change { at, by: change });
        self.pool
            .changes
            .retain(|old| at.duration_since(old.at) < SignedDuration::from_hours(1));
    }

    /// Takes away nodes that do not serve yet, the youngest first; returns how many of those that serve must go.
    fn leave_before_serving(&mut self, count: u32) -> u32 {
        let mut left = count;
        for joining in self.joins.values_mut().rev() {
            let gone = left.min(*joining);
            *joining -= gone;
            self.pool.starting -= gone;
            left -= gone;
        }
        left
    }
}
