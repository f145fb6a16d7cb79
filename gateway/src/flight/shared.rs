//! One flight: a lock around what came so far and who reads it. Every decision about joining and leaving is made in it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::answer::{Ending, Head, Loss};
use super::figures::Tally;
use super::seats::Seats;
use super::tape::{Segment, Tape};

/// What the pump and the readers share.
pub(super) struct Flight<E> {
    state: Mutex<State<E>>,
    /// Tells a pump that waits for room that a reader moved.
    pub(super) moved: Notify,
    pub(super) tally: Arc<Tally>,
}

struct State<E> {
    head: Option<Result<Arc<Head>, Loss<E>>>,
    tape: Tape,
    ending: Option<Ending>,
    seats: Seats,
    /// Whether a new reader may come; once false, never true again.
    is_open: bool,
    /// The answer is whole though its body has not ended: leaving cancels nothing any more.
    is_settled: bool,
    pump_waits: bool,
    pump: Option<AbortHandle>,
}

/// What a reader gets.
pub(super) enum Step {
    Segment(Segment),
    End(Ending),
    /// It read too slowly.
    Outrun,
}

/// Whether the pump may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Enough,
    /// Even the foremost reader is far behind: the pump goes at its pace.
    AllSlow,
    /// Some are slow; they get a short grace.
    SomeSlow,
}

impl<E> Flight<E> {
    pub(super) fn new(tally: &Arc<Tally>) -> Self {
        tally.led.fetch_add(1, Ordering::Relaxed);
        tally.running.fetch_add(1, Ordering::Relaxed);
        Self {
            state: Mutex::new(State {
                head: None,
                tape: Tape::new(Arc::clone(tally)),
                ending: None,
                seats: Seats::default(),
                is_open: true,
                is_settled: false,
                pump_waits: false,
                pump: None,
            }),
            moved: Notify::new(),
            tally: Arc::clone(tally),
        }
    }

    /// A place, unless nobody may join any more.
    pub(super) fn join(&self) -> Option<usize> {
        let mut state = self.lock();
        state.is_open.then(|| state.seats.take())
    }

    /// Gives a place back; the last one to leave an unfinished flight cancels it.
    pub(super) fn leave(&self, place: usize) {
        let mut state = self.lock();
        state.seats.leave(place);
        let is_over = state.ending.is_some() || matches!(state.head, Some(Err(_)));
        let is_deserted = state.seats.served().next().is_none();
        if is_deserted && !is_over && !state.is_settled {
            // Under the same lock that joiners need: whoever comes later finds it closed and leads anew.
            state.is_open = false;
            if let Some(pump) = state.pump.take() {
                self.tally.cancelled.fetch_add(1, Ordering::Relaxed);
                drop(state);
                pump.abort();
            }
        } else if state.pump_waits {
            self.moved.notify_one();
        }
    }

    /// Remembers how to cancel. Called while the leader's place is taken, so nobody can have been the last yet.
    pub(super) fn piloted_by(&self, pump: AbortHandle) {
        self.lock().pump = Some(pump);
    }

    pub(super) fn poll_head(
        &self,
        place: usize,
        context: &Context<'_>,
    ) -> Poll<Result<Arc<Head>, Loss<E>>> {
        let mut state = self.lock();
        if let Some(head) = &state.head {
            return Poll::Ready(head.clone());
        }
        state.seats.reader(place).wait(context);
        Poll::Pending
    }

    pub(super) fn poll_next(&self, place: usize, context: &Context<'_>) -> Poll<Step> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let reader = state.seats.reader(place);
        if reader.is_outrun {
            return Poll::Ready(Step::Outrun);
        }
        if let Some(segment) = state.tape.at(reader.next) {
            reader.next += 1;
            if state.pump_waits {
                self.moved.notify_one();
            }
            return Poll::Ready(Step::Segment(segment.clone()));
        }
        if let Some(ending) = state.ending {
            return Poll::Ready(Step::End(ending));
        }
        reader.wait(context);
        Poll::Pending
    }

    /// The head is here; one that may not be kept closes the flight to newcomers.
    pub(super) fn begin(&self, head: Result<Head, Loss<E>>, wakers: &mut Vec<Waker>) {
        let mut state = self.lock();
        state.is_open &= head
            .as_ref()
            .is_ok_and(|head| head.status == http::StatusCode::OK);
        state.head.get_or_insert(head.map(Arc::new));
        state.seats.rouse(wakers);
    }

    /// The next bytes; says how much is held now.
    pub(super) fn push(
        &self,
        segment: Segment,
        is_settled: bool,
        wakers: &mut Vec<Waker>,
    ) -> usize {
        let mut state = self.lock();
        state.tape.push(segment);
        state.is_settled |= is_settled;
        state.seats.rouse(wakers);
        state.tape.held()
    }

    /// The end is here; says whether the flight can still be joined.
    pub(super) fn end(&self, ending: Ending, wakers: &mut Vec<Waker>) -> bool {
        let mut state = self.lock();
        if state.ending.is_none() {
            state.ending = Some(ending);
        }
        state.is_open &= matches!(ending, Ending::Whole { .. });
        // Nothing is left to cancel, and the handle would hold the task's memory (kilobytes) for as long as this is kept.
        state.pump = None;
        state.seats.rouse(wakers);
        state.is_open
    }

    /// Lets nobody join any more; says whether that is news.
    pub(super) fn close(&self) -> bool {
        std::mem::replace(&mut self.lock().is_open, false)
    }

    /// Frees what is read, if nobody will join, and looks whether the rest fits into `bound`.
    pub(super) fn make_room(&self, bound: usize) -> Room {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.pump_waits = false;
        if state.is_open {
            return Room::Enough;
        }
        let end = state.tape.end();
        let (hindmost, foremost) = state
            .seats
            .served()
            .fold((end, 0), |(hindmost, foremost), reader| {
                (hindmost.min(reader.next), foremost.max(reader.next))
            });
        state.tape.free_before(hindmost);
        if state.tape.held() <= bound {
            return Room::Enough;
        }
        state.pump_waits = true;
        if state.tape.behind(foremost) > bound / 2 {
            Room::AllSlow
        } else {
            Room::SomeSlow
        }
    }

    /// Cuts off those who are more than half of `bound` behind.
    pub(super) fn outrun(&self, bound: usize, wakers: &mut Vec<Waker>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        for reader in state.seats.served() {
            if state.tape.behind(reader.next) > bound / 2 {
                reader.is_outrun = true;
                self.tally.outrun.fetch_add(1, Ordering::Relaxed);
            }
        }
        state.seats.rouse(wakers);
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().expect("nothing panics inside this lock")
    }
}
