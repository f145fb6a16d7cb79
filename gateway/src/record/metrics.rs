//! Counters, and their text form for Prometheus.

use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// How requests can end, as the label `class`.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "client_gone"];

/// What is counted.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: [AtomicU64; CLASSES.len()],
    in_flight: AtomicI64,
}

impl Metrics {
    /// A request began.
    pub fn began(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A request ended; without a status when the client left before one was known.
    pub fn ended(&self, status: Option<u16>) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let class = status.map_or(CLASSES.len() - 1, |status| {
            usize::from(status / 100).clamp(1, 5) - 1
        });
        self.requests[class].fetch_add(1, Ordering::Relaxed);
    }

    /// Requests that began and have not ended.
    pub fn in_flight(&self) -> i64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Prometheus' text form, with what the caller knows besides.
    pub fn text(&self, is_draining: bool, log_lines_dropped: u64) -> String {
        let mut text = String::from(
            "# HELP dsline_requests_total Requests that ended, by class of status.\n# TYPE dsline_requests_total counter\n",
        );
        for (class, count) in CLASSES.iter().zip(&self.requests) {
            let _ = writeln!(
                text,
                "dsline_requests_total{{class=\"{class}\"}} {}",
                count.load(Ordering::Relaxed)
            );
        }
        let singles: [(&str, &str, &str, String); 3] = [
            (
                "dsline_in_flight",
                "gauge",
                "Requests being answered now.",
                self.in_flight().to_string(),
            ),
            (
                "dsline_draining",
                "gauge",
                "1 while health checks are told to go elsewhere.",
                u8::from(is_draining).to_string(),
            ),
            (
                "dsline_log_lines_dropped_total",
                "counter",
                "Log lines lost because nobody read them.",
                log_lines_dropped.to_string(),
            ),
        ];
        for (name, kind, help, value) in singles {
            let _ = writeln!(
                text,
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_class() {
        let metrics = Metrics::default();
        for status in [Some(200), Some(204), Some(429), Some(502), None] {
            metrics.began();
            metrics.ended(status);
        }
        metrics.began();
        let text = metrics.text(true, 3);
        for line in [
            "dsline_requests_total{class=\"2xx\"} 2",
            "dsline_requests_total{class=\"4xx\"} 1",
            "dsline_requests_total{class=\"5xx\"} 1",
            "dsline_requests_total{class=\"client_gone\"} 1",
            "dsline_in_flight 1",
            "dsline_draining 1",
            "dsline_log_lines_dropped_total 3",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in:\n{text}"
            );
        }
    }
}
