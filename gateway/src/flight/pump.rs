//! The flight's own task: makes the call, reads the body at the upstream's pace, and says how it ended.

use std::future::{Future, poll_fn};
use std::hash::Hash;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Body;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::{Answer, Ending, Head, Loss, Observer, Sight};
use super::board::Flights;
use super::shared::{Flight, Room};
use super::tape::{Packer, Segment};
use crate::wire::{Speech, Watch, is_event_stream};

/// How long slow readers may hold up a full flight before they are cut off.
const GRACE: Duration = Duration::from_millis(250);

/// What one closed flight may hold while all together hold too much.
const UNDER_PRESSURE: usize = 64 * 1024;

/// What is left to come after `[DONE]` is the end of the body, which nobody waits for.
const AFTER_DONE: Duration = Duration::from_secs(1);

/// Dropped before its end (cancelled, or a panic), it tells everyone that there is nothing more to come.
pub(super) struct Pump<K, E>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    flights: Arc<Flights<K, E>>,
    /// Its name on the board, if it stands there.
    key: Option<K>,
    flight: Arc<Flight<E>>,
    /// Used again for each chunk.
    wakers: Vec<Waker>,
    is_closed: bool,
    is_over: bool,
}

/// What the pump knows about the bytes that went by.
struct Notes {
    watch: Option<Watch>,
    speech: Speech,
    packer: Packer,
}

impl<K, E> Pump<K, E>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// For a flight; a lone one (without a key) keeps only what its client has not read yet.
    pub(super) fn new(flights: Arc<Flights<K, E>>, key: Option<K>, flight: Arc<Flight<E>>) -> Self {
        Self {
            flights,
            is_closed: key.is_none(),
            key,
            flight,
            wakers: Vec::new(),
            is_over: false,
        }
    }

    /// From the call to the last byte.
    pub(super) async fn fly<B>(mut self, lead: impl Future<Output = Result<Answer<B>, E>>)
    where
        B: Body<Data = Bytes>,
    {
        match lead.await {
            Ok(answer) => self.relay(answer).await,
            Err(fault) => self.lose(Loss::Fault(Arc::new(fault))),
        }
    }

    async fn relay<B>(&mut self, answer: Answer<B>)
    where
        B: Body<Data = Bytes>,
    {
        let (parts, body) = answer.response.into_parts();
        let mut body = pin!(body);
        let is_stream = is_event_stream(&parts.headers);
        let needs_done = answer.needs_done && parts.status.is_success();
        let mut notes = Notes {
            watch: is_stream.then(|| Watch::new(needs_done)),
            speech: Speech::new(is_stream),
            packer: Packer::default(),
        };
        let head = Head {
            status: parts.status,
            headers: match &self.key {
                Some(_) => unbound(&parts.headers),
                None => parts.headers,
            },
            is_stream,
            length: body.size_hint().exact().filter(|_| !is_stream),
        };
        self.flight.begin(Ok(head), &mut self.wakers);
        self.wake();
        let mut observer = answer.observer;
        let (mut patience, why) = (answer.patience, answer.why);
        let ending = loop {
            self.wait_for_room().await;
            let Some(chunk) = (match next(body.as_mut(), patience, why).await {
                Ok(chunk) => chunk,
                Err(end) => break notes.judge(end),
            }) else {
                continue;
            };
            let segment = notes.hear(chunk);
            // A body of known length is whole with its last byte, and its readers are free to leave with it.
            let is_last = !is_stream && body.is_end_stream();
            let is_settled = is_last || notes.is_done();
            let chunk = segment.bytes.clone();
            let volume = self.flight.push(segment, is_settled, &mut self.wakers);
            self.wake();
            if let Some(observer) = &mut observer {
                observer(Sight::Chunk(&chunk));
            }
            self.bound(volume);
            if is_last {
                break Ending::Whole { cleanly: true };
            }
            if is_settled {
                patience = patience.min(AFTER_DONE);
            }
        };
        self.finish(ending, observer);
    }

    /// Stops to keep for joiners what is too much.
    fn bound(&mut self, held: usize) {
        if self.is_closed {
            return;
        }
        let is_too_large = held > self.flights.bounds().flight_bytes;
        if is_too_large || self.flights.is_over() && !self.flights.relieve() {
            self.is_closed = true;
            if self.flight.close() {
                self.flight.tally.overflowed.fetch_add(1, Ordering::Relaxed);
                self.forget();
            }
        }
    }

    async fn wait_for_room(&mut self) {
        let mut deadline = None;
        while self.is_closed {
            let mut bound = self.flights.bounds().flight_bytes;
            if self.flights.is_over() {
                bound = bound.min(UNDER_PRESSURE);
            }
            match self.flight.make_room(bound) {
                Room::Enough => return,
                Room::AllSlow => {
                    deadline = None;
                    self.flight.moved.notified().await;
                }
                Room::SomeSlow => {
                    let until = *deadline.get_or_insert_with(|| Instant::now() + GRACE);
                    if timeout_at(until, self.flight.moved.notified())
                        .await
                        .is_err()
                    {
                        self.flight.outrun(bound, &mut self.wakers);
                        self.wake();
                        deadline = None;
                    }
                }
            }
        }
    }

    fn lose(&mut self, loss: Loss<E>) {
        self.is_over = true;
        self.flight.begin(Err(loss), &mut self.wakers);
        self.leave_the_board();
    }

    fn finish(&mut self, ending: Ending, observer: Option<Observer>) {
        self.is_over = true;
        let is_open = self.flight.end(ending, &mut self.wakers);
        let has_window = is_open && !self.flights.bounds().window.is_zero();
        if let Some(key) = self.key.take_if(|_| has_window) {
            self.flight.tally.running.fetch_sub(1, Ordering::Relaxed);
            self.flights.keep(key, Arc::clone(&self.flight));
            self.wake();
        } else {
            self.leave_the_board();
        }
        if let Some(mut observer) = observer {
            observer(Sight::End(ending));
        }
    }

    /// Off the board before anyone hears of it: whoever asks again then leads anew.
    fn leave_the_board(&mut self) {
        self.flight.close();
        self.forget();
        self.flight.tally.running.fetch_sub(1, Ordering::Relaxed);
        self.wake();
    }

    fn forget(&self) {
        if let Some(key) = &self.key {
            self.flights.forget(key, &self.flight);
        }
    }

    fn wake(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
    }
}

