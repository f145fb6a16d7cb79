//! The running gateway: what all connections share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use serde_json::{Value, json};

use super::live::Live;
use crate::config::Label;
use crate::record::Ledger;

/// One per process.
pub(super) struct Gateway {
    file: PathBuf,
    live: ArcSwap<Live>,
    is_draining: AtomicBool,
    started: Instant,
    /// The books.
    pub(super) ledger: Arc<Ledger>,
}

impl Gateway {
    /// A gateway that serves this generation of configuration, read from this file.
    pub(super) fn new(file: PathBuf, live: Live, ledger: Ledger) -> Self {
        Self {
            file,
            live: ArcSwap::from_pointee(live),
            is_draining: AtomicBool::new(false),
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
        let new = match Live::load(&self.file) {
            Ok(new) => new,
            Err(error) => {
                return self.ledger.log.event(
                    "reload_refused",
                    &format!("{error:#}; the old configuration stays"),
                );
            }
        };
        if (old.settings.listen, old.settings.admin) != (new.settings.listen, new.settings.admin) {
            self.ledger.log.event(
                "warning",
                "`listen` and `admin` change at the next start only",
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

    /// The answer to `GET /status`.
    pub(super) fn status(&self) -> Value {
        let live = self.live();
        json!({
            "line": live.settings.line.as_str(),
            "node": live.settings.node.as_str(),
            "release": live.settings.release.as_ref().map(Label::as_str),
            "version": env!("CARGO_PKG_VERSION"),
            "ready": self.readiness().is_ok(),
            "draining": self.is_draining(),
            "in_flight": self.ledger.metrics.in_flight(),
            "uptime_seconds": self.started.elapsed().as_secs(),
        })
    }
}
