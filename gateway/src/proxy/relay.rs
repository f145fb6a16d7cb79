//! An answer's body on its way down: bytes as they came, and an honest end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

use crate::record::{Ending, Exchange};
use crate::wire::{Failure, Watch};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// hyper drops what it has not yet written when a body fails, so the last event gets this long to leave.
const LAST_WORD: Duration = Duration::from_millis(50);

/// The upstream's body. Dropping it (the client left) drops the upstream's connection as well.
pub struct Relay {
    body: Incoming,
    patience: Duration,
    silence: Pin<Box<Sleep>>,
    /// There for a stream of events.
    watch: Option<Watch>,
    cut: Option<Pin<Box<Sleep>>>,
    exchange: Exchange,
}

impl Relay {
    /// Passes a body on; a stream of events comes with its watch.
    pub fn new(
        body: Incoming,
        patience: Duration,
        watch: Option<Watch>,
        mut exchange: Exchange,
    ) -> Self {
        if watch.is_none() && body.is_end_stream() {
            exchange.ended(Ending::Complete);
        }
        Self {
            body,
            patience,
            silence: Box::pin(sleep(patience)),
            watch,
            cut: None,
            exchange,
        }
    }

    /// Whether this is a stream of events that stands between two of them.
    pub fn is_between_events(&self) -> bool {
        let watch = self.watch.as_ref();
        self.cut.is_none() && watch.is_some_and(|watch| !watch.is_inside_an_event())
    }

    fn pass_on(&mut self, frame: &Frame<Bytes>) {
        let deadline = Instant::now() + self.patience;
        self.silence.as_mut().reset(deadline);
        if let Some(data) = frame.data_ref() {
            self.exchange.sent(data.len() as u64);
            if let Some(watch) = &mut self.watch {
                watch.feed(data);
            }
        }
        // A body of known length is not asked again after its last byte.
        if self.watch.is_none() && self.body.is_end_stream() {
            self.exchange.ended(Ending::Complete);
        }
    }

    /// The upstream has nothing more to say; `cleanly` as far as its connection tells.
    fn end(&mut self, cleanly: bool, why: &'static str) -> Option<Result<Frame<Bytes>, BoxError>> {
        let is_whole = self
            .watch
            .as_ref()
            .map_or(cleanly, |watch| watch.is_whole(cleanly));
        if is_whole {
            self.exchange.ended(Ending::Complete);
            return None;
        }
        self.exchange.ended(Ending::UpstreamCut);
        let Some(watch) = &self.watch else {
            return Some(Err(why.into()));
        };
        let failure = Failure {
            status: StatusCode::BAD_GATEWAY,
            family: "upstream_error",
            code: "upstream_cut",
            message: format!("The answer is incomplete: {why}. Ask again."),
            retry_after: None,
        };
        let event = failure.event(self.exchange.request_id(), watch.is_inside_an_event());
        self.exchange.sent(event.len() as u64);
        self.cut = Some(Box::pin(sleep(LAST_WORD)));
        Some(Ok(Frame::data(event)))
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(last_word) = &mut self.cut {
            ready!(last_word.as_mut().poll(context));
            return Poll::Ready(Some(Err("the upstream cut the stream".into())));
        }
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.pass_on(&frame);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(self.end(false, "the upstream broke off")),
            Poll::Ready(None) => {
                Poll::Ready(self.end(true, "the upstream ended the stream before [DONE]"))
            }
            Poll::Pending => {
                ready!(self.silence.as_mut().poll(context));
                Poll::Ready(self.end(false, "the upstream fell silent"))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // The end of a stream of events is a question, to be answered by `end`.
        self.watch.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.watch.is_none() {
            self.body.size_hint()
        } else {
            SizeHint::default()
        }
    }
}
