//! A region's load as the loop has seen it, oldest first.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// One look at a region's load.
///
/// Demand is counted in nodes, so that samples from before and after a change of the fleet can be averaged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When it was taken; it stands for the time since the sample before.
    pub at: Timestamp,
    /// Work in nodes' worth: what is in flight or waits, over what one node is permitted at once.
    pub demand: f64,
    /// Nodes that shared it.
    pub ready: u32,
}

impl Sample {
    /// Demand over capacity; above 1, requests wait. Without a node any demand is endless.
    pub fn load(&self) -> f64 {
        match (self.ready, self.demand > 0.0) {
            (0, true) => f64::INFINITY,
            (0, false) => 0.0,
            (ready, _) => self.demand / f64::from(ready),
        }
    }
}

/// Samples of one region, oldest first; a look that failed leaves none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(Vec<Sample>);

impl History {
    /// How long samples are kept: what the slowest policy looks back on, with room to spare.
    const KEPT: SignedDuration = SignedDuration::from_mins(15);

    /// Adds a sample and forgets what nobody looks back on. One that is not a number, or not newer, is not taken.
    pub fn push(&mut self, sample: Sample) {
        let is_newer = self.latest().is_none_or(|latest| latest.at < sample.at);
        if sample.demand.is_finite() && sample.demand >= 0.0 && is_newer {
            // Four digits: a decision that is made again from its record must not differ by the last bit of a number.
            let demand = (sample.demand * 1e4).round() / 1e4;
            self.0.push(Sample { demand, ..sample });
            self.0
                .retain(|old| sample.at.duration_since(old.at) <= Self::KEPT);
        }
    }

    /// The newest sample.
    pub fn latest(&self) -> Option<&Sample> {
        self.0.last()
    }

    /// The newest sample, if it is young enough to act on; a sample from the future is not.
    pub fn fresh(&self, now: Timestamp, max_age: SignedDuration) -> Option<&Sample> {
        self.latest().filter(|sample| {
            let age = now.duration_since(sample.at);
            !age.is_negative() && age <= max_age
        })
    }

    /// The samples of the last `window` before `now`.
    pub fn since(
        &self,
        now: Timestamp,
        window: SignedDuration,
    ) -> impl DoubleEndedIterator<Item = &Sample> {
        self.0
            .iter()
            .filter(move |sample| now.duration_since(sample.at) < window)
    }

    /// Mean demand over a window; `None` without a sample in it.
    pub fn mean(&self, now: Timestamp, window: SignedDuration) -> Option<f64> {
        let (sum, count) = self
            .since(now, window)
            .fold((0.0, 0_u32), |(sum, count), sample| {
                (sum + sample.demand, count + 1)
            });
        (count > 0).then(|| sum / f64::from(count))
    }

    /// Whether the samples reach back over a whole window.
    pub fn covers(&self, now: Timestamp, window: SignedDuration) -> bool {
        self.0
            .first()
            .is_some_and(|oldest| now.duration_since(oldest.at) >= window)
    }

    /// Demand's growth in nodes a second over a window, where a straight line explains most of its ups and downs.
    pub fn trend(&self, now: Timestamp, window: SignedDuration) -> Option<f64> {
        let points: Vec<(f64, f64)> = self
            .since(now, window)
            .map(|sample| (-now.duration_since(sample.at).as_secs_f64(), sample.demand))
            .collect();
        if points.len() < 4 {
            return None;
        }
        let count = f64::from(u32::try_from(points.len()).ok()?);
        let (mean_x, mean_y) = points.iter().fold((0.0, 0.0), |(x, y), point| {
            (x + point.0 / count, y + point.1 / count)
        });
        let sum = |product: &dyn Fn(f64, f64) -> f64| -> f64 {
            points
                .iter()
                .map(|(x, y)| product(x - mean_x, y - mean_y))
                .sum()
        };
        let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
        let is_explained = yy > 0.0 && xx > 0.0 && xy * xy / (xx * yy) >= 0.8;
        is_explained.then(|| xy / xx)
    }
}
