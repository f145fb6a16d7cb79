//! Keeps all Route 53 calls of a run under the account's limit.

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep_until};

/// Route 53 allows five requests a second for the whole account (Route 53 quotas, "Maximums on API requests").
const PERIOD: Duration = Duration::from_millis(200);
/// Calls that may be made at once after a rest.
const BURST: u32 = 5;

/// A token bucket as the time at which the next call would be on schedule (GCRA).
#[derive(Debug, Default)]
pub(super) struct Limiter {
    next: Mutex<Option<Instant>>,
    change: Mutex<()>,
}

impl Limiter {
    /// Waits for this caller's turn.
    pub(super) async fn turn(&self) {
        let mut next = self.next.lock().await;
        let (turn, after) = schedule(*next, Instant::now());
        *next = Some(after);
        drop(next);
        sleep_until(turn).await;
    }

    /// Waits until no other caller changes records: Route 53 refuses a change of a zone during another one.
    pub(super) async fn alone(&self) -> MutexGuard<'_, ()> {
        self.change.lock().await
    }
}

/// When a caller may go, and the schedule after it.
fn schedule(next: Option<Instant>, now: Instant) -> (Instant, Instant) {
    let due = next.unwrap_or(now).max(now);
    let turn = due
        .checked_sub(PERIOD * (BURST - 1))
        .unwrap_or(now)
        .max(now);
    (turn, due + PERIOD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_go_at_once_and_then_five_a_second() {
        let now = Instant::now();
        let mut next = None;
        let mut waits = Vec::new();
        for _ in 0..10 {
            let (turn, after) = schedule(next, now);
            waits.push((turn - now).as_millis());
            next = Some(after);
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 200, 400, 600, 800, 1000]);
    }
}
