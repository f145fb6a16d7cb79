//! An answer's body on its way to one client: it keeps the books of the request, and closes them when it ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::heartbeat::Heartbeat;
use crate::flight::{Follower, Outcome};
use crate::limit::Ticket;
use crate::record::{Ending, Exchange, Usage};
use crate::wire::{UsedTokens, used_tokens};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The end of an answer, where its tokens are told, is no longer than this.
const TAIL: usize = 2048;

/// One client's answer. Dropped before its end, it is of a client that left.
pub struct Delivery<E> {
    body: Heartbeat<Follower<E>>,
    exchange: Exchange,
    ticket: Ticket,
    tail: Vec<u8>,
    /// Bytes that came before the first word.
    unspoken: u64,
    is_closed: bool,
}

impl<E> Delivery<E> {
    /// Takes over what is known of the request.
    pub fn new(body: Heartbeat<Follower<E>>, exchange: Exchange, ticket: Ticket) -> Self {
        let mut delivery = Self {
            body,
            exchange,
            ticket,
            tail: Vec::new(),
            unspoken: 0,
            is_closed: false,
        };
        // An answer without a body is not asked for one.
        delivery.close();
        delivery
    }

    fn note(&mut self, data: &Bytes) {
        self.unspoken += data.len() as u64;
        if self.body.body().has_spoken() {
            self.exchange.sent(std::mem::take(&mut self.unspoken));
            self.exchange.spoke();
        }
        if data.len() >= TAIL {
            self.tail.clear();
        } else if self.tail.len() + data.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
        let from = data.len().saturating_sub(TAIL);
        self.tail.extend_from_slice(&data[from..]);
    }

    /// Writes down how it ended, as soon as that is known.
    fn close(&mut self) {
        let Some(outcome) = self.body.body().outcome().filter(|_| !self.is_closed) else {
            return;
        };
        self.is_closed = true;
        self.exchange.sent(std::mem::take(&mut self.unspoken));
        self.exchange.ended(match outcome {
            Outcome::Complete => Ending::Complete,
            Outcome::UpstreamCut => Ending::UpstreamCut,
            Outcome::Outrun => Ending::Outrun,
        });
        if let Some(used) = used_tokens(&self.tail) {
            self.exchange.used(usage(used));
            self.ticket.settle(used.all());
        }
        self.tail = Vec::new();
    }
}

/// The same numbers, for the books.
pub fn usage(used: UsedTokens) -> Usage {
    Usage {
        prompt: used.prompt,
        completion: used.completion,
        cached: used.cached,
    }
}

impl<E> Body for Delivery<E> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            this.note(data);
        }
        this.close();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
