//! Permits for upstream calls: so many at once, and a queue that is fair to tenants, bounded in length and time.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::refusal::{Refusal, Whose};

/// What a call is taken to last before any has ended.
const FIRST_GUESS: u64 = 2_000_000;

/// The shortest and the longest wait that a refused request is told: a guess further out than this is none.
const TOLD: (u64, u64) = (1_000_000, 300_000_000);

/// Hands out permits; one per node.
pub struct Turnstile {
    line: Mutex<Line>,
    /// How long permits are kept, in microseconds, smoothed.
    hold: AtomicU64,
}

/// The right to one upstream call; given back when dropped.
pub struct Permit {
    turnstile: Option<Arc<Turnstile>>,
    since: Instant,
}

#[derive(Default)]
struct Line {
    limit: usize,
    held: usize,
    longest: usize,
    waiting: usize,
    tickets: u64,
    queues: HashMap<Arc<str>, VecDeque<Waiter>>,
    /// The tenants that wait, the next to be served first.
    turns: VecDeque<Arc<str>>,
}

struct Waiter {
    ticket: u64,
    answer: oneshot::Sender<Result<Permit, Refusal>>,
}

/// A place in the queue; left when dropped, so that a client that went away leaves no hole.
struct Place<'a> {
    turnstile: &'a Turnstile,
    tenant: Arc<str>,
    ticket: u64,
}

impl Turnstile {
    /// So many permits at once, and room for so many that wait.
    pub fn new(permits: u32, queue_length: u32) -> Arc<Self> {
        let turnstile = Arc::new(Self {
            line: Mutex::default(),
            hold: AtomicU64::new(FIRST_GUESS),
        });
        turnstile.resize(permits, queue_length);
        turnstile
    }

    /// Changes both numbers; permits beyond a smaller one are not called back, but not given again.
    pub fn resize(self: &Arc<Self>, permits: u32, queue_length: u32) {
        {
            let mut line = self.line();
            line.limit = permits.try_into().expect("32 bits fit");
            line.longest = queue_length.try_into().expect("32 bits fit");
        }
        self.hand_out();
    }

    /// Waits for a permit, not longer than this. Dropping the future leaves the queue.
    pub async fn permit(
        self: &Arc<Self>,
        tenant: &Arc<str>,
        longest_wait: Duration,
    ) -> Result<Permit, Refusal> {
        let (ticket, answer) = {
            let mut line = self.line();
            if line.waiting == 0 && line.held < line.limit {
                line.held += 1;
                return Ok(self.new_permit());
            }
            if line.waiting >= line.longest && !self.push_out(&mut line, tenant) {
                return Err(self.refusal(&line, Whose::Queue));
            }
            line.enter(tenant)
        };
        let _place = Place {
            turnstile: self,
            tenant: Arc::clone(tenant),
            ticket,
        };
        // Somebody may have given a permit back while others were still in front.
        self.hand_out();
        match timeout(longest_wait, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(self.refusal(&self.line(), Whose::Permits)),
        }
    }

    /// Permits in use, and requests that wait.
    pub fn load(&self) -> (usize, usize) {
        let line = self.line();
        (line.held, line.waiting)
    }

    fn hand_out(self: &Arc<Self>) {
        loop {
            let waiter = {
                let mut line = self.line();
                if line.held >= line.limit {
                    return;
                }
                let Some(waiter) = line.next() else { return };
                line.held += 1;
                waiter
            };
            // The permit itself travels: if its receiver is gone, now or before it looks, the permit comes back.
            if let Err(Ok(mut unwanted)) = waiter.answer.send(Ok(self.new_permit())) {
                unwanted.turnstile = None;
                self.line().held -= 1;
            }
        }
    }

    /// Makes room in a full queue at the cost of the tenant with the longest one, if that is fair.
    fn push_out(&self, line: &mut Line, arriving: &Arc<str>) -> bool {
        let own = line.queues.get(arriving).map_or(0, VecDeque::len);
        let Some((greedy, length)) = line
            .queues
            .iter()
            .map(|(tenant, queue)| (Arc::clone(tenant), queue.len()))
            .max_by_key(|(_, length)| *length)
        else {
            return false;
        };
        if length <= own + 1 {
            return false;
        }
        let refusal = self.refusal(line, Whose::Queue);
        let newest = line.queues.get(&greedy).and_then(|queue| queue.back());
        let Some(waiter) = newest
            .map(|waiter| waiter.ticket)
            .and_then(|ticket| line.leave(&greedy, ticket))
        else {
            return false;
        };
        // Its client may be gone already; the place is free either way.
        let _ = waiter.answer.send(Err(refusal));
        true
    }

    fn refusal(&self, line: &Line, whose: Whose) -> Refusal {
        let limit = if whose == Whose::Queue {
            line.longest
        } else {
            line.limit
        };
        let in_front = u64::try_from(line.waiting + 1).unwrap_or(u64::MAX);
        let permits = u64::try_from(line.limit.max(1)).unwrap_or(u64::MAX);
        let hold = self.hold.load(Ordering::Relaxed);
        let micros = hold.saturating_mul(in_front) / permits;
        Refusal {
            whose,
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            wait: Duration::from_micros(micros.clamp(TOLD.0, TOLD.1)),
        }
    }

    fn new_permit(self: &Arc<Self>) -> Permit {
        Permit {
            turnstile: Some(Arc::clone(self)),
            since: Instant::now(),
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn enter(&mut self, tenant: &Arc<str>) -> (u64, oneshot::Receiver<Result<Permit, Refusal>>) {
        let (answer, answered) = oneshot::channel();
        self.tickets += 1;
        self.waiting += 1;
        let queue = self.queues.entry(Arc::clone(tenant)).or_default();
        if queue.is_empty() {
            self.turns.push_back(Arc::clone(tenant));
        }
        queue.push_back(Waiter {
            ticket: self.tickets,
            answer,
        });
        (self.tickets, answered)
    }

    /// Takes the first waiter of the tenant whose turn it is, and puts that tenant to the end.
    fn next(&mut self) -> Option<Waiter> {
        let tenant = self.turns.pop_front()?;
        let queue = self.queues.get_mut(&tenant)?;
        let waiter = queue.pop_front()?;
        self.waiting -= 1;
        if queue.is_empty() {
            self.queues.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        Some(waiter)
    }

    fn leave(&mut self, tenant: &Arc<str>, ticket: u64) -> Option<Waiter> {
        let queue = self.queues.get_mut(tenant)?;
        // Tickets rise within a queue.
        let place = queue
            .binary_search_by_key(&ticket, |waiter| waiter.ticket)
            .ok()?;
        let waiter = queue.remove(place)?;
        self.waiting -= 1;
        if queue.is_empty() {
            self.queues.remove(tenant);
            self.turns.retain(|waiting| waiting != tenant);
        }
        Some(waiter)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let gone = self.turnstile.line().leave(&self.tenant, self.ticket);
        drop(gone);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(turnstile) = self.turnstile.take() else {
            return;
        };
        let lasted = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let before = turnstile.hold.load(Ordering::Relaxed);
        // An eighth of the new one: a lost update among threads only smooths more.
        turnstile
            .hold
            .store(before - before / 8 + lasted / 8, Ordering::Relaxed);
        turnstile.line().held -= 1;
        turnstile.hand_out();
    }
}
