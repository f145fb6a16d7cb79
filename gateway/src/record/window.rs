//! Quantiles of the last minute, from counters that are added to without a lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// How many seconds one slice gathers; the window is as many slices as are read.
const SLICE_SECONDS: u64 = 10;

/// Slices that are read together: what happened longer ago than this is forgotten.
const READ: u64 = 6;

/// One more than is read, so that the slice being emptied is never one being read.
const SLICES: usize = 8;

/// Buckets for each doubling: a quantile is at most 1/16 too high.
const STEPS: u64 = 16;

/// Microseconds up to 2^31 (36 minutes) have a bucket of their own.
const BUCKETS: usize = 29 * 16;

struct Slice {
    /// Which ten seconds since the start it holds, plus one; 0 is none yet.
    turn: AtomicU64,
    counts: [AtomicU32; BUCKETS],
}

/// Durations of the last minute.
pub(super) struct Window(Box<[Slice; SLICES]>);

impl Default for Window {
    fn default() -> Self {
        let slice = || Slice {
            turn: AtomicU64::new(0),
            counts: [const { AtomicU32::new(0) }; BUCKETS],
        };
        Self(Box::new(std::array::from_fn(|_| slice())))
    }
}

impl Window {
    /// Adds a duration that was measured so many seconds after the start.
    pub(super) fn add(&self, second: u64, micros: u64) {
        let turn = second / SLICE_SECONDS + 1;
        let slice = &self.0[place(turn)];
        let found = slice.turn.load(Ordering::Relaxed);
        // Whoever comes first in a new slice empties it; the few that come while that lasts may be lost.
        if found < turn
            && slice
                .turn
                .compare_exchange(found, turn, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        {
            for count in &slice.counts {
                count.store(0, Ordering::Relaxed);
            }
        }
        slice.counts[bucket(micros)].fetch_add(1, Ordering::Relaxed);
    }

    /// The quantiles, in seconds, of the minute before this second; `None` if nothing happened in it.
    pub(super) fn quantiles<const N: usize>(
        &self,
        second: u64,
        wanted: [f64; N],
    ) -> Option<[f64; N]> {
        let now = second / SLICE_SECONDS + 1;
        let mut sums = vec![0_u64; BUCKETS];
        for turn in now.saturating_sub(READ)..=now {
            let slice = &self.0[place(turn)];
            if turn == 0 || slice.turn.load(Ordering::Acquire) != turn {
                continue;
            }
            for (sum, count) in sums.iter_mut().zip(&slice.counts) {
                *sum += u64::from(count.load(Ordering::Relaxed));
            }
        }
        let total: u64 = sums.iter().sum();
        (total > 0).then(|| wanted.map(|share| quantile(&sums, total, share)))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a remainder of eight fits any integer"
)]
fn place(turn: u64) -> usize {
    (turn % SLICES as u64) as usize
}

/// Sixteen linear steps in each doubling, the first sixteen microseconds one by one.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the index is below the number of buckets"
)]
fn bucket(micros: u64) -> usize {
    if micros < STEPS {
        return micros as usize;
    }
    let doubling = u64::from(micros.ilog2()) - 4;
    let step = (micros >> doubling) - STEPS;
    (((doubling + 1) * STEPS + step) as usize).min(BUCKETS - 1)
}

/// The upper end of a bucket, in microseconds.
fn upper_end(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket + 1;
    }
    let (doubling, step) = (bucket / STEPS - 1, bucket % STEPS);
    (STEPS + step + 1) << doubling
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of one minute and microseconds of one request are far below 2^52"
)]
fn quantile(sums: &[u64], total: u64, share: f64) -> f64 {
    let rank = ((total as f64 * share).ceil() as u64).clamp(1, total);
    let mut seen = 0;
    let reaches = |count: &u64| {
        seen += count;
        seen >= rank
    };
    let bucket = sums.iter().position(reaches).unwrap_or(BUCKETS - 1);
    upper_end(bucket) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_at_most_a_sixteenth_too_high() {
        let window = Window::default();
        for micros in 1..=1_000_u64 {
            window.add(3, micros * 1_000);
        }
        let [p50, p90, p99] = window.quantiles(3, [0.5, 0.9, 0.99]).unwrap();
        for (found, right) in [(p50, 0.5), (p90, 0.9), (p99, 0.99)] {
            assert!(
                found >= right && found <= right * 1.07,
                "{found} for {right}"
            );
        }
    }

    #[test]
    fn what_is_over_a_minute_old_is_forgotten() {
        let window = Window::default();
        for _ in 0..100 {
            window.add(5, 9_000_000);
        }
        assert!(window.quantiles(50, [0.99]).unwrap()[0] >= 9.0);
        window.add(69, 1_000);
        assert!(window.quantiles(69, [0.99]).unwrap()[0] >= 9.0);
        assert!(window.quantiles(75, [0.99]).unwrap()[0] < 0.01);
        assert_eq!(window.quantiles(200, [0.99]), None);
        // The same slot, one round later, begins empty.
        window.add(85, 1_000);
        assert!(window.quantiles(85, [0.99]).unwrap()[0] < 0.01);
    }

    #[test]
    fn every_duration_has_a_bucket_that_holds_it() {
        for micros in (0..40)
            .map(|power| 1_u64 << power)
            .flat_map(|at| [at - 1, at, at + 1])
        {
            let bucket = bucket(micros);
            assert!(
                micros < upper_end(bucket) || bucket == BUCKETS - 1,
                "{micros} in {bucket}"
            );
        }
        assert!(upper_end(BUCKETS - 1) >= 1_800_000_000);
    }
}
