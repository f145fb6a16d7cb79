//! Everything that is counted, under the names that dashboards and alerts know.

use std::time::{Duration, Instant};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::facts::{Facts, Usage, Verdict};
use super::families::Families;
use super::scene::Scene;
use super::window::Window;

/// The quantiles that are shown.
const QUANTILES: [(f64, &str); 3] = [(0.5, "0.5"), (0.9, "0.9"), (0.99, "0.99")];

/// What is counted in this process.
pub struct Metrics {
    registry: Registry,
    families: Families,
    /// Time to the first byte of an answer.
    first_bytes: Window,
    started: Instant,
}

/// The times of one request that came to an end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) first_byte: Option<Duration>,
    pub(super) first_token: Option<Duration>,
    pub(super) total: Duration,
    /// Of the time before the first byte, what was spent waiting for an upstream.
    pub(super) waited: Duration,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let families = Families::registered_in(&mut registry);
        Self {
            registry,
            families,
            first_bytes: Window::default(),
            started: Instant::now(),
        }
    }
}

impl Metrics {
    /// A request began.
    pub fn began(&self) {
        self.families.in_flight.inc();
    }

    /// A request ended; without a status when the client left before one was known.
    pub fn ended(&self, status: Option<u16>) {
        self.families.in_flight.dec();
        self.families.class(status).inc();
    }

    /// Requests that began and have not ended.
    pub fn in_flight(&self) -> i64 {
        self.families.in_flight.get()
    }

    /// A stream of events began to flow to a client.
    pub(super) fn stream_opened(&self) {
        self.families.streams.inc();
    }

    /// It ended, however it did.
    pub(super) fn stream_closed(&self) {
        self.families.streams.dec();
    }

    /// Where an answer came from, and the tokens that did not have to be made again.
    pub(super) fn came_from(&self, verdict: Verdict, usage: Option<Usage>) {
        self.families.verdict(verdict).inc();
        if let Some(saved) = self.families.saved(verdict) {
            saved.requests.inc();
            let usage = usage.unwrap_or_default();
            saved.tokens.inc_by(usage.prompt + usage.completion);
        }
    }

    /// How long a request took, and what it used.
    pub(super) fn took(&self, facts: &Facts, times: Times) {
        let families = &self.families;
        if let Some(first_byte) = times.first_byte {
            let micros = u64::try_from(first_byte.as_micros()).unwrap_or(u64::MAX);
            self.first_bytes.add(self.second(), micros);
            families
                .overhead
                .observe(first_byte.saturating_sub(times.waited).as_secs_f64());
        }
        families.total.observe(times.total.as_secs_f64());
        if let Some(model) = &facts.model {
            // Tokens of a stored answer were asked for once, and counted then.
            let is_fresh = !facts.verdict.is_some_and(Verdict::is_saving);
            families.gen_ai(model, times, facts.usage.filter(|_| is_fresh));
        }
    }

    /// A limit said no; `kind` names whose limit it was.
    pub fn refused(&self, kind: &'static str) {
        self.families.refused.get_or_create(&[("kind", kind)]).inc();
    }

    /// An upstream was tried, with this outcome.
    pub fn tried(&self, upstream: &str, outcome: &'static str) {
        let labels = [
            ("upstream", upstream.to_owned()),
            ("outcome", outcome.into()),
        ];
        self.families.attempts.get_or_create(&labels).inc();
    }

    /// A request went on to another upstream.
    pub fn failed_over(&self) {
        self.families.failovers.inc();
    }

    /// A breaker opened.
    pub fn tripped(&self, upstream: &str) {
        let labels = [("upstream", upstream.to_owned())];
        self.families.trips.get_or_create(&labels).inc();
    }

    /// Somebody was not let in, and why.
    pub fn denied(&self, reason: &'static str) {
        self.families
            .denied
            .get_or_create(&[("reason", reason)])
            .inc();
    }

    /// Streams that flow to clients now.
    pub fn streams_open(&self) -> i64 {
        self.families.streams.get()
    }

    /// Hits and misses since the start, for the status line.
    pub fn count_of(&self, verdict: Verdict) -> u64 {
        self.families.verdict(verdict).get()
    }

    /// Time to the first byte in the last minute: median, 90 % and 99 %, in seconds.
    pub fn response_times(&self) -> Option<[f64; 3]> {
        self.first_bytes
            .quantiles(self.second(), QUANTILES.map(|(share, _)| share))
    }

