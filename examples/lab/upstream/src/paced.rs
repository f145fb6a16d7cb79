//! A body that comes piece by piece at a given pace, with signs of life before the first piece.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep};

use crate::stats::Visit;

/// hyper drops what it has not yet written when a body fails: the last piece gets this long to leave.
const BEFORE_CUT: Duration = Duration::from_millis(30);

/// What to send, and when.
pub struct Pace {
    /// Before the first piece.
    pub first: Duration,
    /// Between pieces.
    pub each: Duration,
    /// Sent every so often before the first piece.
    pub keepalive: Option<(Duration, &'static str)>,
    /// Whether the body breaks off after its last piece.
    pub is_cut: bool,
}

/// The body.
pub struct Paced {
    pieces: VecDeque<Bytes>,
    pace: Pace,
    has_begun: bool,
    next_piece: Instant,
    next_keepalive: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    visit: Visit,
}

impl Paced {
    /// Begins now; the visit lasts as long as the body.
    pub fn new(pieces: Vec<Bytes>, pace: Pace, visit: Visit) -> Self {
        let now = Instant::now();
        Self {
            pieces: pieces.into(),
            has_begun: false,
            next_piece: now + pace.first,
            next_keepalive: pace.keepalive.map(|(every, _)| now + every),
            timer: Box::pin(sleep(Duration::ZERO)),
            pace,
            visit,
        }
    }

    fn piece(&mut self) -> Option<Result<Frame<Bytes>, &'static str>> {
        let Some(piece) = self.pieces.pop_front() else {
            self.visit.finish();
            return self.pace.is_cut.then_some(Err("cut on purpose"));
        };
        self.has_begun = true;
        let is_last = self.pieces.is_empty() && self.pace.is_cut;
        self.next_piece += if is_last { BEFORE_CUT } else { self.pace.each };
        Some(Ok(Frame::data(piece)))
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        loop {
            let now = Instant::now();
            if now >= self.next_piece || self.pieces.is_empty() && !self.pace.is_cut {
                return Poll::Ready(self.piece());
            }
            let mut wake = self.next_piece;
            if let (false, Some(due), Some((every, life))) =
                (self.has_begun, self.next_keepalive, self.pace.keepalive)
            {
                if now >= due {
                    self.next_keepalive = Some(due + every);
                    return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(life.as_bytes())))));
                }
                wake = wake.min(due);
            }
            self.timer.as_mut().reset(wake);
            ready!(self.timer.as_mut().poll(context));
        }
    }
}
