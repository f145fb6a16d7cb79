//! The two-threshold rule that lines began with.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::pool::Pool;
use super::wish::{Wish, percent};

/// `schedule_resources` as a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Threshold {
    /// A load sample older than this is not acted on.
    pub max_age_seconds: u32,
}

impl Default for Threshold {
    fn default() -> Self {
        Self {
            max_age_seconds: 180,
        }
    }
}

/// Nodes to add (or remove, below zero) at a load between 0 and 1, with so many free instances left.
///
/// Nothing happens between 0.3 and 0.8, and five nodes may join at once: it does not hold a utilisation.
pub fn schedule_resources(current_load: f64, free_instances: u32) -> i32 {
    if current_load > 0.8 {
        i32::try_from(free_instances.min(5)).expect("at most five")
    } else if current_load < 0.3 && free_instances > 2 {
        -1
    } else {
        0
    }
}

impl Threshold {
    pub(super) fn wish(&self, pool: &Pool, free_instances: u32, now: Timestamp) -> Wish {
        let max_age = SignedDuration::from_secs(self.max_age_seconds.into());
        let Some(sample) = pool.history.fresh(now, max_age) else {
            return Wish::blind("no load was seen lately".to_owned());
        };
        let load = sample.load();
        let change = schedule_resources(load, free_instances);
        let free = format!("{free_instances} free instances are left");
        let told = percent(load);
        Wish {
            change,
            rule: "threshold",
            why: match change {
                1.. => format!("load {told} is above 80 %"),
                0 if load > 0.8 => format!("load {told} is above 80 %, and {free}"),
                0 if load < 0.3 => format!("load {told} is below 30 %, but {free}"),
                0 => format!("load {told} is between 30 and 80 %"),
                _ => format!("load {told} is below 30 %, and {free}"),
            },
            why_not_more: if change > 0 {
                format!("at most five at once, and {free}")
            } else {
                "only a load above 80 % adds nodes".to_owned()
            },
            why_not_less: if change < 0 {
                "one at a time".to_owned()
            } else {
                "only a load below 30 % with more than two free instances removes one".to_owned()
            },
            is_blind: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_gives_the_numbers_of_its_table() {
        let table = [
            (0.81, 0, 0),
            (0.81, 1, 1),
            (0.81, 4, 4),
            (0.81, 5, 5),
            (0.81, 6, 5),
            (0.81, 100, 5),
            (1.0, 3, 3),
            (7.5, 9, 5),
            (f64::INFINITY, 2, 2),
            (0.8, 5, 0),
            (0.79, 5, 0),
            (0.5, 5, 0),
            (0.3, 5, 0),
            (0.29, 5, -1),
            (0.29, 3, -1),
            (0.29, 2, 0),
            (0.29, 0, 0),
            (0.0, 3, -1),
            (0.0, 2, 0),
        ];
        for (load, free, wanted) in table {
            assert_eq!(schedule_resources(load, free), wanted, "{load} {free}");
        }
    }
}
