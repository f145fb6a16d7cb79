//! The metric families: what each is called, what it means, and the labels that are known from the start.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::sync::{PoisonError, RwLock};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use super::facts::{Usage, Verdict};
use super::metrics::Times;
use super::process::resident_bytes;
use super::scene::Scene;

/// How requests can end, as the label `class`.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "client_gone"];

/// Models that get series of their own; a client can make up names without end.
const MODELS: usize = 64;

/// From cache hits to the ten minutes that a provider may hold a request.
const SECONDS: [f64; 15] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0,
];

/// What the gateway itself may cost.
const OVERHEAD: [f64; 11] = [
    0.000_05, 0.000_1, 0.000_15, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25,
];

/// The buckets that the OpenTelemetry convention asks for.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

type Labels<const N: usize> = [(&'static str, &'static str); N];
type OwnLabels<const N: usize> = [(&'static str, String); N];
type Seconds = Gauge<f64, AtomicU64>;

/// What was spared by one means.
pub(super) struct Saved {
    pub(super) requests: Counter,
    pub(super) tokens: Counter,
}

/// Every family; those of the hot path with their counters at hand.
pub(super) struct Families {
    pub(super) in_flight: Gauge,
    pub(super) streams: Gauge,
    pub(super) total: Histogram,
    pub(super) overhead: Histogram,
    pub(super) response_time: Family<Labels<1>, Seconds>,
    pub(super) refused: Family<Labels<1>, Counter>,
    pub(super) attempts: Family<OwnLabels<2>, Counter>,
    pub(super) failovers: Counter,
    pub(super) trips: Family<OwnLabels<1>, Counter>,
    pub(super) denied: Family<Labels<1>, Counter>,
    classes: [Counter; CLASSES.len()],
    verdicts: [Counter; Verdict::ALL.len()],
    by_cache: Saved,
    by_merge: Saved,
    duration: Family<OwnLabels<2>, Histogram, Buckets>,
    first_token: Family<OwnLabels<2>, Histogram, Buckets>,
    tokens: Family<OwnLabels<3>, Histogram, Buckets>,
    models: RwLock<HashSet<String>>,
    states: States,
}

/// What is set when somebody looks.
struct States {
    draining: Gauge,
    log_lines_dropped: Counter,
    audit_dropped: Counter,
    spool_bytes: Gauge,
    breaker: Family<OwnLabels<1>, Gauge>,
    upstream_in_flight: Family<OwnLabels<1>, Gauge>,
    permits: Family<Labels<1>, Gauge>,
    waiting: Gauge,
    cache_bytes: Gauge,
    cache_behind: Gauge,
    not_stored: Family<Labels<1>, Counter>,
    cache_failures: Family<Labels<1>, Counter>,
    flights: Family<Labels<1>, Gauge>,
    flight_bytes: Gauge,
    outrun: Counter,
    memory: Gauge,
}

/// A histogram with these bounds.
#[derive(Clone)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

impl Families {
    /// All families, known to this registry.
    #[rustfmt::skip]
    pub(super) fn registered_in(registry: &mut Registry) -> Self {
        let requests: Family<Labels<1>, Counter> = keep(
            registry,
            "dsline_requests",
            "Requests that ended, by class of status",
            Family::default(),
        );
        let verdicts: Family<Labels<1>, Counter> = keep(
            registry,
            "dsline_cache_requests",
            "Answers to questions, by where they came from",
            Family::default(),
        );
        let saved: Family<Labels<1>, Counter> = keep(
            registry,
            "dsline_saved_requests",
            "Upstream calls that were not needed",
            Family::default(),
        );
        let saved_tokens: Family<Labels<1>, Counter> = keep(
            registry,
            "dsline_saved_tokens",
            "Tokens of the questions and answers that were not needed",
            Family::default(),
        );
        let saved_by = |by| Saved {
            requests: saved.get_or_create_owned(&[("by", by)]),
            tokens: saved_tokens.get_or_create_owned(&[("by", by)]),
        };
        Self {
            classes: CLASSES.map(|class| requests.get_or_create_owned(&[("class", class)])),
            verdicts: Verdict::ALL
                .map(|verdict| verdicts.get_or_create_owned(&[("verdict", verdict.as_str())])),
            by_cache: saved_by("cache"),
            by_merge: saved_by("merge"),
            in_flight: keep(registry, "dsline_in_flight", "Requests being answered now", Gauge::default()),
            streams: keep(registry, "dsline_streams_open", "Streams of events being sent now", Gauge::default()),
            total: keep(registry, "dsline_request_duration_seconds", "Time to the last byte of an answer", Histogram::new(SECONDS)),
            overhead: keep(registry, "dsline_overhead_seconds", "Time to the first byte of an answer, without the wait for the upstream", Histogram::new(OVERHEAD)),
            response_time: keep(registry, "api_response_time_seconds", "Time to the first byte of an answer, over the last minute; NaN without requests", Family::default()),
            refused: keep(registry, "dsline_refused", "Requests that a limit refused, by whose limit it was", Family::default()),
            attempts: keep(registry, "dsline_upstream_attempts", "Calls to an upstream, by outcome", Family::default()),
            failovers: keep(registry, "dsline_failovers", "Requests that went on to another upstream", Counter::default()),
            trips: keep(registry, "dsline_breaker_trips", "Times that a breaker opened", Family::default()),
            denied: keep(registry, "dsline_denied", "Requests that were not let in, by reason", Family::default()),
            duration: keep(registry, "gen_ai_server_request_duration_seconds", "Time to the last byte of an answer, by model", Family::new_with_constructor(Buckets(&SECONDS))),
            first_token: keep(registry, "gen_ai_server_time_to_first_token_seconds", "Time to the first token of an answer, by model", Family::new_with_constructor(Buckets(&SECONDS))),
            tokens: keep(registry, "gen_ai_client_token_usage", "Tokens that upstreams were asked for, by model and kind", Family::new_with_constructor(Buckets(&TOKENS))),
            models: RwLock::default(),
            states: States::registered_in(registry),
        }
    }

    /// The counter of requests that ended like this.
    pub(super) fn class(&self, status: Option<u16>) -> &Counter {
        let gone = CLASSES.len() - 1;
        &self.classes[status.map_or(gone, |status| usize::from(status / 100).clamp(1, 5) - 1)]
    }

    /// The counter of answers that came from there.
    pub(super) fn verdict(&self, verdict: Verdict) -> &Counter {
        &self.verdicts[verdict as usize]
    }

    /// What an answer from there saved, if it saved anything.
    pub(super) fn saved(&self, verdict: Verdict) -> Option<&Saved> {
        match verdict {
            Verdict::Hit | Verdict::Stale => Some(&self.by_cache),
            Verdict::Coalesced => Some(&self.by_merge),
            Verdict::Miss | Verdict::Bypass => None,
        }
    }

    /// The series of OpenTelemetry's convention for generative AI.
    pub(super) fn gen_ai(&self, model: &str, times: Times, usage: Option<Usage>) {
        let operation = ("gen_ai_operation_name", "chat".to_owned());
        let model = (
            "gen_ai_request_model",
            if self.has_series(model) {
                model
            } else {
                "other"
            }
            .to_owned(),
        );
        let labels = [operation.clone(), model.clone()];
        self.duration
            .get_or_create(&labels)
            .observe(times.total.as_secs_f64());
        if let Some(first_token) = times.first_token {
            self.first_token
                .get_or_create(&labels)
                .observe(first_token.as_secs_f64());
        }
        let Some(usage) = usage else { return };
        for (kind, count) in [("input", usage.prompt), ("output", usage.completion)] {
            let kind = ("gen_ai_token_type", kind.to_owned());
            #[expect(
                clippy::cast_precision_loss,
                reason = "a question has far fewer than 2^52 tokens"
            )]
            self.tokens
                .get_or_create(&[operation.clone(), kind, model.clone()])
                .observe(count as f64);
        }
    }

    /// Whether a model has series of its own, or gets them now.
    fn has_series(&self, model: &str) -> bool {
        // A panic elsewhere leaves at worst a model too few.
        let known = self.models.read().unwrap_or_else(PoisonError::into_inner);
        if known.contains(model) || known.len() >= MODELS {
            return known.contains(model);
        }
        drop(known);
        let mut known = self.models.write().unwrap_or_else(PoisonError::into_inner);
        known.len() < MODELS && known.insert(model.to_owned()) || known.contains(model)
    }

    /// Takes over what has a state rather than a count.
    pub(super) fn show(&self, scene: &Scene) {
        let states = &self.states;
        states.draining.set(i64::from(scene.is_draining));
        let raise = |counter: &Counter, to: u64| counter.inc_by(to.saturating_sub(counter.get()));
        raise(&states.log_lines_dropped, scene.log_lines_dropped);
        raise(&states.audit_dropped, scene.audit_records_dropped);
        states.spool_bytes.set(scene.audit_spool_bytes);
        for upstream in &scene.upstreams {
            let labels = [("upstream", upstream.name.clone())];
            states.breaker.get_or_create(&labels).set(upstream.breaker);
            states
                .upstream_in_flight
                .get_or_create(&labels)
                .set(upstream.in_flight);
        }
        for (kind, count) in [("used", scene.permits.0), ("all", scene.permits.1)] {
            states.permits.get_or_create(&[("kind", kind)]).set(count);
        }
        states.waiting.set(scene.waiting);
        states.cache_bytes.set(scene.cache_bytes);
        states
            .cache_behind
            .set(scene.is_cache_behind_up.map_or(-1, i64::from));
        for (reason, count) in &scene.not_stored {
            raise(
                &states.not_stored.get_or_create(&[("reason", *reason)]),
                *count,
            );
        }
        for (how, count) in &scene.cache_failures {
            raise(
                &states.cache_failures.get_or_create(&[("how", *how)]),
                *count,
            );
        }
        for (state, count) in [("running", scene.flights), ("kept", scene.flights_kept)] {
            states.flights.get_or_create(&[("state", state)]).set(count);
        }
        states.flight_bytes.set(scene.flight_bytes);
        raise(&states.outrun, scene.outrun);
        states.memory.set(resident_bytes());
    }
}

