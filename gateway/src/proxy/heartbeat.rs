//! Signs of life on a silent stream, so that nobody between here and the client closes it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::relay::Relay;
use crate::flight::Follower;

/// One newline on purpose: a blank line would end an event, and after one with an `id:` openai-python takes that for an
/// empty event and fails to parse it.
const BEAT: Bytes = Bytes::from_static(b": keep-alive\n");

/// A body that knows whether a line may be put in behind what it has given so far.
pub trait Pauses {
    /// Whether it is a stream of events and stands between two of them.
    fn is_between_events(&self) -> bool;
}

impl<E> Pauses for Follower<E> {
    fn is_between_events(&self) -> bool {
        Follower::is_between_events(self)
    }
}

impl Pauses for Relay {
    fn is_between_events(&self) -> bool {
        Relay::is_between_events(self)
    }
}

/// A stream with heartbeats; its own bytes stay what they are.
pub struct Heartbeat<B> {
    body: B,
    interval: Duration,
    silence: Pin<Box<Sleep>>,
    last: Instant,
}

impl<B> Heartbeat<B> {
    /// Beats whenever nothing was given for so long.
    pub fn new(body: B, interval: Duration) -> Self {
        Self {
            body,
            interval,
            silence: Box::pin(sleep(interval)),
            last: Instant::now(),
        }
    }
}

impl<B: Pauses> Heartbeat<B> {
    /// Whether a beat is due; the timer is set anew only when it fires, not for every chunk.
    fn poll_beat(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.silence.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let is_silent = now >= self.last + self.interval;
            if is_silent {
                self.last = now;
            }
            let next = self.last + self.interval;
            self.silence.as_mut().reset(next);
            if is_silent && self.body.is_between_events() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}

impl<B> Body for Heartbeat<B>
where
    B: Body<Data = Bytes> + Pauses + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.last = Instant::now();
            return Poll::Ready(frame);
        }
        self.poll_beat(context)
            .map(|()| Some(Ok(Frame::data(BEAT))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
