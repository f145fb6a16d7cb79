//! The default policy: utilisation is held inside a band.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::load::Sample;
use super::pool::Pool;
use super::wish::{Wish, ceiling, difference, percent};

/// Target tracking with a band in place of a point.
///
/// Nothing happens inside the band. Outside, the fleet goes to the size that brings utilisation to the target, and the
/// same size is the answer from above and from below: so a constant load never makes it turn round. Nodes that
/// still start count as if they served. Out is quick and in is slow, each with a window and a pause of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Band {
    /// Below it the fleet is too large.
    pub lower: f64,
    /// Above it the fleet is too small.
    pub upper: f64,
    /// Where a change aims.
    pub target: f64,
    /// At or above it nothing is waited for.
    pub emergency: f64,
    /// Demand is averaged over this time before nodes are added.
    pub out_window_seconds: u32,
    /// Demand is averaged over this time, all of which must have been seen, before nodes are removed.
    pub in_window_seconds: u32,
    /// Pause after adding before adding again.
    pub out_pause_seconds: u32,
    /// Pause after any change before removing.
    pub in_pause_seconds: u32,
    /// How often in an hour it may turn round; then nothing is removed any more.
    pub turns_per_hour: u32,
    /// A load sample older than this is not acted on.
    pub max_age_seconds: u32,
}

impl Default for Band {
    fn default() -> Self {
        Self {
            lower: 0.65,
            upper: 0.80,
            target: 0.725,
            emergency: 0.95,
            out_window_seconds: 180,
            in_window_seconds: 300,
            out_pause_seconds: 120,
            in_pause_seconds: 300,
            turns_per_hour: 6,
            max_age_seconds: 180,
        }
    }
}

impl Band {
    pub(super) fn wish(&self, pool: &Pool, now: Timestamp) -> Wish {
        let Some(latest) = pool.history.fresh(now, seconds(self.max_age_seconds)) else {
            return Wish::blind("no load was seen lately".to_owned());
        };
        let look = Look::new(self, pool, latest, now);
        let mut wish = self.judge(pool, &look, now);
        if let Some(note) = self.note_of_small_fleet(look.provisioned) {
            wish.why.push_str(&note);
        }
        wish
    }

    fn judge(&self, pool: &Pool, look: &Look, now: Timestamp) -> Wish {
        let emergency = self.best(look.latest);
        if look.share(look.latest) >= self.emergency && emergency > look.provisioned {
            return self.out("emergency", look, look.latest, emergency);
        }
        let wanted = self.best(look.expected);
        if look.share(look.expected) > self.upper && wanted > look.provisioned {
            return match Self::pause(pool, now, self.out_pause_seconds, |by| by > 0) {
                Some(pause) => self.waits("out pause", look, look.expected, &pause),
                None => self.out("above the band", look, look.expected, wanted),
            };
        }
        let wanted = self.best(look.calm).max(1);
        if look.share(look.calm) < self.lower && wanted < look.provisioned {
            return match self.obstacle_to_in(pool, look, now) {
                Some((rule, obstacle)) => self.waits(rule, look, look.calm, &obstacle),
                None => self.inward(look, wanted),
            };
        }
        let share = look.share(look.expected);
        let place = if share > self.upper {
            "above the band, but a larger fleet would be further from the target"
        } else if share < self.lower {
            "below the band, but a smaller fleet would leave it at the other end"
        } else {
            "in the band"
        };
        Wish {
            why_not_more: self.what_if(look.expected, look.provisioned + 1),
            why_not_less: self.what_if(look.calm, look.provisioned.saturating_sub(1)),
            ..Wish::hold("hold", format!("{} is {place}", look.told(look.expected)))
        }
    }

    /// The fleet for a demand: the smallest that is not above the target, or, where that is below the band already,
    /// the one nearest to the target that stays below the upper edge.
    fn best(&self, demand: f64) -> u32 {
        let roomy = ceiling(demand / self.target - 1e-9);
        if demand >= self.lower * f64::from(roomy) {
            return roomy;
        }
        let least = ceiling(demand / self.upper - 1e-9);
        let distance = |nodes: u32| (demand / f64::from(nodes) - self.target).abs();
        let mut best = least;
        while best > 0 && distance(best + 1) < distance(best) {
            best += 1;
        }
        best
    }

    fn out(&self, rule: &'static str, look: &Look, demand: f64, wanted: u32) -> Wish {
        Wish {
            change: difference(wanted, look.provisioned),
            why_not_more: self.what_if(demand, wanted + 1),
            why_not_less: self.what_if(demand, wanted - 1),
            ..Wish::hold(rule, format!("{}: {wanted} nodes", look.told(demand)))
        }
    }

    fn inward(&self, look: &Look, wanted: u32) -> Wish {
        // Half at a time: the cache of a node that leaves is lost, and its users come all at once.
        let floor = look.provisioned - (look.provisioned / 2).max(1);
        let next = wanted.max(floor);
        Wish {
            change: difference(next, look.provisioned),
            why_not_more: format!("{} is below the band", look.told(look.calm)),
            why_not_less: if next > wanted {
                format!("at most half at a time; {wanted} would be enough")
            } else {
                self.what_if(look.calm, wanted - 1)
            },
            ..Wish::hold(
                "below the band",
                format!("{}: {wanted} nodes", look.told(look.calm)),
            )
        }
    }

