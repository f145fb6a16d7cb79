//! One upstream: where it is, the key it wants, and the call itself.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::connect::Connector;
use super::outcome::Fault;
use super::tls::trust;
use crate::config::{BaseUrl, Upstream as Settings};

/// Upstreams close idle connections after a minute or more; one that is closed just as a request goes out fails it.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// Where requests go, and with which key; cheap to ask for, no connection behind it.
pub struct Target {
    base_url: BaseUrl,
    key: Option<HeaderValue>,
    read_timeout: Duration,
}

/// A target with its pool of connections, for request bodies of type `B`.
pub struct Upstream<B> {
    target: Target,
    client: Client<Connector, B>,
}

impl Target {
    /// Reads the key file; a file that is not there leaves the target without a key.
    pub fn load(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            base_url: settings.base_url.clone(),
            key: read_key(&settings.key_file)
                .with_context(|| format!("key_file {}", settings.key_file.display()))?,
            read_timeout: settings.read_timeout_seconds.duration(),
        })
    }

    /// Whether there is a key to show.
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }
}

impl<B> Upstream<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Prepares connections as the settings say; opens none yet.
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        let tls = trust(settings.ca_file.as_deref())?;
        let connector = Connector::new(tls, settings.connect_timeout_seconds.duration());
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(64)
            .build(connector);
        Ok(Self {
            target: Target::load(settings)?,
            client,
        })
    }

    /// Where the requests go.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The longest silence to bear, before and within an answer.
    pub fn read_timeout(&self) -> Duration {
        self.target.read_timeout
    }

    /// Sends a request whose URI is a client's path and query, and waits for the head of the answer.
    pub async fn call(
        &self,
        path: &PathAndQuery,
        mut request: Request<B>,
    ) -> Result<Response<Incoming>, Fault> {
        let key = self.target.key.clone().ok_or(Fault::NoKey)?;
        request.headers_mut().insert(AUTHORIZATION, key);
        *request.uri_mut() = self
            .target
            .base_url
            .join(path)
            .map_err(|error| Fault::Unreachable(error.to_string()))?;
        let answer = tokio::time::timeout(self.target.read_timeout, self.client.request(request));
        let response = answer.await.map_err(|_| Fault::Silent)??;
        // The upstream's text may show parts of our key, and to the client it would seem to speak of its own.
        if response.status() == StatusCode::UNAUTHORIZED {
            Err(Fault::KeyRefused)
        } else {
            Ok(response)
        }
    }
}

/// Reads a key; a file that is not there is no key.
pub(super) fn read_key(file: &Path) -> anyhow::Result<Option<HeaderValue>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let key = text.trim();
    if key.is_empty() {
        return Ok(None);
    }
    ensure!(
        key.bytes().all(|byte| byte.is_ascii_graphic()),
        "must hold one key of visible ASCII characters"
    );
    let mut value = HeaderValue::try_from(format!("Bearer {key}"))?;
    // Keeps it out of every `Debug` output.
    value.set_sensitive(true);
    Ok(Some(value))
}
