//! One upstream with its connections and what is known of its health.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::Context;
use http::HeaderValue;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::breaker::{Breaker, Change, Leave, Limits, Outcome, State};
use super::connect::Connector;
use super::event::{Event, Told};
use super::key::read_key;
use super::load::{Latency, score, share};
use super::order::{Order, Sending};
use super::tls::trust;
use super::trouble::Trouble;
use super::used::Remembering;
use crate::config::{Label, Provider, Retry};

/// Upstreams close idle connections after a minute or more; one that is closed just as a request goes out fails it.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// No honest answer has a larger head; hyper looks after each read, so that twice as much may pass.
const LARGEST_HEAD: usize = 64 * 1024;

/// A 403 may be about one model; so many in a row are about the key.
const STRIKES: u32 = 3;

/// An upstream that failed looks at least this slow, or failing fast would attract everybody.
const PENALTY: Duration = Duration::from_secs(1);

/// One upstream.
pub(super) struct Member {
    pub(super) provider: Provider,
    pub(super) key: Option<HeaderValue>,
    pub(super) client: Client<Remembering, Sending>,
    pub(super) told: Told,
    slow_start: Duration,
    condition: Mutex<Condition>,
}

struct Condition {
    breaker: Breaker,
    latency: Latency,
    pending: u32,
    rests_until: Option<Instant>,
    recovered: Option<Instant>,
    strikes: u32,
    last_trouble: Option<Trouble>,
}

/// How an upstream stands, for status and metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct UpstreamState {
    /// Its name.
    pub name: Label,
    /// `closed`, `open`, `half_open` or `benched`.
    pub breaker: &'static str,
    /// Seconds until it may be asked again; 0 if it may now.
    pub rests_seconds: u64,
    /// Milliseconds to the first token, as the choice sees it.
    pub latency_ms: f64,
    /// Requests and running answers.
    pub pending: u32,
    /// Whether there is a key.
    pub has_key: bool,
    /// What last went wrong, as [`Trouble::word`] says it.
    pub last_trouble: Option<&'static str>,
}

/// How far an upstream is from being asked: the smaller, the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Its breaker waits for a probe.
    Probe,
    /// It works.
    Ready,
    /// It works, and is kept for when the others do not.
    Standby,
    /// It asked to be left alone for a while.
    Resting,
    /// Its key was refused; asked only when there is nothing else.
    LastResort,
}

impl Member {
    pub(super) fn new(provider: &Provider, retry: &Retry, told: Told) -> anyhow::Result<Self> {
        let place = || format!("upstream `{}`", provider.name.as_str());
        let key = read_key(&provider.key_file)
            .with_context(|| format!("key_file {}", provider.key_file.display()))
            .with_context(place)?;
        let tls = trust(provider.ca_file.as_deref()).with_context(place)?;
        let connector = Remembering(Connector::new(tls, provider.connect_timeout));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(64)
            .http1_max_buf_size(LARGEST_HEAD)
            .build(connector);
        let now = Instant::now();
        let limits = Limits {
            trip_after: retry.trip_after,
            longest_open: retry.longest_open,
            bench: retry.bench,
        };
        Ok(Self {
            provider: provider.clone(),
            key,
            client,
            told,
            slow_start: retry.slow_start,
            condition: Mutex::new(Condition {
                breaker: Breaker::new(limits, now),
                latency: Latency::new(now),
                pending: 0,
                rests_until: None,
                recovered: None,
                strikes: 0,
                last_trouble: None,
            }),
        })
    }

    pub(super) fn name(&self) -> &Label {
        &self.provider.name
    }

    /// Whether it has the model that was asked for.
    pub(super) fn serves(&self, order: &Order) -> bool {
        let is_listed = |model: &String| self.provider.models.contains_key(model);
        !self.provider.only_listed_models || order.model.as_ref().is_some_and(is_listed)
    }

    /// How it stands, and its score among those that stand alike; `None` if it cannot be asked now.
    pub(super) fn standing(&self, now: Instant) -> Option<(Rank, f64)> {
        self.key.as_ref()?;
        let condition = self.condition();
        let is_benched = matches!(condition.breaker.state(), State::Benched(_));
        let is_standby = self.provider.weight == 0;
        let rank = match condition.breaker.would_admit(now, false) {
            None => {
                condition.breaker.would_admit(now, is_benched)?;
                Rank::LastResort
            }
            Some(_) if condition.rests_until.is_some_and(|until| until > now) => Rank::Resting,
            Some(_) if is_standby => Rank::Standby,
            Some(true) => Rank::Probe,
            Some(false) => Rank::Ready,
        };
        let since = condition
            .recovered
            .map(|at| now.saturating_duration_since(at));
        let weight = f64::from(self.provider.weight.max(1)) * share(since, self.slow_start);
        let score = score(condition.latency.ms(now), condition.pending, weight);
        Some((rank, score))
    }