    /// The text form for Prometheus, with what only the caller can see.
    pub fn text(&self, scene: &Scene) -> String {
        // Without requests in the last minute there is no time to speak of: NaN is over no limit, and so an alert ends.
        let times = self.response_times().unwrap_or([f64::NAN; 3]);
        for ((_, label), time) in QUANTILES.iter().zip(times) {
            self.families
                .response_time
                .get_or_create(&[("quantile", *label)])
                .set(time);
        }
        self.families.show(scene);
        let mut text = String::with_capacity(16 * 1024);
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }

    fn second(&self) -> u64 {
        self.started.elapsed().as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_lines(text: &str, lines: &[&str]) {
        for line in lines {
            assert!(
                text.lines().any(|found| found == *line),
                "{line} is not in:\n{text}"
            );
        }
    }

    #[test]
    fn requests_are_counted_by_class() {
        let metrics = Metrics::default();
        for status in [Some(200), Some(204), Some(429), Some(502), None] {
            metrics.began();
            metrics.ended(status);
        }
        metrics.began();
        let scene = Scene {
            is_draining: true,
            log_lines_dropped: 3,
            ..Scene::default()
        };
        let lines = [
            "dsline_requests_total{class=\"2xx\"} 2",
            "dsline_requests_total{class=\"4xx\"} 1",
            "dsline_requests_total{class=\"5xx\"} 1",
            "dsline_requests_total{class=\"3xx\"} 0",
            "dsline_requests_total{class=\"client_gone\"} 1",
            "dsline_in_flight 1",
            "dsline_draining 1",
            "dsline_log_lines_dropped_total 3",
            "api_response_time_seconds{quantile=\"0.99\"} NaN",
        ];
        assert_lines(&metrics.text(&scene), &lines);
    }

    #[test]
    fn times_and_tokens_have_the_names_of_the_standard() {
        let metrics = Metrics::default();
        let times = Times {
            first_byte: Some(Duration::from_millis(700)),
            first_token: Some(Duration::from_millis(900)),
            total: Duration::from_secs(3),
            waited: Duration::from_millis(699),
        };
        let usage = Usage {
            prompt: 10,
            completion: 20,
            cached: 4,
        };
        metrics.came_from(Verdict::Miss, Some(usage));
        let facts = Facts {
            model: Some("deepseek-flash".into()),
            verdict: Some(Verdict::Miss),
            usage: Some(usage),
            ..Facts::default()
        };
        metrics.took(&facts, times);
        metrics.came_from(Verdict::Hit, Some(usage));
        metrics.refused("key");
        metrics.tried("primary", "ok");
        let text = metrics.text(&Scene::default());
        let lines = [
            "dsline_cache_requests_total{verdict=\"hit\"} 1",
            "dsline_saved_requests_total{by=\"cache\"} 1",
            "dsline_saved_tokens_total{by=\"cache\"} 30",
            "dsline_saved_tokens_total{by=\"merge\"} 0",
            "dsline_refused_total{kind=\"key\"} 1",
            "dsline_upstream_attempts_total{upstream=\"primary\",outcome=\"ok\"} 1",
            "dsline_overhead_seconds_bucket{le=\"0.001\"} 1",
            "gen_ai_client_token_usage_sum{gen_ai_operation_name=\"chat\",gen_ai_token_type=\"output\",gen_ai_request_model=\"deepseek-flash\"} 20.0",
            "gen_ai_server_request_duration_seconds_count{gen_ai_operation_name=\"chat\",gen_ai_request_model=\"deepseek-flash\"} 1",
            "gen_ai_server_time_to_first_token_seconds_count{gen_ai_operation_name=\"chat\",gen_ai_request_model=\"deepseek-flash\"} 1",
        ];
        assert_lines(&text, &lines);
        assert!(
            text.contains("api_response_time_seconds{quantile=\"0.99\"} 0.7"),
            "{text}"
        );
        assert!(text.contains("process_resident_memory_bytes "), "{text}");
    }

    #[test]
    fn clients_cannot_make_up_labels_without_end() {
        let metrics = Metrics::default();
        let times = Times {
            first_byte: None,
            first_token: None,
            total: Duration::ZERO,
            waited: Duration::ZERO,
        };
        for number in 0..1_000 {
            let facts = Facts {
                model: Some(format!("model-{number}")),
                ..Facts::default()
            };
            metrics.took(&facts, times);
        }
        let text = metrics.text(&Scene::default());
        let count = text
            .lines()
            .filter(|line| line.starts_with("gen_ai_server_request_duration_seconds_count"))
            .count();
        assert!(count <= 65, "{count} models");
        assert!(text.contains("gen_ai_request_model=\"other\""), "{text}");
    }
}
