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

#[cfg(test)]
mod tests {
    use tokio::task::JoinHandle;
    use tokio::time::sleep;

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    type Order = Arc<Mutex<Vec<String>>>;

    /// Waits for a permit, notes who got it, keeps it for a while.
    fn worker(turnstile: &Arc<Turnstile>, tenant: &str, order: &Order) -> JoinHandle<()> {
        let (turnstile, order) = (Arc::clone(turnstile), Arc::clone(order));
        let tenant: Arc<str> = tenant.into();
        tokio::spawn(async move {
            let permit = turnstile.permit(&tenant, LONG).await.ok().unwrap();
            order.lock().unwrap().push(tenant.to_string());
            sleep(Duration::from_secs(1)).await;
            drop(permit);
        })
    }

    async fn settled() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tenants_take_turns_and_none_starves() {
        let turnstile = Turnstile::new(1, 1000);
        let order = Order::default();
        let mut workers: Vec<_> = (0..100)
            .map(|_| worker(&turnstile, "greedy", &order))
            .collect();
        settled().await;
        for tenant in ["b", "c", "b", "c"] {
            workers.push(worker(&turnstile, tenant, &order));
            settled().await;
        }
        for worker in workers {
            worker.await.unwrap();
        }
        let order = order.lock().unwrap();
        let at = |tenant: &str| order.iter().rposition(|who| who == tenant).unwrap();
        assert!(at("b") <= 6 && at("c") <= 6, "{:?}", &order[..10]);
        assert_eq!((order.len(), turnstile.load()), (104, (0, 0)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_leaves_no_hole() {
        let turnstile = Turnstile::new(1, 10);
        let order = Order::default();
        let first = worker(&turnstile, "a", &order);
        settled().await;
        let gone: Vec<_> = (0..9)
            .map(|n| worker(&turnstile, &format!("gone-{n}"), &order))
            .collect();
        let last = worker(&turnstile, "last", &order);
        settled().await;
        assert_eq!(turnstile.load(), (1, 10));
        gone.iter().for_each(JoinHandle::abort);
        settled().await;
        assert_eq!(turnstile.load(), (1, 1));
        first.await.unwrap();
        last.await.unwrap();
        assert_eq!(*order.lock().unwrap(), ["a", "last"]);
        assert_eq!(turnstile.load(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_that_nobody_takes_any_more_goes_to_the_next() {
        let turnstile = Turnstile::new(1, 10);
        let tenant: Arc<str> = "a".into();
        let held = turnstile.permit(&tenant, LONG).await.ok().unwrap();
        let mut gone = Box::pin(turnstile.permit(&tenant, LONG));
        assert!(futures_are_pending(&mut gone).await);
        let mut next = Box::pin(turnstile.permit(&tenant, LONG));
        assert!(futures_are_pending(&mut next).await);
        // Granted, but dropped before it looked.
        drop(held);
        drop(gone);
        assert!(next.await.is_ok());
        assert_eq!(turnstile.load(), (0, 0));
    }

    async fn futures_are_pending<F: Future + Unpin>(future: &mut F) -> bool {
        timeout(Duration::from_millis(1), future).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn waits_end_and_say_when_to_come_back() {
        let turnstile = Turnstile::new(2, 10);
        let tenant: Arc<str> = "a".into();
        let held = [
            turnstile.permit(&tenant, LONG).await.ok().unwrap(),
            turnstile.permit(&tenant, LONG).await.ok().unwrap(),
        ];
        let began = Instant::now();
        let refusal = turnstile
            .permit(&tenant, Duration::from_secs(3))
            .await
            .err()
            .unwrap();
        assert_eq!((refusal.whose, refusal.limit), (Whose::Permits, 2));
        assert_eq!(began.elapsed().as_secs(), 3);
        assert_eq!(turnstile.load(), (2, 0));
        drop(held);
        assert!(turnstile.permit(&tenant, LONG).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_has_room_for_a_tenant_that_waits_less() {
        let turnstile = Turnstile::new(1, 4);
        let tenant: Arc<str> = "a".into();
        let held = turnstile.permit(&tenant, LONG).await.ok().unwrap();
        let waiting = |tenant: &str| {
            let (turnstile, tenant) = (Arc::clone(&turnstile), Arc::<str>::from(tenant));
            tokio::spawn(async move { turnstile.permit(&tenant, LONG).await.map(drop) })
        };
        let greedy: Vec<_> = (0..5).map(|_| waiting("greedy")).collect();
        settled().await;
        let modest = waiting("modest");
        settled().await;
        assert_eq!(turnstile.load(), (1, 4));
        drop(held);
        assert_eq!(modest.await.unwrap(), Ok(()));
        let mut refused = Vec::new();
        for one in greedy {
            refused.extend(
                one.await
                    .unwrap()
                    .err()
                    .map(|refusal| (refusal.whose, refusal.limit)),
            );
        }
        assert_eq!(refused, [(Whose::Queue, 4), (Whose::Queue, 4)]);
    }

    #[tokio::test(start_paused = true)]
    async fn more_permits_are_handed_out_at_once_and_fewer_are_not_called_back() {
        let turnstile = Turnstile::new(1, 10);
        let order = Order::default();
        let workers: Vec<_> = (0..6).map(|_| worker(&turnstile, "a", &order)).collect();
        settled().await;
        turnstile.resize(4, 10);
        settled().await;
        assert_eq!(turnstile.load(), (4, 2));
        turnstile.resize(1, 10);
        sleep(Duration::from_millis(1001)).await;
        settled().await;
        assert_eq!(turnstile.load(), (1, 1));
        for worker in workers {
            worker.await.unwrap();
        }
        assert_eq!(turnstile.load(), (0, 0));
    }
}