impl States {
    #[rustfmt::skip]
    fn registered_in(registry: &mut Registry) -> Self {
        Self {
            draining: keep(registry, "dsline_draining", "1 while health checks are told to go elsewhere", Gauge::default()),
            log_lines_dropped: keep(registry, "dsline_log_lines_dropped", "Log lines lost because nobody read them", Counter::default()),
            audit_dropped: keep(registry, "dsline_audit_records_dropped", "Audit records lost because queue, spool or disk were full", Counter::default()),
            spool_bytes: keep(registry, "dsline_audit_spool_bytes", "Bytes of audit records that lie in the spool", Gauge::default()),
            breaker: keep(registry, "dsline_breaker_state", "0 passing, 1 on trial, 2 open", Family::default()),
            upstream_in_flight: keep(registry, "dsline_upstream_in_flight", "Calls to an upstream that run now", Family::default()),
            permits: keep(registry, "dsline_upstream_permits", "Upstream calls that this node may make at the same time", Family::default()),
            waiting: keep(registry, "dsline_waiting_for_permit", "Requests that wait for an upstream permit", Gauge::default()),
            cache_bytes: keep(registry, "dsline_cache_bytes", "Bytes held by the cache in this process", Gauge::default()),
            cache_behind: keep(registry, "dsline_cache_behind_up", "1 while the cache behind is used, 0 while it is passed over, -1 without one", Gauge::default()),
            not_stored: keep(registry, "dsline_cache_skipped", "Answers that were not stored, by reason", Family::default()),
            cache_failures: keep(registry, "dsline_cache_failures", "Times that the cache behind did not do its part, by how", Family::default()),
            flights: keep(registry, "dsline_flights", "Upstream calls: running ones, and finished ones that can be joined", Family::default()),
            flight_bytes: keep(registry, "dsline_flight_bytes", "Bytes held for clients that read or join", Gauge::default()),
            outrun: keep(registry, "dsline_outrun", "Clients cut off because they read too slowly", Counter::default()),
            memory: keep(registry, "process_resident_memory_bytes", "Memory of this process", Gauge::default()),
        }
    }
}

/// Registers a metric and keeps a handle of it; a clone counts in the same place.
fn keep<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}
