//! The running gateway: what all connections share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use serde_json::{Value, json};

use super::live::Live;
use crate::config::{Label, Overrides};
use crate::record::{Ledger, Scene, Verdict};

/// One per process.
pub(super) struct Gateway {
    file: PathBuf,
    overrides: Overrides,
    live: ArcSwap<Live>,
    is_draining: AtomicBool,
    is_leaving: AtomicBool,
    started: Instant,
    /// The books.
    pub(super) ledger: Arc<Ledger>,
}

impl Gateway {
    /// A gateway that serves this generation of configuration, read from this file.
    pub(super) fn new(file: PathBuf, overrides: Overrides, live: Live, ledger: Ledger) -> Self {
        Self {
            file,
            overrides,
            live: ArcSwap::from_pointee(live),
            is_draining: AtomicBool::new(false),
            is_leaving: AtomicBool::new(false),
            started: Instant::now(),
            ledger: Arc::new(ledger),
        }
    }

    /// The generation that serves new requests.
    pub(super) fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// Takes a new generation from the file, or keeps the old one if the new is not valid.
    pub(super) fn reload(&self) {
        let old = self.live();
        let new = match Live::load(&self.file, &self.overrides) {
            Ok(new) => new,
            Err(error) => {
                return self.ledger.log.event(
                    "reload_refused",
                    &format!("{error:#}; the old configuration stays"),
                );
            }
        };
        let (was, is) = (&old.settings, &new.settings);
        if (&was.listen, &was.admin, &was.audit) != (&is.listen, &is.admin, &is.audit) {
            self.ledger.log.event(
                "warning",
                "`listen`, `admin` and `[audit]` change at the next start only",
            );
        }
        for warning in new.warnings() {
            self.ledger.log.event("warning", &warning);
        }
        self.ledger
            .log
            .event("reloaded", &format!("{} client keys", new.keys.len()));
        self.live.store(Arc::new(new));
    }

    /// Whether health checks are told to go elsewhere.
    pub(super) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Tells health checks to go elsewhere, or to come back; requests are served all the same.
    pub(super) fn drain(&self, on: bool) {
        if self.is_draining.swap(on, Ordering::Relaxed) != on {
            self.ledger
                .log
                .event(if on { "draining" } else { "drain_ended" }, "");
        }
    }

    /// The process ends: health checks are told to go elsewhere, connections close after their next answer.
    pub(super) fn leave(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
        self.drain(true);
    }

    /// Whether the process ends.
    pub(super) fn is_leaving(&self) -> bool {
        self.is_leaving.load(Ordering::Relaxed)
    }

    /// Whether this node should get requests, and why not.
    pub(super) fn readiness(&self) -> Result<(), &'static str> {
        if self.is_draining() {
            Err("draining")
        } else if !self.live().is_ready() {
            Err("no upstream key")
        } else {
            Ok(())
        }
    }

    /// The answer to `GET /metrics`.
    pub(super) fn metrics(&self) -> String {
        let ledger = &self.ledger;
        let audit = ledger.audit.as_ref();
        ledger.metrics.text(&Scene {
            is_draining: self.is_draining(),
            log_lines_dropped: ledger.log.dropped(),
            audit_records_dropped: audit.map_or(0, |audit| audit.dropped()),
            audit_spool_bytes: audit.map_or(0, |audit| audit.spool_bytes()),
            ..Scene::default()
        })
    }

    /// The answer to `GET /status`.
    pub(super) fn status(&self) -> Value {
        let live = self.live();
        let metrics = &self.ledger.metrics;
        let times = metrics.response_times();
        json!({
            "line": live.settings.line.as_str(),
            "node": live.settings.node.as_str(),
            "release": live.settings.release.as_ref().map(Label::as_str),
            "version": env!("CARGO_PKG_VERSION"),
            "ready": self.readiness().is_ok(),
            "draining": self.is_draining(),
            "in_flight": metrics.in_flight(),
            "hits": metrics.count_of(Verdict::Hit),
            "merged": metrics.count_of(Verdict::Coalesced),
            "misses": metrics.count_of(Verdict::Miss),
            "p50_seconds": times.map(|[p50, ..]| p50),
            "p99_seconds": times.map(|[.., p99]| p99),
            "audit_dropped": self.ledger.audit.as_ref().map(|audit| audit.dropped()),
            "uptime_seconds": self.started.elapsed().as_secs(),
        })
    }
}
