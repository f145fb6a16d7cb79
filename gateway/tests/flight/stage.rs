//! The stage: flights, a script for the upstream's body, and clients that read to the end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use dsline_gateway::flight::{Answer, Bounds, Figures, Flights, Follower, Observer, Seat};
use http::Response;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// What a leader can fail with, here.
pub(crate) type Fault = &'static str;

/// What the upstream says next: bytes, or that it breaks off.
pub(crate) type Line = Result<Bytes, Fault>;

/// A body that says what a test sends; counted while it lives.
pub(crate) struct Script {
    lines: UnboundedReceiver<Line>,
    length: Option<u64>,
    alive: Arc<AtomicUsize>,
}

impl Drop for Script {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let line = std::task::ready!(self.lines.poll_recv(context));
        if let (Some(length), Some(Ok(bytes))) = (&mut self.length, &line) {
            *length -= bytes.len() as u64;
        }
        Poll::Ready(line.map(|line| line.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.length == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// Flights with an upstream that counts its calls and its living bodies.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) flights: Arc<Flights<u32, Fault>>,
    pub(crate) calls: Arc<AtomicUsize>,
    pub(crate) alive: Arc<AtomicUsize>,
}

/// What one call will answer.
pub(crate) struct Play {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) length: Option<u64>,
    pub(crate) observer: Option<Observer>,
}

impl Default for Play {
    fn default() -> Self {
        Self {
            status: 200,
            kind: "text/event-stream",
            length: None,
            observer: None,
        }
    }
}

impl Stage {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            flights: Flights::new(bounds),
            calls: Arc::default(),
            alive: Arc::default(),
        }
    }

    /// Joins; if this one leads, the answer is played from the returned end of the script.
    pub(crate) fn join(&self, key: u32, play: Play) -> (Seat<Fault>, UnboundedSender<Line>) {
        let (say, lines) = unbounded_channel();
        let (calls, alive) = (Arc::clone(&self.calls), Arc::clone(&self.alive));
        let seat = self.flights.join(key, move || async move {
            calls.fetch_add(1, Ordering::SeqCst);
            alive.fetch_add(1, Ordering::SeqCst);
            let script = Script {
                lines,
                length: play.length,
                alive,
            };
            Ok(play.answer(script))
        });
        (seat, say)
    }

    /// Joins with a leader that never gets a head; its body stands for the call.
    pub(crate) fn join_silent(&self, key: u32) -> Seat<Fault> {
        let (calls, alive) = (Arc::clone(&self.calls), Arc::clone(&self.alive));
        self.flights.join(key, move || async move {
            calls.fetch_add(1, Ordering::SeqCst);
            alive.fetch_add(1, Ordering::SeqCst);
            let (_say, lines) = unbounded_channel();
            let script = Script {
                lines,
                length: None,
                alive,
            };
            std::future::pending::<()>().await;
            Ok(Play::default().answer(script))
        })
    }

    pub(crate) fn figures(&self) -> Figures {
        self.flights.figures()
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    /// Waits until no upstream call lives; says how long that took.
    pub(crate) async fn until_cancelled(&self) -> Duration {
        let since = tokio::time::Instant::now();
        soon(async {
            while self.alive() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        since.elapsed()
    }
}

impl Play {
    fn answer(self, script: Script) -> Answer<Script> {
        let response = Response::builder()
            .status(self.status)
            .header("content-type", self.kind);
        Answer {
            response: response.body(script).unwrap(),
            patience: Duration::from_secs(20),
            needs_done: true,
            why: |_| "the upstream broke off",
            observer: self.observer,
        }
    }
}

/// Waits for what must come, and no longer than that.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_mins(1), what)
        .await
        .expect("it did not come in time")
}

/// One event.
pub(crate) fn event(number: usize) -> Bytes {
    format!("data: {{\"n\":{number}}}\n\n").into()
}

/// The end mark.
pub(crate) fn done() -> Bytes {
    Bytes::from_static(b"data: [DONE]\n\n")
}

/// The body of a seat's answer.
pub(crate) async fn body(seat: Seat<Fault>) -> Follower<Fault> {
    soon(seat.answer("r1")).await.unwrap().1
}

/// The next bytes; none after an error.
pub(crate) async fn read(body: &mut (impl Body<Data = Bytes> + Unpin)) -> Option<Bytes> {
    let frame = soon(body.frame()).await?.ok()?;
    frame.into_data().ok()
}

/// Everything up to the end, and whether that was clean.
pub(crate) async fn read_all(mut body: impl Body<Data = Bytes> + Unpin) -> (Vec<u8>, bool) {
    let mut all = Vec::new();
    while let Some(frame) = soon(body.frame()).await {
        match frame {
            Ok(frame) => all.extend_from_slice(frame.data_ref().unwrap()),
            Err(_) => return (all, false),
        }
    }
    (all, true)
}
