//! Keeps all Route 53 calls of a run under the account's limit.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Route 53 allows five requests a second for the whole account (Route 53 quotas, "Maximums on API requests").
const PERIOD: Duration = Duration::from_millis(200);
/// Calls that may be made at once after a rest.
const BURST: u32 = 5;

/// A token bucket as the time at which the next call would be on schedule (GCRA).
#[derive(Debug, Default)]
pub(super) struct Limiter {
    next: Mutex<Option<Instant>>,
}

impl Limiter {
    /// Waits for this caller's turn.
    pub(super) async fn turn(&self) {
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let due = next.unwrap_or(now).max(now);
        *next = Some(due + PERIOD);
        drop(next);
        if let Some(at) = due.checked_sub(PERIOD * (BURST - 1)) {
            sleep_until(at).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn five_go_at_once_and_then_five_a_second() {
        let limiter = Limiter::default();
        let begun = Instant::now();
        for _ in 0..5 {
            limiter.turn().await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        for _ in 0..5 {
            limiter.turn().await;
        }
        assert_eq!(begun.elapsed().as_millis(), 1000);
    }
}
