//! One client's way through a flight: a body that begins at byte 0 and ends as honestly as the upstream's did.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::answer::{Ending, Head};
use super::shared::{Flight, Step};
use crate::wire::Failure;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// hyper drops what it has not yet written when a body fails, so the last event gets this long to leave.
const LAST_WORD: Duration = Duration::from_millis(50);

/// A place in a flight; dropping it leaves.
pub(super) struct Place<E> {
    pub(super) flight: Arc<Flight<E>>,
    pub(super) number: usize,
}

impl<E> Drop for Place<E> {
    fn drop(&mut self) {
        self.flight.leave(self.number);
    }
}

/// How an answer ended for one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It got all of it.
    Complete,
    /// The upstream broke off after the answer had begun.
    UpstreamCut,
    /// It read so slowly that the flight could no longer wait for it.
    Outrun,
}

/// The body of an answer, for one client of its flight. Dropping it (the client left) leaves the flight.
pub struct Follower<E> {
    place: Place<E>,
    head: Arc<Head>,
    request_id: Box<str>,
    sent: u64,
    is_between_events: bool,
    has_spoken: bool,
    outcome: Option<Outcome>,
    last_word: Option<Pin<Box<Sleep>>>,
}

impl<E> Follower<E> {
    pub(super) fn new(place: Place<E>, head: Arc<Head>, request_id: &str) -> Self {
        Self {
            place,
            request_id: request_id.into(),
            sent: 0,
            is_between_events: head.is_stream,
            has_spoken: false,
            outcome: (head.length == Some(0)).then_some(Outcome::Complete),
            last_word: None,
            head,
        }
    }

    /// How it ended; `None` while it has not. What is dropped without an outcome is a client that left.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Whether this client has got more than keep-alives and blank lines.
    pub fn has_spoken(&self) -> bool {
        self.has_spoken
    }

    /// Whether the bytes so far end between two events of a stream, where another line may be put in.
    pub fn is_between_events(&self) -> bool {
        self.is_between_events && self.outcome.is_none()
    }

    fn pass_on(&mut self, bytes: &Bytes) {
        self.sent += bytes.len() as u64;
        // A body of known length is not asked again after its last byte.
        if self.head.length == Some(self.sent) {
            self.outcome = Some(Outcome::Complete);
        }
    }

    fn break_off(&mut self, outcome: Outcome, failure: Failure) -> Result<Frame<Bytes>, BoxError> {
        self.outcome = Some(outcome);
        if !self.head.is_stream {
            return Err(failure.message.into());
        }
        let event = failure.event(&self.request_id, !self.is_between_events);
        self.last_word = Some(Box::pin(sleep(LAST_WORD)));
        Ok(Frame::data(event))
    }
}

fn upstream_cut(why: &str) -> Failure {
    Failure {
        status: StatusCode::BAD_GATEWAY,
        family: "upstream_error",
        code: "upstream_cut",
        message: format!("The answer is incomplete: {why}. Ask again."),
        retry_after: None,
    }
}

fn outrun() -> Failure {
    Failure {
        status: StatusCode::SERVICE_UNAVAILABLE,
        family: "server_error",
        code: "read_too_slowly",
        message:
            "The answer is incomplete: it was read too slowly to be held any longer. Ask again."
                .to_owned(),
        retry_after: None,
    }
}

impl<E> Body for Follower<E> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(last_word) = &mut self.last_word {
            ready!(last_word.as_mut().poll(context));
            return Poll::Ready(Some(Err("the stream was cut".into())));
        }
        if self.outcome.is_some() {
            return Poll::Ready(None);
        }
        let place = &self.place;
        Poll::Ready(
            match ready!(place.flight.poll_next(place.number, context)) {
                Step::Segment(segment) => {
                    self.is_between_events = segment.is_between_events;
                    self.has_spoken = segment.has_spoken;
                    self.pass_on(&segment.bytes);
                    Some(Ok(Frame::data(segment.bytes)))
                }
                Step::End(Ending::Whole { .. }) => {
                    self.outcome = Some(Outcome::Complete);
                    None
                }
                Step::End(Ending::Cut(why)) => {
                    Some(self.break_off(Outcome::UpstreamCut, upstream_cut(why)))
                }
                Step::Outrun => Some(self.break_off(Outcome::Outrun, outrun())),
            },
        )
    }

    fn is_end_stream(&self) -> bool {
        self.outcome == Some(Outcome::Complete)
    }

    fn size_hint(&self) -> SizeHint {
        let left = self
            .head
            .length
            .map(|length| length.saturating_sub(self.sent));
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
