//! The limits as a whole: addresses first, then the caller's own, then the queue to the upstream.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use super::account::{Account, Ceilings, Taken};
use super::allowance::Allowance;
use super::permit::{Permit, Turnstile};
use super::rate::Rate;
use super::refusal::{Refusal, Whose};
use super::shelves::{Idle, Shelves};
use crate::config::Quota;

/// Callers whose state is kept: about 6 MB if all of them have a limit of tokens.
const ACCOUNTS: usize = 16_384;

/// Addresses whose state is kept: about 3 MB.
const ADDRESSES: usize = 65_536;

/// What a stream is taken to last before any has ended, in microseconds.
const FIRST_STREAM: u64 = 10_000_000;

/// Tells one caller's books from another's: part of a digest of its key, or of its issuer, tenant and subject.
pub type AccountId = [u8; 16];

/// What a request is about to use.
#[derive(Debug, Clone, Copy)]
pub struct Demand {
    /// Tokens, as [`tokens`](super::estimate::tokens) guesses them.
    pub tokens: u32,
    /// Whether the answer will be a stream.
    pub stream: bool,
}

/// Counts of what the limits did, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Requests within their own limits.
    pub admitted: u64,
    /// Refusals, in the order of [`Whose::ALL`].
    pub refused: [u64; Whose::ALL.len()],
    /// Upstream permits in use.
    pub permits_held: usize,
    /// Requests that wait for one.
    pub waiting: usize,
    /// Microseconds that requests have waited for permits, all together.
    pub waited_micros: u64,
    /// Callers whose state is kept.
    pub accounts: usize,
    /// Addresses whose state is kept.
    pub addresses: usize,
}

/// One per process; it outlives reloads, so that a reload forgives nothing.
pub struct Limiter {
    quota: ArcSwap<Quota>,
    accounts: Shelves<AccountId, Account>,
    addresses: Shelves<u128, PaidUp>,
    turnstile: Arc<Turnstile>,
    began: Instant,
    admitted: AtomicU64,
    refused: [AtomicU64; Whose::ALL.len()],
    waited: AtomicU64,
    /// How long streams last, in microseconds, smoothed.
    stream: AtomicU64,
}

/// A request within its caller's limits, while it runs.
///
/// Dropped without a settlement, its guess stays charged: of an answer that was cut nobody knows what it used.
pub struct Ticket {
    limiter: Arc<Limiter>,
    account: Account,
    taken: Taken,
    since: Instant,
}

#[derive(Default)]
struct PaidUp(u64);

impl Idle for PaidUp {
    fn idle_at(&self) -> u64 {
        self.0
    }
}

impl Limiter {
    /// Limits with nothing used yet.
    pub fn new(quota: &Quota) -> Arc<Self> {
        Arc::new(Self {
            quota: ArcSwap::from_pointee(quota.clone()),
            accounts: Shelves::new(ACCOUNTS),
            addresses: Shelves::new(ADDRESSES),
            turnstile: Turnstile::new(quota.upstream_permits.count(), quota.queue_length),
            began: Instant::now(),
            admitted: AtomicU64::new(0),
            refused: Default::default(),
            waited: AtomicU64::new(0),
            stream: AtomicU64::new(FIRST_STREAM),
        })
    }

    /// Takes new numbers; what was used stays used.
    pub fn reload(&self, quota: &Quota) {
        self.turnstile
            .resize(quota.upstream_permits.count(), quota.queue_length);
        self.quota.store(Arc::new(quota.clone()));
    }

    /// Counts a request of an address, before anything else is done for it.
    pub fn address(&self, address: IpAddr) -> Result<(), Refusal> {
        let limit = self.quota.load().address_requests_per_minute;
        let Some(rate) = Rate::per_minute(limit) else {
            return Ok(());
        };
        let now = self.now();
        let taken = self.addresses.with(network(address), now, |paid_up| {
            rate.take(paid_up.0, now).map(|after| paid_up.0 = after)
        });
        taken.map_err(|wait| self.refuse(Whose::Address, limit, Duration::from_nanos(wait)))
    }

