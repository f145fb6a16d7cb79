//! How the gateway stands at this moment: for Prometheus, and for `dsline status`.

use serde_json::{Value, json};

use super::gateway::Gateway;
use crate::cache::{Breaker, Counts};
use crate::config::Label;
use crate::desk::Live;
use crate::record::{Scene, UpstreamScene, Verdict};
use crate::upstream::UpstreamState;

/// The answer to `GET /metrics`.
pub(super) fn metrics(gateway: &Gateway) -> String {
    let (live, ledger) = (gateway.live(), &gateway.ledger);
    let audit = ledger.audit.as_ref();
    let (limits, flights) = (live.limiter.figures(), live.flights.figures());
    let cache = live.store.counts();
    let all_permits = i64::from(live.settings.quota.upstream_permits.count());
    ledger.metrics.text(&Scene {
        is_draining: gateway.is_draining(),
        log_lines_dropped: ledger.log.dropped(),
        audit_records_dropped: audit.map_or(0, |audit| audit.dropped()),
        audit_spool_bytes: audit.map_or(0, |audit| audit.spool_bytes()),
        upstreams: live.upstreams.states().iter().map(upstream).collect(),
        permits: (count(limits.permits_held), all_permits),
        waiting: count(limits.waiting),
        cache_bytes: i64::try_from(cache.near_bytes).unwrap_or(i64::MAX),
        is_cache_behind_up: match cache.breaker {
            Breaker::Absent => None,
            breaker => Some(breaker == Breaker::Closed),
        },
        cache_failures: failures(&cache),
        not_stored: cache.skipped,
        flights: count(flights.running),
        flights_kept: count(flights.kept),
        flight_bytes: count(flights.bytes),
        outrun: flights.outrun,
    })
}

fn upstream(state: &UpstreamState) -> UpstreamScene {
    UpstreamScene {
        name: state.name.as_str().to_owned(),
        breaker: match state.breaker {
            "closed" => 0,
            "half_open" => 1,
            _ => 2,
        },
        in_flight: i64::from(state.pending),
    }
}

fn failures(cache: &Counts) -> Vec<(&'static str, u64)> {
    vec![
        ("error", cache.redis_errors),
        ("timeout", cache.redis_timeouts),
        ("unreadable", cache.redis_unreadable),
        ("trip", cache.redis_trips),
        ("dropped", cache.redis_dropped),
    ]
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The answer to `GET /status`.
pub(super) fn status(gateway: &Gateway) -> Value {
    let live = gateway.live();
    let metrics = &gateway.ledger.metrics;
    let times = metrics.response_times();
    json!({
        "line": live.settings.line.as_str(),
        "node": live.settings.node.as_str(),
        "release": live.settings.release.as_ref().map(Label::as_str),
        "version": env!("CARGO_PKG_VERSION"),
        "ready": gateway.readiness().is_ok(),
        "draining": gateway.is_draining(),
        "in_flight": metrics.in_flight(),
        "streams": metrics.streams_open(),
        "hits": metrics.count_of(Verdict::Hit),
        "merged": metrics.count_of(Verdict::Coalesced),
        "misses": metrics.count_of(Verdict::Miss),
        "bypassed": metrics.count_of(Verdict::Bypass),
        "stale": metrics.count_of(Verdict::Stale),
        "p50_seconds": times.map(|[p50, ..]| p50),
        "p99_seconds": times.map(|[.., p99]| p99),
        "upstreams": upstreams(&live),
        "permits": permits(&live),
        "cache": cache(&live),
        "flights": flights(&live),
        "audit_dropped": gateway.ledger.audit.as_ref().map(|audit| audit.dropped()),
        "uptime_seconds": gateway.uptime().as_secs(),
    })
}

fn upstreams(live: &Live) -> Vec<Value> {
    let states = live.upstreams.states();
    let told = states.iter().map(|state| {
        json!({
            "name": state.name.as_str(),
            "breaker": state.breaker,
            "rests_seconds": state.rests_seconds,
            "latency_ms": state.latency_ms,
            "pending": state.pending,
            "has_key": state.has_key,
            "last_trouble": state.last_trouble,
        })
    });
    told.collect()
}

fn permits(live: &Live) -> Value {
    let figures = live.limiter.figures();
    json!({
        "used": figures.permits_held,
        "all": live.settings.quota.upstream_permits.count(),
        "waiting": figures.waiting,
    })
}

fn cache(live: &Live) -> Value {
    let counts = live.store.counts();
    json!({
        "enabled": live.settings.cache.enabled,
        "hits_near": counts.hits_near,
        "hits_far": counts.hits_far,
        "bytes": counts.near_bytes,
        "entries": counts.near_entries,
        "redis": counts.breaker.word(),
        "redis_trouble": live.store.redis_trouble(),
    })
}

fn flights(live: &Live) -> Value {
    let figures = live.flights.figures();
    json!({
        "running": figures.running,
        "kept": figures.kept,
        "bytes": figures.bytes,
        "led": figures.led,
        "merged": figures.merged,
        "cancelled": figures.cancelled,
        "outrun": figures.outrun,
    })
}
