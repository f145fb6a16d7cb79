//! A connection that knows whether it has answered before: one that broke at its second use was closed for idling.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::{Extensions, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{CaptureConnection, Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::connect::Connector;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Whether a connection has answered before; travels with it.
#[derive(Debug, Clone, Default)]
struct Answered(Arc<AtomicBool>);

/// Whether the connection that a request went out on had answered an earlier one.
pub(super) fn was_used(capture: &CaptureConnection) -> bool {
    answered(capture).is_some_and(|answered| answered.0.load(Ordering::Relaxed))
}

/// Notes that the connection has answered.
pub(super) fn mark_used(capture: &CaptureConnection) {
    if let Some(answered) = answered(capture) {
        answered.0.store(true, Ordering::Relaxed);
    }
}

fn answered(capture: &CaptureConnection) -> Option<Answered> {
    let mut extensions = Extensions::new();
    capture
        .connection_metadata()
        .as_ref()?
        .get_extras(&mut extensions);
    extensions.remove()
}

/// A connector whose connections remember.
#[derive(Clone)]
pub(super) struct Remembering(pub(super) Connector);

impl Service<Uri> for Remembering {
    type Response = Line;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Line, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            Ok(Line {
                stream: connecting.await?,
                answered: Answered::default(),
            })
        })
    }
}

/// One connection.
pub(super) struct Line {
    stream: MaybeHttpsStream<TokioIo<TcpStream>>,
    answered: Answered,
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        self.stream.connected().extra(self.answered.clone())
    }
}

impl Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}
