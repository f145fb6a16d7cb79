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

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const ALICE: AccountId = [1; 16];
    const NOTHING: Allowance = Allowance {
        rpm: None,
        tpm: None,
        streams: None,
    };
    const PLAIN: Demand = Demand {
        tokens: 10,
        stream: false,
    };
    const STREAM: Demand = Demand {
        tokens: 10,
        stream: true,
    };

    fn limiter(quota: &str) -> Arc<Limiter> {
        Limiter::new(&toml::from_str(quota).unwrap())
    }

    fn refusal(limiter: &Arc<Limiter>, allowance: Allowance, demand: Demand) -> Refusal {
        limiter.admit(ALICE, &allowance, demand).err().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_minutes_worth_passes_and_the_next_is_told_when() {
        let limiter = limiter("requests_per_minute = 60");
        for _ in 0..60 {
            assert!(limiter.admit(ALICE, &NOTHING, PLAIN).is_ok());
        }
        let refused = refusal(&limiter, NOTHING, PLAIN);
        assert_eq!(
            (refused.whose, refused.limit, refused.retry_after()),
            (Whose::Key, 60, 1)
        );
        assert!(limiter.admit([2; 16], &NOTHING, PLAIN).is_ok());
        sleep(Duration::from_secs(1)).await;
        assert!(limiter.admit(ALICE, &NOTHING, PLAIN).is_ok());
        assert!(limiter.admit(ALICE, &NOTHING, PLAIN).is_err());
        let figures = limiter.figures();
        assert_eq!(
            (figures.admitted, figures.refused),
            (62, [2, 0, 0, 0, 0, 0])
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_callers_own_limits_come_first_and_zero_is_none() {
        let limiter = limiter("requests_per_minute = 2");
        let own = |rpm| Allowance {
            rpm: Some(rpm),
            ..NOTHING
        };
        for _ in 0..3 {
            assert!(limiter.admit(ALICE, &own(3), PLAIN).is_ok());
        }
        assert_eq!(refusal(&limiter, own(3), PLAIN).limit, 3);
        for _ in 0..1000 {
            assert!(limiter.admit(ALICE, &own(0), PLAIN).is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_are_reserved_settled_and_given_back() {
        let limiter = limiter("tokens_per_minute = 1000\nrequests_per_minute = 0");
        let demand = |tokens| Demand {
            tokens,
            stream: false,
        };
        let mut first = limiter.admit(ALICE, &NOTHING, demand(900)).ok().unwrap();
        let refused = refusal(&limiter, NOTHING, demand(200));
        assert_eq!(
            (refused.whose, refused.limit, refused.retry_after()),
            (Whose::Tokens, 1000, 61)
        );
        first.settle(100);
        first.settle(1_000_000);
        assert!(limiter.admit(ALICE, &NOTHING, demand(900)).is_ok());
        assert!(limiter.admit(ALICE, &NOTHING, demand(1)).is_err());
        sleep(Duration::from_secs(61)).await;
        assert!(limiter.admit(ALICE, &NOTHING, demand(1000)).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn streams_are_counted_while_they_run() {
        let limiter = limiter("streams = 2");
        let one = limiter.admit(ALICE, &NOTHING, STREAM).ok().unwrap();
        let two = limiter.admit(ALICE, &NOTHING, STREAM).ok().unwrap();
        assert_eq!(two.streams(), 2);
        let refused = refusal(&limiter, NOTHING, STREAM);
        // Ten seconds is what a stream is taken for at first; two of them: one ends in five.
        assert_eq!(
            (refused.whose, refused.limit, refused.retry_after()),
            (Whose::Streams, 2, 5)
        );
        assert!(limiter.admit(ALICE, &NOTHING, PLAIN).is_ok());
        drop(one);
        assert!(limiter.admit(ALICE, &NOTHING, STREAM).is_ok());
        limiter.tidy();
        assert_eq!(limiter.figures().accounts, 1);
        drop(two);
        sleep(Duration::from_mins(3)).await;
        limiter.tidy();
        assert_eq!(limiter.figures().accounts, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_takes_nothing() {
        let limiter = limiter("requests_per_minute = 10\ntokens_per_minute = 100\nstreams = 1");
        let _held = limiter.admit(
            ALICE,
            &NOTHING,
            Demand {
                tokens: 100,
                stream: true,
            },
        );
        for _ in 0..100 {
            assert_eq!(refusal(&limiter, NOTHING, PLAIN).whose, Whose::Tokens);
            assert_eq!(refusal(&limiter, NOTHING, STREAM).whose, Whose::Streams);
        }
        let without = Allowance {
            tpm: Some(0),
            ..NOTHING
        };
        for _ in 0..9 {
            assert!(limiter.admit(ALICE, &without, PLAIN).is_ok());
        }
        assert_eq!(refusal(&limiter, without, PLAIN).whose, Whose::Key);
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_are_counted_and_an_ipv6_network_is_one() {
        let limiter = limiter("address_requests_per_minute = 2");
        let ask = |text: &str| limiter.address(text.parse().unwrap());
        assert!(ask("192.0.2.1").is_ok() && ask("::ffff:192.0.2.1").is_ok());
        let refused = ask("192.0.2.1").unwrap_err();
        assert_eq!(
            (refused.whose, refused.limit, refused.retry_after()),
            (Whose::Address, 2, 30)
        );
        assert!(ask("192.0.2.2").is_ok());
        assert!(ask("2001:db8::1").is_ok() && ask("2001:db8::2").is_ok());
        assert!(ask("2001:db8::3").is_err() && ask("2001:db8:0:1::3").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reload_forgives_nothing() {
        let limiter = limiter("requests_per_minute = 5");
        for _ in 0..5 {
            assert!(limiter.admit(ALICE, &NOTHING, PLAIN).is_ok());
        }
        for limit in [5, 6, 4] {
            limiter.reload(&toml::from_str(&format!("requests_per_minute = {limit}")).unwrap());
            assert_eq!(refusal(&limiter, NOTHING, PLAIN).limit, limit);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_is_refused_and_counted() {
        let limiter = limiter("upstream_permits = 1\nqueue_length = 0");
        let tenant: Arc<str> = "a".into();
        let held = limiter.permit(&tenant).await.ok().unwrap();
        assert_eq!(
            limiter.permit(&tenant).await.err().unwrap().whose,
            Whose::Queue
        );
        assert_eq!(limiter.figures().refused, [0, 0, 0, 0, 0, 1]);
        drop(held);
        assert!(limiter.permit(&tenant).await.is_ok());
    }
}
