//! What the cache did, as plain numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use super::entry::Tokens;
use super::skip::Skip;

/// Whether Redis is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Breaker {
    /// No Redis is configured.
    #[default]
    Absent,
    /// Passing: it is asked.
    Closed,
    /// It is being tried; nobody asks it meanwhile.
    HalfOpen,
    /// It is not asked.
    Open,
}

impl Breaker {
    /// The label.
    pub fn word(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// All counts at one moment; totals since the start unless said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answered from memory.
    pub hits_near: u64,
    /// Answered from Redis.
    pub hits_far: u64,
    /// Nothing there, or too old.
    pub misses: u64,
    /// There, but without the tokens that the form in question promises; counted among the misses too.
    pub unfit: u64,
    /// Answered with an old entry because the upstream could not.
    pub stale: u64,
    /// Tokens that hits did not cost.
    pub saved: Tokens,
    /// Answers that were kept.
    pub kept: u64,
    /// Answers that were not, by reason.
    pub skipped: Vec<(&'static str, u64)>,
    /// Bytes of entries in memory now.
    pub near_bytes: u64,
    /// Entries in memory now.
    pub near_entries: u64,
    /// Redis said no, or the connection broke.
    pub redis_errors: u64,
    /// Redis did not answer in time.
    pub redis_timeouts: u64,
    /// What was under a key in Redis was not its entry.
    pub redis_unreadable: u64,
    /// How often Redis stopped being asked.
    pub redis_trips: u64,
    /// Entries that did not get to Redis: the queue was full, or it was not asked.
    pub redis_dropped: u64,
    /// Entries that did.
    pub redis_written: u64,
    /// Whether Redis is asked now.
    pub breaker: Breaker,
}

/// Where the counting is done.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) hits_near: AtomicU64,
    pub(super) hits_far: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) unfit: AtomicU64,
    pub(super) stale: AtomicU64,
    saved_prompt: AtomicU64,
    saved_completion: AtomicU64,
    pub(super) kept: AtomicU64,
    skipped: [AtomicU64; Skip::ALL.len()],
    pub(super) redis_errors: AtomicU64,
    pub(super) redis_timeouts: AtomicU64,
    pub(super) redis_unreadable: AtomicU64,
    pub(super) redis_trips: AtomicU64,
    pub(super) redis_dropped: AtomicU64,
    pub(super) redis_written: AtomicU64,
}

impl Tally {
    pub(super) fn skip(&self, skip: Skip) {
        one(&self.skipped[skip as usize]);
    }

    pub(super) fn save(&self, tokens: Tokens) {
        self.saved_prompt
            .fetch_add(tokens.prompt, Ordering::Relaxed);
        self.saved_completion
            .fetch_add(tokens.completion, Ordering::Relaxed);
    }

    /// The totals; what is true of the moment is for the caller to fill in.
    pub(super) fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let skipped = Skip::ALL.iter().zip(&self.skipped);
        Counts {
            hits_near: read(&self.hits_near),
            hits_far: read(&self.hits_far),
            misses: read(&self.misses),
            unfit: read(&self.unfit),
            stale: read(&self.stale),
            saved: Tokens {
                prompt: read(&self.saved_prompt),
                completion: read(&self.saved_completion),
            },
            kept: read(&self.kept),
            skipped: skipped
                .map(|(skip, count)| (skip.word(), read(count)))
                .collect(),
            redis_errors: read(&self.redis_errors),
            redis_timeouts: read(&self.redis_timeouts),
            redis_unreadable: read(&self.redis_unreadable),
            redis_trips: read(&self.redis_trips),
            redis_dropped: read(&self.redis_dropped),
            redis_written: read(&self.redis_written),
            ..Counts::default()
        }
    }
}

/// Adds one.
pub(super) fn one(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
