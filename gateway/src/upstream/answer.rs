//! An answer that goes to the client: its head, what was held back of it, and the rest as it comes.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use super::member::Ticket;
use crate::config::Label;
use crate::wire::Watch;

/// Where a stream's last events are looked for.
const TAIL: usize = 4096;

/// An answer from which there is no way back: no other upstream is asked any more.
pub struct Committed {
    /// Status and headers as they came, hop-by-hop ones included.
    pub head: Parts,
    /// The bytes, held ones first.
    pub body: Answer,
    /// Who answers.
    pub upstream: Label,
    /// The model's name there, if it was translated.
    pub alias: Option<String>,
    /// How often upstreams were asked for it.
    pub attempts: u32,
}

/// Why an answer ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The connection broke.
    BrokeOff,
    /// Nothing came for too long.
    Silent,
    /// A clean end without a finish reason or `[DONE]`.
    Unfinished,
    /// The time for the whole answer is over.
    OutOfTime,
}

impl Cut {
    /// For those who are cut off by it.
    pub fn words(self) -> &'static str {
        match self {
            Self::BrokeOff => "the upstream broke off",
            Self::Silent => "the upstream fell silent",
            Self::Unfinished => "the upstream ended the stream before its end",
            Self::OutOfTime => "the answer took longer than this line allows",
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl Error for Cut {}

/// The body. Dropping it closes the upstream's connection, which every upstream understands as "stop".
pub struct Answer {
    held: Bytes,
    rest: Option<Incoming>,
    longest_pause: Duration,
    alarm: Pin<Box<Sleep>>,
    until: Option<Instant>,
    finish: Option<Finish>,
    ticket: Ticket,
}

/// Watches a stream of completions for its end.
struct Finish {
    watch: Watch,
    tail: Vec<u8>,
}

/// How an answer's body is to be passed on.
pub(super) struct Passage {
    /// The longest silence.
    pub(super) longest_pause: Duration,
    /// The end of all patience.
    pub(super) until: Option<Instant>,
    /// Whether it is a stream that must not end just anywhere.
    pub(super) needs_finish: bool,
}

impl Answer {
    pub(super) fn new(
        held: Bytes,
        rest: Option<Incoming>,
        passage: &Passage,
        ticket: Ticket,
    ) -> Self {
        let mut finish = passage.needs_finish.then(|| Finish {
            watch: Watch::new(true),
            tail: Vec::new(),
        });
        if let Some(finish) = &mut finish {
            finish.feed(&held);
        }
        let alarm = next_alarm(passage.longest_pause, passage.until);
        Self {
            held,
            rest: rest.filter(|rest| !rest.is_end_stream()),
            longest_pause: passage.longest_pause,
            alarm: Box::pin(sleep_until(alarm)),
            until: passage.until,
            finish,
            ticket,
        }
    }

    /// What is here already: up to the first token, or the whole of a short answer.
    pub fn held(&self) -> &Bytes {
        &self.held
    }

    /// Whether all of it is here.
    pub fn is_whole(&self) -> bool {
        self.rest.is_none()
    }

    fn end(&mut self, why: Option<Cut>) -> Option<Result<Frame<Bytes>, Cut>> {
        // What was said in full may end in any way.
        let is_finished = self.finish.as_ref().map(Finish::is_reached);
        let cut = match (why, is_finished) {
            (_, Some(true)) | (None, None) => None,
            (None, Some(false)) => Some(Cut::Unfinished),
            (why, _) => why,
        };
        self.rest = None;
        self.finish = None;
        if cut.is_some() {
            self.ticket.cut();
        }
        cut.map(Err)
    }
}

impl Finish {
    fn feed(&mut self, bytes: &[u8]) {
        self.watch.feed(bytes);
        let fresh = &bytes[bytes.len().saturating_sub(TAIL)..];
        let surplus = (self.tail.len() + fresh.len()).saturating_sub(TAIL);
        self.tail.drain(..surplus);
        self.tail.extend_from_slice(fresh);
    }

    /// `[DONE]`, or the reason for the end: some upstreams send only that.
    fn is_reached(&self) -> bool {
        const KEY: &[u8] = b"\"finish_reason\":";
        let says_why = |(at, window): (usize, &[u8])| {
            let value = self.tail[at + KEY.len()..].trim_ascii_start();
            window == KEY && value.starts_with(b"\"")
        };
        self.watch.is_whole(false)
            || !self.watch.is_inside_an_event()
                && self.tail.windows(KEY.len()).enumerate().any(says_why)
    }
}

fn next_alarm(pause: Duration, until: Option<Instant>) -> Instant {
    let at = Instant::now() + pause;
    until.map_or(at, |until| until.min(at))
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        if !this.held.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.held)))));
        }
        let Some(rest) = &mut this.rest else {
            return Poll::Ready(this.end(None));
        };
        match Pin::new(rest).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let alarm = next_alarm(this.longest_pause, this.until);
                this.alarm.as_mut().reset(alarm);
                if let (Some(finish), Some(data)) = (&mut this.finish, frame.data_ref()) {
                    finish.feed(data);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(this.end(Some(Cut::BrokeOff))),
            Poll::Ready(None) => Poll::Ready(this.end(None)),
            Poll::Pending => {
                ready!(this.alarm.as_mut().poll(context));
                let is_over = this.until.is_some_and(|until| until <= Instant::now());
                let why = if is_over { Cut::OutOfTime } else { Cut::Silent };
                Poll::Ready(this.end(Some(why)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_empty()
            && self.finish.is_none()
            && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.held.len() as u64;
        match &self.rest {
            None => SizeHint::with_exact(held),
            // An error may have to be said at the end of a cut stream.
            Some(_) if self.finish.is_some() => SizeHint::default(),
            Some(rest) => match rest.size_hint().exact() {
                Some(rest) => SizeHint::with_exact(held + rest),
                None => SizeHint::default(),
            },
        }
    }
}
