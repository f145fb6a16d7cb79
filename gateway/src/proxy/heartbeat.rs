//! Signs of life on a silent stream, so that nobody between here and the client closes it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::flight::Follower;

/// One newline on purpose: a blank line would end an event, and after one with an `id:` openai-python takes that for an
/// empty event and fails to parse it.
pub const BEAT: Bytes = Bytes::from_static(b": keep-alive\n");

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

/// A stream with heartbeats; its own bytes stay what they are.
pub struct Heartbeat<B> {
    body: B,
    interval: Duration,
    /// There for a body that may be silent for long.
    silence: Option<Pin<Box<Sleep>>>,
    last: Instant,
}

impl<B> Heartbeat<B> {
    /// Beats whenever nothing was given for so long.
    pub fn new(body: B, interval: Duration) -> Self {
        Self {
            body,
            interval,
            silence: Some(Box::pin(sleep(interval))),
            last: Instant::now(),
        }
    }

    /// A body that is no stream of events and never beats.
    pub fn without(body: B) -> Self {
        Self {
            body,
            interval: Duration::MAX,
            silence: None,
            last: Instant::now(),
        }
    }

    /// The body itself.
    pub fn body(&self) -> &B {
        &self.body
    }
}

impl<B: Pauses> Heartbeat<B> {
    /// Whether a beat is due; the timer is set anew only when it fires, not for every chunk.
    fn poll_beat(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(silence) = &mut self.silence else {
            return Poll::Pending;
        };
        while silence.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let is_silent = now >= self.last + self.interval;
            if is_silent {
                self.last = now;
            }
            let next = self.last + self.interval;
            silence.as_mut().reset(next);
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
            if self.silence.is_some() {
                self.last = Instant::now();
            }
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::BodyExt;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::wire::Watch;

    struct Stream(UnboundedReceiver<&'static str>, Watch);

    impl Pauses for Stream {
        fn is_between_events(&self) -> bool {
            !self.1.is_inside_an_event()
        }
    }

    impl Body for Stream {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let text = std::task::ready!(self.0.poll_recv(context));
            Poll::Ready(text.map(|text| {
                self.1.feed(text.as_bytes());
                Ok(Frame::data(text.into()))
            }))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_between_events_only() {
        let (say, lines) = unbounded_channel();
        let interval = Duration::from_secs(15);
        let mut body = Heartbeat::new(Stream(lines, Watch::new(true)), interval);
        tokio::spawn(async move {
            for (pause, text) in [
                (14, "data: 1\n\n"),
                (14, "data: 2\n\n"),
                (31, "data: {\"ha"),
                (40, "lf\":1}\n"),
                (40, "\n"),
                (16, "data: [DONE]\n\n"),
            ] {
                tokio::time::sleep(Duration::from_secs(pause)).await;
                say.send(text).unwrap();
            }
        });
        let mut seen = Vec::new();
        while let Some(frame) = body.frame().await {
            let bytes = frame.unwrap().into_data().unwrap();
            seen.push(String::from_utf8(bytes.to_vec()).unwrap());
        }
        let beat = ": keep-alive\n";
        assert_eq!(
            seen,
            [
                "data: 1\n\n",
                "data: 2\n\n",
                beat,
                beat,
                "data: {\"ha",
                "lf\":1}\n",
                "\n",
                beat,
                "data: [DONE]\n\n",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_waits_for_the_first_event_gets_a_beat_on_time() {
        let (_say, lines) = unbounded_channel();
        let interval = Duration::from_secs(15);
        let mut body = Heartbeat::new(Stream(lines, Watch::new(true)), interval);
        let began = Instant::now();
        for beats in 1..=3 {
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), BEAT);
            assert_eq!(began.elapsed().as_secs(), 15 * beats);
        }
    }
}
