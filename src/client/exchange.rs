//! One HTTP exchange over a connection of its own, with or without TLS, to an address chosen by the caller.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Nothing that is asked here has a longer answer.
const BODY_LIMIT: usize = 4 << 20;

/// How long the parts of an exchange may take.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// Until the connection stands, TLS included.
    pub(super) connect: Duration,
    /// Until the last byte has come.
    pub(super) total: Duration,
}

/// Where an exchange goes.
#[derive(Clone)]
pub(super) struct Destination {
    /// The address to connect to, whatever DNS says.
    pub(super) address: SocketAddr,
    /// TLS with the name to ask for; `None` for plain HTTP.
    pub(super) tls: Option<(Arc<ClientConfig>, String)>,
}

/// A whole answer.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// From the first packet of the connection to the answer's first byte.
    pub(super) first_byte: Duration,
    /// From the first packet of the connection to the answer's last byte.
    pub(super) total: Duration,
}

/// Connects, sends one request and reads the whole answer.
pub(super) async fn exchange(
    destination: &Destination,
    request: Request<Full<Bytes>>,
    patience: Patience,
) -> Result<Reply> {
    let address = destination.address;
    let start = Instant::now();
    let connected = tokio::time::timeout(patience.connect, connect(destination)).await;
    let stream = connected
        .map_err(|_| anyhow!("no connection with {address} within {:?}", patience.connect))??;
    let left = patience.total.saturating_sub(start.elapsed());
    let replied = tokio::time::timeout(left, converse(stream, request, start)).await;
    replied
        .map_err(|_| {
            anyhow!(
                "{address} did not answer in full within {:?}",
                patience.total
            )
        })?
        .with_context(|| format!("{address} broke off the exchange"))
}

/// A TLS configuration (ring, HTTP/1.1) that trusts these roots.
pub(super) fn tls_trusting(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks every default version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

/// The authorities that browsers trust.
pub(super) fn web_roots() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

pub(super) async fn connect(destination: &Destination) -> Result<Box<dyn Stream>> {
    let address = destination.address;
    let tcp = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {address}"))?;
    // A question is one small write; waiting to fill a packet would only show up in the times.
    tcp.set_nodelay(true)
        .with_context(|| format!("cannot set up the connection with {address}"))?;
    let Some((config, host)) = &destination.tls else {
        return Ok(Box::new(tcp));
    };
    let name =
        ServerName::try_from(host.clone()).with_context(|| format!("`{host}` is no host name"))?;
    let tls = TlsConnector::from(config.clone()).connect(name, tcp).await;
    Ok(Box::new(tls.with_context(|| {
        format!("TLS with {address} as `{host}` failed")
    })?))
}

async fn converse(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
    start: Instant,
) -> Result<Reply> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends by itself once sender and body are gone; its error also reaches one of them.
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let first_byte = start.elapsed();
    let body = Limited::new(body, BODY_LIMIT)
        .collect()
        .await
        .map_err(|error| anyhow!(error))?
        .to_bytes();
    Ok(Reply {
        status: parts.status,
        headers: parts.headers,
        body,
        first_byte,
        total: start.elapsed(),
    })
}

/// A byte stream in both directions: plain TCP, or TLS over it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}
