//! A request body on its way up: counted, and stopped at the limit.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::upstream::TooLarge;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The client's body, never held whole in memory.
pub struct Upload {
    body: Incoming,
    limit: u64,
    received: Arc<AtomicU64>,
}

impl Upload {
    /// Gives back at once what already says that it is too large.
    pub fn new(body: Incoming, limit: u64, received: Arc<AtomicU64>) -> Result<Self, Incoming> {
        if body.size_hint().lower() > limit {
            Err(body)
        } else {
            Ok(Self {
                body,
                limit,
                received,
            })
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)?) else {
            return Poll::Ready(None);
        };
        let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
        if self.received.fetch_add(bytes, Ordering::Relaxed) + bytes > self.limit {
            return Poll::Ready(Some(Err(TooLarge.into())));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
