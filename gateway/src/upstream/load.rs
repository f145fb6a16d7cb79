//! How busy an upstream looks: the peak-sensitive moving average of its latency, and the score made of it.

use std::time::{Duration, Instant};

/// After this long an old latency weighs a third.
const DECAY: Duration = Duration::from_secs(10);

/// Below this, differences are noise, and nobody is preferred for them.
const FLOOR_MS: f64 = 1.0;

/// A recovered upstream begins with this part of its share.
const FIRST_SHARE: f64 = 0.1;

/// Milliseconds until the first byte: rises at once, falls slowly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Latency {
    ms: f64,
    at: Instant,
}

impl Latency {
    /// Nothing seen yet.
    pub(super) fn new(now: Instant) -> Self {
        Self { ms: 0.0, at: now }
    }

    /// Takes a measured latency in.
    pub(super) fn observe(&mut self, seen: Duration, now: Instant) {
        let seen = seen.as_secs_f64() * 1000.0;
        let old = self.ms;
        self.ms = if seen > old {
            seen
        } else {
            seen + (old - seen) * self.left(now)
        };
        self.at = self.at.max(now);
    }

    /// Milliseconds now: unasked, it fades, so that a slow one is tried again some day.
    pub(super) fn ms(&self, now: Instant) -> f64 {
        self.ms * self.left(now)
    }

    fn left(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (-passed / DECAY.as_secs_f64()).exp()
    }
}

/// What of its share an upstream gets, so long after it recovered.
pub(super) fn share(since_recovery: Option<Duration>, slow_start: Duration) -> f64 {
    since_recovery.map_or(1.0, |since| {
        let part = since.as_secs_f64() / slow_start.as_secs_f64().max(0.001);
        part.clamp(FIRST_SHARE, 1.0)
    })
}

/// The smaller, the sooner asked.
pub(super) fn score(latency_ms: f64, pending: u32, weight: f64) -> f64 {
    latency_ms.max(FLOOR_MS) * (f64::from(pending) + 1.0) / weight
}

/// The place of the better of two drawn at random; of two or fewer, the better. Rolls are in 0..1.
pub(super) fn pick(scores: &[f64], rolls: (f64, f64)) -> Option<usize> {
    let count = scores.len();
    let (first, second) = match count {
        0 => return None,
        1 => (0, 0),
        _ => {
            let first = place(rolls.0, count);
            (first, (first + 1 + place(rolls.1, count - 1)) % count)
        }
    };
    Some(if scores[second] < scores[first] {
        second
    } else {
        first
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a roll in 0..1 times a count of at most sixteen"
)]
fn place(roll: f64, count: usize) -> usize {
    ((roll * count as f64) as usize).min(count - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_peak_is_believed_at_once_and_forgotten_slowly() {
        let start = Instant::now();
        let mut latency = Latency::new(start);
        latency.observe(Duration::from_millis(100), start);
        latency.observe(Duration::from_millis(900), start);
        assert!((latency.ms(start) - 900.0).abs() < 1.0);
        let later = start + Duration::from_secs(10);
        latency.observe(Duration::from_millis(100), later);
        assert!((350.0..450.0).contains(&latency.ms(later)));
        assert!(latency.ms(later + Duration::from_mins(5)) < 1.0);
    }

    #[test]
    fn a_recovered_one_starts_slowly() {
        let ramp = Duration::from_secs(30);
        assert!((share(None, ramp) - 1.0).abs() < 1e-9);
        assert!((share(Some(Duration::ZERO), ramp) - 0.1).abs() < 1e-9);
        assert!((share(Some(Duration::from_secs(15)), ramp) - 0.5).abs() < 1e-9);
        assert!((share(Some(Duration::from_mins(2)), ramp) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_slower_the_busier_the_lighter_waits() {
        assert!(score(10.0, 0, 1.0) < score(20.0, 0, 1.0));
        assert!(score(10.0, 0, 1.0) < score(10.0, 1, 1.0));
        assert!(score(10.0, 0, 2.0) < score(10.0, 0, 1.0));
    }

    proptest! {
        #[test]
        fn two_different_are_drawn_and_the_better_wins(
            scores in proptest::collection::vec(0.0_f64..100.0, 1..16), a in 0.0_f64..1.0, b in 0.0_f64..1.0,
        ) {
            let picked = pick(&scores, (a, b)).unwrap();
            let worst = scores.iter().copied().fold(f64::MIN, f64::max);
            // With two different draws the single worst can only win alone.
            let is_unique = scores.iter().filter(|score| (**score - worst).abs() < f64::EPSILON).count() == 1;
            prop_assert!(scores.len() == 1 || !is_unique || scores[picked] < worst);
        }
    }
}
