//! The running gateway: what all connections share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use crate::config::{Overrides, Settings};
use crate::desk::Live;
use crate::record::Ledger;

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
    pub(super) fn new(file: PathBuf, overrides: Overrides, live: Live) -> Self {
        Self {
            ledger: Arc::clone(&live.ledger),
            file,
            overrides,
            live: ArcSwap::from_pointee(live),
            is_draining: AtomicBool::new(false),
            is_leaving: AtomicBool::new(false),
            started: Instant::now(),
        }
    }

    /// The generation that serves new requests.
    pub(super) fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// Takes a new generation from the file, or keeps the old one if the new is not valid.
    pub(super) fn reload(&self) {
        let old = self.live();
        let read = Settings::load(&self.file).map_err(anyhow::Error::from);
        let made = read.and_then(|settings| {
            Live::new(settings.with(&self.overrides), &self.ledger, Some(&old))
        });
        let new = match made {
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
            .event("reloaded", &format!("{} client keys", new.gate.counts().0));
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

    /// How long this process serves.
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}
