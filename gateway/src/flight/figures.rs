//! Counts of all flights, as plain numbers.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What the flights look like now, and what happened since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Upstream calls running now.
    pub running: usize,
    /// Finished answers that can still be joined.
    pub kept: usize,
    /// Bytes held for readers and joiners, bookkeeping included.
    pub bytes: usize,
    /// Upstream calls begun.
    pub led: u64,
    /// Requests that shared another one's call.
    pub merged: u64,
    /// Calls cancelled because the last client left.
    pub cancelled: u64,
    /// Flights that stopped to take joiners because of a memory bound.
    pub overflowed: u64,
    /// Clients cut off because they read too slowly.
    pub outrun: u64,
}

/// The live counters.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) running: AtomicUsize,
    pub(super) bytes: AtomicUsize,
    pub(super) led: AtomicU64,
    pub(super) merged: AtomicU64,
    pub(super) cancelled: AtomicU64,
    pub(super) overflowed: AtomicU64,
    pub(super) outrun: AtomicU64,
}

impl Tally {
    pub(super) fn read(&self, kept: usize) -> Figures {
        Figures {
            running: self.running.load(Ordering::Relaxed),
            kept,
            bytes: self.bytes.load(Ordering::Relaxed),
            led: self.led.load(Ordering::Relaxed),
            merged: self.merged.load(Ordering::Relaxed),
            cancelled: self.cancelled.load(Ordering::Relaxed),
            overflowed: self.overflowed.load(Ordering::Relaxed),
            outrun: self.outrun.load(Ordering::Relaxed),
        }
    }
}
