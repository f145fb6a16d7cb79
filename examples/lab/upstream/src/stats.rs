//! What happened since the start.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use serde_json::{Map, Value, json};

/// Statuses that can occur.
const STATUSES: usize = 600;

/// The counters.
pub struct Stats {
    requests: AtomicU64,
    streams: AtomicU64,
    in_flight: AtomicI64,
    cancelled: AtomicU64,
    by_status: [AtomicU64; STATUSES],
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            requests: AtomicU64::new(0),
            streams: AtomicU64::new(0),
            in_flight: AtomicI64::new(0),
            cancelled: AtomicU64::new(0),
            by_status: [const { AtomicU64::new(0) }; STATUSES],
        }
    }
}

/// One request while it is worked on; dropped before it is finished, it counts as cancelled.
pub struct Visit {
    stats: Arc<Stats>,
    is_finished: bool,
}

impl Stats {
    /// A request came.
    pub fn enter(self: &Arc<Self>) -> Visit {
        self.in_flight.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        Visit {
            stats: Arc::clone(self),
            is_finished: false,
        }
    }

    /// How many are being worked on.
    pub fn in_flight(&self) -> i64 {
        self.in_flight.load(Relaxed)
    }

    /// All counters.
    pub fn report(&self) -> Value {
        let by_status: Map<_, _> = self
            .by_status
            .iter()
            .enumerate()
            .map(|(status, count)| (status, count.load(Relaxed)))
            .filter(|(_, count)| *count > 0)
            .map(|(status, count)| (status.to_string(), count.into()))
            .collect();
        json!({
            "requests": self.requests.load(Relaxed),
            "streams": self.streams.load(Relaxed),
            "in_flight": self.in_flight(),
            "cancelled": self.cancelled.load(Relaxed),
            "by_status": by_status,
        })
    }
}

impl Visit {
    /// The answer begins with this status.
    pub fn answers(&self, status: u16) {
        self.stats.by_status[usize::from(status).min(STATUSES - 1)].fetch_add(1, Relaxed);
    }

    /// The answer is a stream.
    pub fn streams(&self) {
        self.stats.streams.fetch_add(1, Relaxed);
    }

    /// The answer is out, or was broken off on purpose.
    pub fn finish(&mut self) {
        self.is_finished = true;
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.stats.in_flight.fetch_sub(1, Relaxed);
        if !self.is_finished {
            self.stats.cancelled.fetch_add(1, Relaxed);
        }
    }
}
