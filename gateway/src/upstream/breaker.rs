//! Whether an upstream may be asked: a circuit breaker as a machine of (event, now), with no clock of its own.

use std::time::{Duration, Instant};

/// The first time a breaker stays open; each trip in a row doubles it.
const FIRST_OPEN: Duration = Duration::from_secs(1);

/// Two of these, the current and the one before, are what a failure rate is taken from.
const BUCKET: Duration = Duration::from_secs(10);

/// Fewer outcomes than this say nothing about a rate.
const ENOUGH: u32 = 20;

/// A benched credential that is the last resort is tried this often: a topped-up account needs no restart.
const LAST_RESORT: Duration = Duration::from_secs(15);

/// When it trips, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Failures in a row that open it.
    pub(super) trip_after: u32,
    /// The longest time it stays open.
    pub(super) longest_open: Duration,
    /// How long a refused credential is not used.
    pub(super) bench: Duration,
}

/// Closed is passing, as in an electric circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Everything passes.
    Closed,
    /// Nothing passes until then.
    Open(Instant),
    /// One probe is under way; nothing else passes.
    HalfOpen,
    /// The credential was refused; it is not used until then.
    Benched(Instant),
}

/// Leave to ask, to be given back with how it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// One of many, admitted in this period of being closed.
    Pass(u64),
    /// The one that decides whether the breaker closes.
    Probe(u64),
}

/// How it went, as far as a breaker cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The upstream works (an answer that blames the client included).
    Success,
    /// The upstream does not work.
    Failure,
    /// The upstream refused our credential.
    Refused,
    /// Nobody knows: the client left before it was clear.
    Unknown,
}

/// What an outcome changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Opened for so long.
    Tripped(Duration),
    /// The credential rests for so long.
    Benched(Duration),
    /// Closed again.
    Recovered,
}

/// One upstream's breaker.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    limits: Limits,
    state: State,
    /// Counts changes of state, so that what was asked before a change cannot speak after it.
    period: u64,
    in_a_row: u32,
    trips: u32,
    bucket_began: Instant,
    current: Tally,
    previous: Tally,
    last_resort: Option<Instant>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    all: u32,
    failed: u32,
}

impl Breaker {
    /// Closed, with nothing counted.
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            state: State::Closed,
            period: 0,
            in_a_row: 0,
            trips: 0,
            bucket_began: now,
            current: Tally::default(),
            previous: Tally::default(),
            last_resort: None,
        }
    }

    /// Where it stands.
    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Whether a request would get leave now, and whether it would be the probe.
    pub(super) fn would_admit(&self, now: Instant, is_last_resort: bool) -> Option<bool> {
        match self.state {
            State::Closed => Some(false),
            State::Open(until) | State::Benched(until) if until <= now => Some(true),
            State::Benched(_) if is_last_resort => {
                let is_due = self
                    .last_resort
                    .is_none_or(|last| now >= last + LAST_RESORT);
                is_due.then_some(true)
            }
            State::Open(_) | State::Benched(_) | State::HalfOpen => None,
        }
    }

    /// Asks for leave.
    pub(super) fn admit(&mut self, now: Instant, is_last_resort: bool) -> Option<Leave> {
        if !self.would_admit(now, is_last_resort)? {
            return Some(Leave::Pass(self.period));
        }
        self.last_resort = Some(now);
        self.enter(State::HalfOpen);
        Some(Leave::Probe(self.period))
    }

    /// A leave for what has been settled already and may yet go wrong: an answer that runs.
    pub(super) fn bystander(&self) -> Leave {
        Leave::Pass(self.period)
    }

    /// Takes a leave back, with how it went.
    pub(super) fn settle(
        &mut self,
        leave: Leave,
        outcome: Outcome,
        now: Instant,
    ) -> Option<Change> {
        let (Leave::Pass(period) | Leave::Probe(period)) = leave;
        let is_stray = matches!(leave, Leave::Pass(_)) && self.state != State::Closed;
        if period != self.period || is_stray {
            return None;
        }
        match (outcome, leave) {
            (Outcome::Refused, _) => Some(self.bench(now)),
            (Outcome::Unknown, Leave::Pass(_)) => None,
            // The next one may probe at once.
            (Outcome::Unknown, Leave::Probe(_)) => {
                self.enter(State::Open(now));
                None
            }
            (Outcome::Success, Leave::Probe(_)) => {
                self.reset(now);
                Some(Change::Recovered)
            }
            (Outcome::Failure, Leave::Probe(_)) => Some(self.trip(now)),
            (Outcome::Success, Leave::Pass(_)) => {
                self.in_a_row = 0;
                self.count(now, false);
                if self.in_peace() {
                    self.trips = 0;
                }
                None
            }
            (Outcome::Failure, Leave::Pass(_)) => {
                self.in_a_row += 1;
                self.count(now, true);
                (self.in_a_row >= self.limits.trip_after || self.fails_half())
                    .then(|| self.trip(now))
            }
        }
    }

    fn bench(&mut self, now: Instant) -> Change {
        self.enter(State::Benched(now + self.limits.bench));
        Change::Benched(self.limits.bench)
    }

    fn trip(&mut self, now: Instant) -> Change {
        let time = FIRST_OPEN
            .saturating_mul(1 << self.trips.min(16))
            .min(self.limits.longest_open);
        self.trips = self.trips.saturating_add(1);
        self.enter(State::Open(now + time));
        Change::Tripped(time)
    }

    fn reset(&mut self, now: Instant) {
        self.in_a_row = 0;
        self.bucket_began = now;
        self.current = Tally::default();
        self.previous = Tally::default();
        self.enter(State::Closed);
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.period += 1;
    }

    fn count(&mut self, now: Instant, failed: bool) {
        let age = now.saturating_duration_since(self.bucket_began);
        if age >= BUCKET {
            let is_next = age < BUCKET * 2;
            self.previous = if is_next {
                self.current
            } else {
                Tally::default()
            };
            self.current = Tally::default();
            self.bucket_began = now;
        }
        self.current.all += 1;
        self.current.failed += u32::from(failed);
    }

    fn fails_half(&self) -> bool {
        let all = self.current.all + self.previous.all;
        let failed = self.current.failed + self.previous.failed;
        all >= ENOUGH && failed * 2 >= all
    }

    /// Enough successes since it closed that the next trip is a new story.
    fn in_peace(&self) -> bool {
        self.current.failed + self.previous.failed == 0
            && self.current.all + self.previous.all >= ENOUGH
    }
}
