//! A stream whose upstream is silent for long: the client gets a head and signs of life, and the answer when it comes.
//!
//! A status cannot be taken back, so this waits one heartbeat's interval first: what an upstream refuses, it refuses
//! sooner. After that, what goes wrong is told as an event, which every SDK raises on.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use tokio::time::{Sleep, sleep};

use super::reply::{BoxError, Decline};
use super::rescue::refused_late;
use super::visit::{Found, Visit};
use crate::proxy::BEAT;
use crate::record::{Ending, Verdict};

/// hyper drops what it has not yet written when a body fails, so the last event gets this long to leave.
const LAST_WORD: Duration = Duration::from_millis(50);

type Answer = Pin<Box<dyn Future<Output = Result<Found, Decline>> + Send>>;

/// An answer that is still waited for.
pub(super) struct Late {
    pub(super) answer: Answer,
    /// As far as it is known before.
    pub(super) verdict: Verdict,
}

/// The body of such an answer.
pub(super) struct LateBody {
    state: State,
    interval: Duration,
}

enum State {
    Waiting(Box<Waiting>),
    Flowing(UnsyncBoxBody<Bytes, BoxError>),
    Over(Pin<Box<Sleep>>),
}

struct Waiting {
    answer: Answer,
    visit: Option<Visit>,
    since: Instant,
    next_beat: Pin<Box<Sleep>>,
}

impl LateBody {
    /// Beats at once: a whole interval went by in silence.
    pub(super) fn new(late: Late, visit: Visit) -> Self {
        let streams = &visit.live.settings.streams;
        Self {
            interval: streams.heartbeat_seconds.duration(),
            state: State::Waiting(Box::new(Waiting {
                answer: late.answer,
                visit: Some(visit),
                since: Instant::now(),
                next_beat: Box::pin(sleep(Duration::ZERO)),
            })),
        }
    }
}

impl Waiting {
    /// What comes after the wait: the answer itself, or an event that says why there is none.
    fn proceed(
        &mut self,
        found: Result<Found, Decline>,
    ) -> Result<UnsyncBoxBody<Bytes, BoxError>, Bytes> {
        let mut visit = self.visit.take().expect("an answer comes once");
        visit.exchange.waited(self.since.elapsed());
        let decline = match found {
            Ok(Found::Fresh(fresh))
                if !fresh.head.is_stream || fresh.head.status != StatusCode::OK =>
            {
                refused_late(fresh.head.status)
            }
            Ok(found) => return Ok(visit.deliver(found).into_body()),
            Err(decline) => decline,
        };
        let event = decline.failure.event(visit.exchange.request_id(), false);
        visit.exchange.sent(event.len() as u64);
        visit.exchange.answered(decline.failure.status.as_u16());
        visit.exchange.ended(Ending::UpstreamCut);
        Err(event)
    }
}

impl Body for LateBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        loop {
            let waiting = match &mut this.state {
                State::Flowing(body) => return Pin::new(body).poll_frame(context),
                State::Over(last_word) => {
                    ready!(last_word.as_mut().poll(context));
                    return Poll::Ready(Some(Err("there is no answer".into())));
                }
                State::Waiting(waiting) => waiting,
            };
            let Poll::Ready(found) = waiting.answer.as_mut().poll(context) else {
                ready!(waiting.next_beat.as_mut().poll(context));
                let next = tokio::time::Instant::now() + this.interval;
                waiting.next_beat.as_mut().reset(next);
                return Poll::Ready(Some(Ok(Frame::data(BEAT))));
            };
            match waiting.proceed(found) {
                Ok(body) => this.state = State::Flowing(body),
                Err(event) => {
                    this.state = State::Over(Box::pin(sleep(LAST_WORD)));
                    return Poll::Ready(Some(Ok(Frame::data(event))));
                }
            }
        }
    }
}
