//! Opens connections: name, TCP and TLS together within one time limit.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::name::Names;
use super::outcome::ConnectTimeout;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A connector that does not wait for ever.
#[derive(Clone)]
pub struct Connector {
    inner: HttpsConnector<HttpConnector<Names>>,
    limit: Duration,
}

impl Connector {
    /// Connects with this trust, within this time.
    pub fn new(tls: ClientConfig, limit: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Names::of_this_machine());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Several addresses share this, so that a dead first one leaves time for the second.
        tcp.set_connect_timeout(Some(limit));
        tcp.set_keepalive(Some(Duration::from_mins(1)));
        // HTTP/1.1 on purpose: leaving a stream then closes a connection, which every upstream understands as "stop".
        let inner = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self { inner, limit }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let limit = self.limit;
        Box::pin(async move {
            tokio::time::timeout(limit, connecting)
                .await
                .map_err(|_| ConnectTimeout)?
        })
    }
}
