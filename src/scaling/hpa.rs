//! The rule of Kubernetes' horizontal pod autoscaler, for comparison.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::load::Sample;
use super::pool::Pool;
use super::wish::{Wish, ceiling, difference, percent};

/// `desired = ceil(current * metric / target)` with the autoscaler's defaults.
///
/// Kubernetes documentation, "Horizontal Pod Autoscaling": nothing within 10 %; nodes that are not ready count as idle
/// when it scales out; out by the larger of four and the double; in to the highest wish of the last five minutes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hpa {
    /// The load to hold.
    pub target: f64,
    /// How far from the target nothing happens, as a share of it.
    pub tolerance: f64,
    /// How long wishes are remembered before one for fewer nodes is granted.
    pub down_window_seconds: u32,
    /// A load sample older than this is not acted on.
    pub max_age_seconds: u32,
}

impl Default for Hpa {
    fn default() -> Self {
        Self {
            target: 0.725,
            tolerance: 0.1,
            down_window_seconds: 300,
            max_age_seconds: 180,
        }
    }
}

impl Hpa {
    pub(super) fn wish(&self, pool: &Pool, now: Timestamp) -> Wish {
        let max_age = SignedDuration::from_secs(self.max_age_seconds.into());
        let Some(sample) = pool.history.fresh(now, max_age) else {
            return Wish::blind("no load was seen lately".to_owned());
        };
        let provisioned = pool.provisioned();
        let raw = self.recommendation(sample, provisioned);
        let window = SignedDuration::from_secs(self.down_window_seconds.into());
        let safest = pool
            .history
            .since(now, window)
            .map(|old| self.recommendation(old, old.ready))
            .max()
            .unwrap_or(raw);
        let desired = if raw < provisioned {
            safest.min(provisioned)
        } else {
            raw.min((2 * provisioned).max(provisioned + 4))
        };
        let why = format!(
            "load {} of {} nodes, target {}: {raw} nodes",
            percent(sample.load()),
            sample.ready,
            percent(self.target)
        );
        Wish {
            change: difference(desired, provisioned),
            why_not_more: "at most the double or four more at once".to_owned(),
            why_not_less: format!(
                "the highest wish of the last {} s was {safest} nodes",
                self.down_window_seconds
            ),
            ..Wish::hold("hpa", why)
        }
    }

    /// What one sample asks for, among so many nodes; those that do not serve yet count as idle.
    fn recommendation(&self, sample: &Sample, provisioned: u32) -> u32 {
        let outside = |nodes: u32| {
            let ratio = sample.demand / (f64::from(nodes) * self.target);
            (ratio - 1.0).abs() > self.tolerance
        };
        let wanted = ceiling(sample.demand / self.target);
        if provisioned == 0 {
            return wanted;
        }
        let is_out = sample.load() > self.target;
        let counted = if is_out { provisioned } else { sample.ready };
        if !outside(sample.ready.max(1)) || !outside(counted) || (is_out && wanted < provisioned) {
            provisioned
        } else {
            wanted
        }
    }
}
