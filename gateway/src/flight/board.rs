//! All flights by key: who leads, who joins, and what finished stays for a while.

use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::hash::Hash;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http_body::Body;
use tokio::time::{Instant, sleep_until};

use super::answer::{Answer, Bounds, Head, Loss};
use super::figures::{Figures, Tally};
use super::follower::{Follower, Place};
use super::pump::Pump;
use super::shared::Flight;

/// What a kept flight costs beside its bytes: head, seats, and its places on the board.
const KEPT: usize = 4096;

/// The flights of this process. `K` says what is identical; `E` is what a leader's call can fail with.
pub struct Flights<K, E> {
    board: Mutex<Board<K, E>>,
    bounds: Bounds,
    tally: Arc<Tally>,
}

struct Board<K, E> {
    flights: HashMap<K, Arc<Flight<E>>>,
    /// Finished ones that can still be joined, oldest first, with the moment they go.
    kept: VecDeque<(Instant, K, Arc<Flight<E>>)>,
    has_sweeper: bool,
}

/// How a request came to its flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Its own call is the one that is made.
    Leads,
    /// It shares the call of an identical request.
    Joins,
}

/// A place in a flight whose answer has perhaps not begun. Dropping it leaves the flight.
pub struct Seat<E> {
    role: Role,
    place: Place<E>,
}

impl<E> Seat<E> {
    /// Whether this request leads or shares.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Waits for the head; then the body is there to be read, from its first byte. The id is told in errors.
    pub async fn answer(self, request_id: &str) -> Result<(Arc<Head>, Follower<E>), Loss<E>> {
        let head =
            poll_fn(|context| self.place.flight.poll_head(self.place.number, context)).await?;
        let follower = Follower::new(self.place, Arc::clone(&head), request_id);
        Ok((head, follower))
    }
}

impl<K, E> Flights<K, E>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// No flights yet.
    pub fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            board: Mutex::new(Board {
                flights: HashMap::new(),
                kept: VecDeque::new(),
                has_sweeper: false,
            }),
            bounds,
            tally: Arc::default(),
        })
    }

    /// A place in the flight of this key. If there is none, `lead` makes the call, in a task that belongs to the flight.
    pub fn join<B, L, F>(self: &Arc<Self>, key: K, lead: L) -> Seat<E>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Send,
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Answer<B>, E>> + Send + 'static,
    {
        let place = {
            let mut board = self.lock();
            if let Some(flight) = board.flights.get(&key)
                && let Some(number) = flight.join()
            {
                self.tally.merged.fetch_add(1, Ordering::Relaxed);
                let flight = Arc::clone(flight);
                return Seat {
                    role: Role::Joins,
                    place: Place { flight, number },
                };
            }
            let flight = Arc::new(Flight::new(&self.tally));
            // Before anyone else can see it, or a joiner that leaves at once would be the last one.
            let number = flight.join().expect("a new flight is open");
            board.flights.insert(key.clone(), Arc::clone(&flight));
            Place { flight, number }
        };
        self.launch(Some(key), place, lead)
    }

    /// A flight that nobody else can join, for what must not be shared.
    pub fn alone<B, L, F>(self: &Arc<Self>, lead: L) -> Seat<E>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Send,
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Answer<B>, E>> + Send + 'static,
    {
        let flight = Arc::new(Flight::new(&self.tally));
        let number = flight.join().expect("a new flight is open");
        flight.close();
        self.launch(None, Place { flight, number }, lead)
    }

    fn launch<B, L, F>(self: &Arc<Self>, key: Option<K>, place: Place<E>, lead: L) -> Seat<E>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Send,
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Answer<B>, E>> + Send + 'static,
    {
        let pump = Pump::new(Arc::clone(self), key, Arc::clone(&place.flight));
        let task = tokio::spawn(async move { pump.fly(lead()).await });
        place.flight.piloted_by(task.abort_handle());
        Seat {
            role: Role::Leads,
            place,
        }
    }

    /// The counts.
    pub fn figures(&self) -> Figures {
        let kept = self.lock().kept.len();
        self.tally.read(kept)
    }

    /// The bounds it was made with.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Takes a flight off the board, unless another has taken its place.
    pub(super) fn forget(&self, key: &K, flight: &Arc<Flight<E>>) {
        self.lock().forget(key, flight);
    }

    /// Keeps a finished flight for the window.
    pub(super) fn keep(self: &Arc<Self>, key: K, flight: Arc<Flight<E>>) {
        let mut board = self.lock();
        let until = Instant::now() + self.bounds.window;
        board.kept.push_back((until, key, flight));
        self.tally.bytes.fetch_add(KEPT, Ordering::Relaxed);
        if !std::mem::replace(&mut board.has_sweeper, true) {
            let flights = Arc::downgrade(self);
            tokio::spawn(async move {
                let mut next = until;
                loop {
                    sleep_until(next).await;
                    let Some(flights) = flights.upgrade() else {
                        return;
                    };
                    let Some(later) = flights.sweep() else { return };
                    next = later;
                }
            });
        }
        drop(board);
        self.relieve();
    }

    /// Lets the oldest finished flights go until all fits; says whether it does.
    pub(super) fn relieve(&self) -> bool {
        while self.is_over() {
            let mut board = self.lock();
            let Some((_, key, flight)) = board.kept.pop_front() else {
                return false;
            };
            self.tally.bytes.fetch_sub(KEPT, Ordering::Relaxed);
            flight.close();
            board.forget(&key, &flight);
            drop(board);
            drop(flight);
        }
        true
    }

    /// Whether all flights together hold more than they may.
    pub(super) fn is_over(&self) -> bool {
        self.tally.bytes.load(Ordering::Relaxed) > self.bounds.total_bytes
    }

    /// Lets go what is older than the window; says when to look again.
    fn sweep(&self) -> Option<Instant> {
        // Declared before the lock so that it is dropped after it: freeing many answers takes its time.
        let mut gone = Vec::new();
        let mut board = self.lock();
        let now = Instant::now();
        while let Some((until, key, flight)) = board.kept.pop_front() {
            if until > now {
                board.kept.push_front((until, key, flight));
                return Some(until);
            }
            self.tally.bytes.fetch_sub(KEPT, Ordering::Relaxed);
            flight.close();
            board.forget(&key, &flight);
            gone.push(flight);
        }
        board.has_sweeper = false;
        None
    }

    fn lock(&self) -> MutexGuard<'_, Board<K, E>> {
        self.board.lock().expect("nothing panics inside this lock")
    }
}

impl<K: Eq + Hash, E> Board<K, E> {
    fn forget(&mut self, key: &K, flight: &Arc<Flight<E>>) {
        if self
            .flights
            .get(key)
            .is_some_and(|found| Arc::ptr_eq(found, flight))
        {
            self.flights.remove(key);
        }
    }
}
