//! How many retries all requests together may cause: a share of them, and a floor.

use std::time::Instant;

/// The most that can be saved up, so that a long calm does not pay for a storm.
const SAVED: f64 = 50.0;

/// A purse of retries.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    share: f64,
    floor_per_second: f64,
    purse: f64,
    at: Instant,
}

impl Budget {
    /// A share of requests in percent, and retries a second that are always there.
    pub(super) fn new(percent: u32, floor_per_second: u32, now: Instant) -> Self {
        Self {
            share: f64::from(percent) / 100.0,
            floor_per_second: f64::from(floor_per_second),
            purse: f64::from(floor_per_second) * 2.0,
            at: now,
        }
    }

    /// A request came.
    pub(super) fn deposit(&mut self, now: Instant) {
        self.catch_up(now);
        self.purse = (self.purse + self.share).min(SAVED);
    }

    /// Whether one more retry may be made; if so, it is taken.
    pub(super) fn withdraw(&mut self, now: Instant) -> bool {
        self.catch_up(now);
        let is_there = self.purse >= 1.0;
        if is_there {
            self.purse -= 1.0;
        }
        is_there
    }

    fn catch_up(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        // The floor fills two seconds' worth only: it is a trickle, no savings.
        let room = (self.floor_per_second * 2.0 - self.purse).max(0.0);
        self.purse += (passed * self.floor_per_second).min(room);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_storm_of_failures_retries_a_fifth_and_the_floor() {
        let start = Instant::now();
        let mut budget = Budget::new(20, 2, start);
        let mut retries = 0_u32;
        for request in 0..1000_u64 {
            let now = start + Duration::from_millis(request * 10);
            budget.deposit(now);
            retries += u32::from(budget.withdraw(now)) + u32::from(budget.withdraw(now));
        }
        assert!(
            (200..=225).contains(&retries),
            "{retries} retries in ten seconds"
        );
    }

    #[test]
    fn a_quiet_line_may_retry_and_a_calm_saves_little() {
        let start = Instant::now();
        let mut budget = Budget::new(20, 2, start);
        assert!(budget.withdraw(start));
        let later = start + Duration::from_hours(1);
        let taken = (0..1000).filter(|_| budget.withdraw(later)).count();
        assert_eq!(taken, 4);
    }
}