impl<K, E> Drop for Pump<K, E>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    fn drop(&mut self) {
        if !self.is_over {
            self.flight.begin(Err(Loss::Vanished), &mut self.wakers);
            let cut = Ending::Cut("the shared call vanished");
            self.flight.end(cut, &mut self.wakers);
            self.leave_the_board();
        }
    }
}

/// The same headers with values of their own: as they came, one of them holds its connection's whole read buffer (8 KiB)
/// for as long as the flight is kept.
fn unbound(headers: &HeaderMap) -> HeaderMap {
    let copy = |value: &HeaderValue| {
        let mut copy = HeaderValue::from_bytes(value.as_bytes()).expect("it was a value before");
        copy.set_sensitive(value.is_sensitive());
        copy
    };
    let mut copies = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        copies.append(name, copy(value));
    }
    copies
}

/// Why a body gives no more: whether cleanly, and in words.
type End = (bool, &'static str);

/// The next bytes; `None` for a frame without any.
async fn next<B>(
    mut body: Pin<&mut B>,
    patience: Duration,
    why: fn(&B::Error) -> &'static str,
) -> Result<Option<Bytes>, End>
where
    B: Body<Data = Bytes>,
{
    let frame = poll_fn(|context| body.as_mut().poll_frame(context));
    match timeout(patience, frame).await {
        Ok(Some(Ok(frame))) => Ok(frame.into_data().ok().filter(|data| !data.is_empty())),
        Ok(Some(Err(fault))) => Err((false, why(&fault))),
        Ok(None) => Err((true, "the upstream ended the stream before [DONE]")),
        Err(_) => Err((false, "the upstream fell silent")),
    }
}

impl Notes {
    fn hear(&mut self, chunk: Bytes) -> Segment {
        if let Some(watch) = &mut self.watch {
            watch.feed(&chunk);
        }
        let has_spoken = self.speech.feed(&chunk);
        let watch = self.watch.as_ref();
        Segment {
            is_between_events: watch.is_some_and(|watch| !watch.is_inside_an_event()),
            has_spoken,
            bytes: self.packer.pack(chunk),
        }
    }

    fn is_done(&self) -> bool {
        self.watch
            .as_ref()
            .is_some_and(|watch| watch.is_whole(false))
    }

    fn judge(&self, (cleanly, why): End) -> Ending {
        let watch = self.watch.as_ref();
        if watch.map_or(cleanly, |watch| watch.is_whole(cleanly)) {
            Ending::Whole { cleanly }
        } else {
            Ending::Cut(why)
        }
    }
}