    /// When it may be asked, if not now.
    pub(super) fn free_at(&self, now: Instant) -> Instant {
        match self.condition().breaker.state() {
            State::Open(until) | State::Benched(until) => until,
            State::Closed | State::HalfOpen => now + Duration::from_secs(1),
        }
    }

    /// Asks for leave to ask it.
    pub(super) fn admit(self: &Arc<Self>, now: Instant, rank: Rank) -> Option<Ticket> {
        let mut condition = self.condition();
        let leave = condition.breaker.admit(now, rank == Rank::LastResort)?;
        condition.pending += 1;
        Some(Ticket {
            member: Arc::clone(self),
            leave,
            is_settled: false,
        })
    }

    pub(super) fn state(&self, now: Instant) -> UpstreamState {
        let condition = self.condition();
        let (breaker, until) = match condition.breaker.state() {
            State::Closed => ("closed", condition.rests_until),
            State::Open(until) => ("open", Some(until)),
            State::HalfOpen => ("half_open", None),
            State::Benched(until) => ("benched", Some(until)),
        };
        UpstreamState {
            name: self.name().clone(),
            breaker,
            rests_seconds: until.map_or(0, |until| until.saturating_duration_since(now).as_secs()),
            latency_ms: condition.latency.ms(now),
            pending: condition.pending,
            has_key: self.key.is_some(),
            last_trouble: condition.last_trouble.map(Trouble::word),
        }
    }

    fn condition(&self) -> MutexGuard<'_, Condition> {
        self.condition
            .lock()
            .expect("no holder of this lock panics")
    }

    fn tell(&self, change: Option<Change>) {
        let upstream = self.name().clone();
        let event = match change {
            None => return,
            Some(Change::Tripped(time)) => Event::Tripped { upstream, time },
            Some(Change::Benched(time)) => Event::Benched { upstream, time },
            Some(Change::Recovered) => Event::Recovered { upstream },
        };
        (self.told)(&event);
    }
}

/// One attempt's place at an upstream: counted as pending while it lives, settled once.
pub(super) struct Ticket {
    pub(super) member: Arc<Member>,
    leave: Leave,
    is_settled: bool,
}

impl Ticket {
    /// An answer began (after so long, if that tells of its speed).
    pub(super) fn succeed(&mut self, latency: Option<Duration>) {
        let now = Instant::now();
        let change = {
            let mut condition = self.member.condition();
            if let Some(latency) = latency {
                condition.latency.observe(latency, now);
            }
            condition.strikes = 0;
            let change = condition.breaker.settle(self.leave, Outcome::Success, now);
            if change == Some(Change::Recovered) {
                condition.recovered = Some(now);
            }
            self.leave = condition.breaker.bystander();
            change
        };
        self.is_settled = true;
        self.member.tell(change);
    }

    /// There is no answer; `counts` unless the request was so odd that it says little about the upstream.
    pub(super) fn fail(&mut self, trouble: Trouble, took: Duration, counts: bool) {
        let now = Instant::now();
        let change = {
            let mut condition = self.member.condition();
            condition.last_trouble = Some(trouble);
            let outcome = match trouble {
                Trouble::KeyRefused(403) => {
                    condition.strikes += u32::from(counts);
                    let is_key = condition.strikes >= STRIKES;
                    if is_key {
                        Outcome::Refused
                    } else {
                        Outcome::Unknown
                    }
                }
                Trouble::Unwell(..) if !counts => Outcome::Unknown,
                trouble => trouble.outcome(),
            };
            if let Some(time) = trouble.retry_after() {
                condition.rests_until = Some(now + time.min(Duration::from_mins(1)));
            }
            if outcome == Outcome::Failure {
                condition.latency.observe(took.max(PENALTY), now);
            }
            condition.breaker.settle(self.leave, outcome, now)
        };
        self.is_settled = true;
        self.member.tell(change);
    }

    /// The answer that had begun broke off.
    pub(super) fn cut(&mut self) {
        let change = {
            let mut condition = self.member.condition();
            condition.last_trouble = Some(Trouble::BrokeOff);
            condition
                .breaker
                .settle(self.leave, Outcome::Failure, Instant::now())
        };
        (self.member.told)(&Event::Cut {
            upstream: self.member.name().clone(),
        });
        self.member.tell(change);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut condition = self.member.condition();
        condition.pending -= 1;
        if !self.is_settled {
            condition
                .breaker
                .settle(self.leave, Outcome::Unknown, Instant::now());
        }
    }
}