    /// Takes what a caller's request needs, or nothing of it.
    pub fn admit(
        self: &Arc<Self>,
        account: AccountId,
        allowance: &Allowance,
        demand: Demand,
    ) -> Result<Ticket, Refusal> {
        let ceilings = {
            let quota = self.quota.load();
            Ceilings {
                requests: allowance.rpm.unwrap_or(quota.requests_per_minute),
                tokens: allowance.tpm.unwrap_or(quota.tokens_per_minute),
                streams: allowance.streams.unwrap_or(quota.streams),
            }
        };
        let since = Instant::now();
        let now = self.nanos(since);
        let account = self.accounts.with(account, now, |account| account.clone());
        match account.take(now, ceilings, (demand.tokens, demand.stream)) {
            Ok(taken) => {
                self.admitted.fetch_add(1, Ordering::Relaxed);
                Ok(Ticket {
                    limiter: Arc::clone(self),
                    account,
                    taken,
                    since,
                })
            }
            Err((whose, limit, wait)) => {
                let wait = wait.map_or_else(|| self.next_end(limit), Duration::from_nanos);
                Err(self.refuse(whose, limit, wait))
            }
        }
    }

    /// Waits for the right to one upstream call.
    pub async fn permit(&self, tenant: &Arc<str>) -> Result<Permit, Refusal> {
        let longest = self.quota.load().queue_wait_seconds.duration();
        let since = Instant::now();
        let permit = self.turnstile.permit(tenant, longest).await;
        let waited = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.waited.fetch_add(waited, Ordering::Relaxed);
        permit.inspect_err(|refusal| self.count(refusal.whose))
    }

    /// Forgets callers and addresses that are idle; to be called every minute or so.
    pub fn tidy(&self) {
        let now = self.now();
        self.accounts.tidy(now);
        self.addresses.tidy(now);
    }

    /// What happened so far.
    pub fn figures(&self) -> Figures {
        let (permits_held, waiting) = self.turnstile.load();
        Figures {
            admitted: self.admitted.load(Ordering::Relaxed),
            refused: std::array::from_fn(|whose| self.refused[whose].load(Ordering::Relaxed)),
            permits_held,
            waiting,
            waited_micros: self.waited.load(Ordering::Relaxed),
            accounts: self.accounts.len(),
            addresses: self.addresses.len(),
        }
    }

    /// When one of so many streams is expected to end, from how long streams lasted.
    fn next_end(&self, streams: u32) -> Duration {
        let micros = self.stream.load(Ordering::Relaxed) / u64::from(streams.max(1));
        Duration::from_micros(micros)
    }

    fn refuse(&self, whose: Whose, limit: u32, wait: Duration) -> Refusal {
        self.count(whose);
        Refusal { whose, limit, wait }
    }

    fn count(&self, whose: Whose) {
        let index = Whose::ALL.iter().position(|known| *known == whose);
        self.refused[index.expect("ALL holds every one")].fetch_add(1, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.nanos(Instant::now())
    }

    fn nanos(&self, at: Instant) -> u64 {
        let nanos = at.saturating_duration_since(self.began).as_nanos();
        u64::try_from(nanos).expect("no process runs for 584 years")
    }
}

impl Ticket {
    /// The answer used so many tokens (0 if nothing was asked of the upstream); only the first word counts.
    pub fn settle(&mut self, used: u32) {
        if let Some(reserved) = self.taken.tokens.take() {
            self.account.settle(self.limiter.now(), reserved, used);
        }
    }

    /// Streams of the same caller that are open now.
    pub fn streams(&self) -> u32 {
        self.account.streams()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.taken.stream {
            return;
        }
        self.account.end_stream();
        let lasted = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let before = self.limiter.stream.load(Ordering::Relaxed);
        // An eighth of the new one: a lost update among threads only smooths more.
        let mean = before - before / 8 + lasted / 8;
        self.limiter.stream.store(mean, Ordering::Relaxed);
    }
}

/// What counts as one address: whoever has an IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(four) => four.to_ipv6_mapped().to_bits(),
        IpAddr::V6(six) => six.to_bits() >> 64 << 64,
    }
}