    fn waits(&self, rule: &'static str, look: &Look, demand: f64, why: &str) -> Wish {
        Wish {
            why_not_more: self.what_if(look.expected, look.provisioned + 1),
            why_not_less: self.what_if(look.calm, look.provisioned.saturating_sub(1)),
            ..Wish::hold(rule, format!("{}, but {why}", look.told(demand)))
        }
    }

    fn obstacle_to_in(
        &self,
        pool: &Pool,
        look: &Look,
        now: Timestamp,
    ) -> Option<(&'static str, String)> {
        if !pool.history.covers(now, seconds(self.in_window_seconds)) {
            let why = format!(
                "it has not been watched for {} s yet",
                self.in_window_seconds
            );
            return Some(("in window", why));
        }
        if pool.starting > 0 || pool.leaving > 0 {
            let why = "an earlier change is still under way".to_owned();
            return Some(("under way", why));
        }
        if let Some(pause) = Self::pause(pool, now, self.in_pause_seconds, |_| true) {
            return Some(("in pause", pause));
        }
        let turns = pool.turns(now, SignedDuration::from_hours(1));
        let would_turn = pool.changes.last().is_some_and(|change| change.by > 0);
        if would_turn && turns >= self.turns_per_hour {
            let why = format!("it turned round {turns} times in the last hour");
            return Some(("turns spent", why));
        }
        (look.share(look.latest) > self.upper).then(|| {
            let why = format!("the last sample was {}", percent(look.share(look.latest)));
            ("last sample", why)
        })
    }

    /// What is left of a pause, in words.
    fn pause(
        pool: &Pool,
        now: Timestamp,
        length: u32,
        is_meant: impl Fn(i32) -> bool,
    ) -> Option<String> {
        let passed = pool.since_change(now, |change| is_meant(change.by))?;
        let left = seconds(length) - passed;
        left.is_positive().then(|| {
            format!(
                "the last change was {} s ago and {length} s must pass",
                passed.as_secs()
            )
        })
    }

    fn what_if(&self, demand: f64, nodes: u32) -> String {
        if nodes == 0 {
            return "a region without a node serves nobody".to_owned();
        }
        let share = demand / f64::from(nodes);
        let place = if share > self.upper {
            "above"
        } else if share < self.lower {
            "below"
        } else {
            "inside"
        };
        format!("{nodes} would be at {}, {place} the band", percent(share))
    }

    /// A fleet is too small for the band when one node fewer jumps over it.
    fn note_of_small_fleet(&self, nodes: u32) -> Option<String> {
        let jump = f64::from(nodes) / f64::from(nodes.saturating_sub(1).max(1));
        (nodes < 2 || self.lower * jump > self.upper).then(|| {
            format!(
                " (a fleet of {nodes} cannot be held between {} and {}: one node is too large a part of it)",
                percent(self.lower),
                percent(self.upper)
            )
        })
    }
}

/// Demand as the rule looks at it, in nodes' worth.
struct Look {
    provisioned: u32,
    /// The last sample.
    latest: f64,
    /// The mean of the window before adding, carried on along a clear rise until a new node could serve.
    expected: f64,
    /// The larger of both windows' means: what must fit after nodes are removed.
    calm: f64,
}

impl Look {
    fn new(band: &Band, pool: &Pool, latest: &Sample, now: Timestamp) -> Self {
        let mean = |window: u32| {
            let mean = pool.history.mean(now, seconds(window));
            mean.unwrap_or(latest.demand)
        };
        let quick = mean(band.out_window_seconds);
        let slow = mean(band.in_window_seconds);
        let rise = pool
            .history
            .trend(now, seconds(band.in_window_seconds))
            // A rise that noise could make is none, nor is one that was not watched for long.
            .filter(|_| pool.history.covers(now, seconds(band.in_window_seconds)))
            .filter(|trend| trend * f64::from(band.in_window_seconds) > 0.3 * quick)
            .map_or(0.0, |trend| {
                // From the middle of the window to when a node launched now would serve.
                let ahead = f64::from(pool.boot_seconds) + f64::from(band.in_window_seconds) / 2.0;
                slow + trend * ahead
            });
        Self {
            provisioned: pool.provisioned(),
            latest: latest.demand,
            expected: quick.max(rise.min(2.0 * quick)),
            calm: slow.max(quick),
        }
    }

    fn share(&self, demand: f64) -> f64 {
        match self.provisioned {
            0 if demand > 0.0 => f64::INFINITY,
            0 => 0.0,
            nodes => demand / f64::from(nodes),
        }
    }

    fn told(&self, demand: f64) -> String {
        format!(
            "{demand:.1} nodes' worth of work on {} nodes, {}",
            self.provisioned,
            percent(self.share(demand))
        )
    }
}

fn seconds(count: u32) -> SignedDuration {
    SignedDuration::from_secs(count.into())
}
