//! One user: a kept-alive connection, a key, and a question at a time.

use std::fmt;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::time::Instant;

use super::exchange::connect;
use super::load::{Load, Target};
use crate::bench::{Ended, Source};

/// A user between two questions.
pub(super) struct User {
    target: Arc<Target>,
    load: Arc<Load>,
    number: u32,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// What came of a question.
pub(super) struct Answer {
    pub(super) ended: Ended,
    /// When the first token came.
    pub(super) first: Option<Instant>,
}

/// Why no answer came; few kinds, so that they can be counted.
pub(super) enum Fault {
    /// No connection stood.
    Connect,
    /// The request could not be written down.
    Request,
    /// The connection ended before the answer did.
    Broken,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "no connection",
            Self::Request => "no valid request",
            Self::Broken => "broken off",
        })
    }
}

impl User {
    pub(super) fn new(target: &Arc<Target>, load: &Arc<Load>, number: u32) -> Self {
        Self {
            target: Arc::clone(target),
            load: Arc::clone(load),
            number,
            sender: None,
        }
    }

    /// Lets go of the connection: what is left of an answer must not meet the next question.
    pub(super) fn hang_up(&mut self) {
        self.sender = None;
    }

    /// Asks, and reads the answer to its end.
    pub(super) async fn ask(&mut self, prompt: &str) -> Result<Answer, Fault> {
        let request = self.request(prompt).ok_or(Fault::Request)?;
        let sender = self.connected().await.map_err(|_| Fault::Connect)?;
        let response = sender.send_request(request).await;
        read(response.map_err(|_| Fault::Broken)?, self.load.is_streamed).await
    }

    async fn connected(&mut self) -> anyhow::Result<&mut SendRequest<Full<Bytes>>> {
        let mut kept = self.sender.take();
        if let Some(sender) = &mut kept
            && sender.ready().await.is_err()
        {
            // The other side closed it while nothing was asked.
            kept = None;
        }
        let sender = if let Some(sender) = kept {
            sender
        } else {
            let stream = connect(&self.target.destination).await?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            // Ends by itself once the sender is gone.
            tokio::spawn(connection);
            sender
        };
        Ok(self.sender.insert(sender))
    }

    fn request(&self, prompt: &str) -> Option<Request<Full<Bytes>>> {
        let target = &self.target;
        let token = &target.tokens[self.number as usize % target.tokens.len()];
        let mut shown = HeaderValue::try_from(format!("Bearer {}", token.expose())).ok()?;
        shown.set_sensitive(true);
        let body = json!({
            "model": self.load.model,
            "messages": [{"role": "user", "content": prompt}],
            "stream": self.load.is_streamed,
        });
        let mut request = Request::post(&target.path)
            .header(HOST, &target.authority)
            .header(AUTHORIZATION, shown)
            .header(CONTENT_TYPE, "application/json");
        if target.is_uncached {
            request = request.header("x-dsline-cache", "off");
        }
        request.body(Full::from(body.to_string())).ok()
    }
}

async fn read(response: Response<Incoming>, is_streamed: bool) -> Result<Answer, Fault> {
    let status = response.status().as_u16();
    let source = match response.headers().get("x-dsline-cache") {
        Some(value) if value == "hit" || value == "stale" => Source::Hit,
        Some(value) if value == "coalesced" => Source::Merged,
        _ => Source::Upstream,
    };
    let mut body = response.into_body();
    let mut first = None;
    let mut tail = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Fault::Broken)?.into_data() else {
            continue;
        };
        tail.extend_from_slice(&data);
        // Signs of life come before the first token.
        if first.is_none() && (!is_streamed || has(&tail, b"data:")) {
            first = Some(Instant::now());
        }
        let spare = tail.len().saturating_sub(DONE.len() + 4);
        tail.drain(..spare);
    }
    let ended = match status {
        200 if is_streamed && !has(&tail, DONE) => Ended::Failed("stream without end".to_owned()),
        200 => Ended::Answered(source),
        _ => Ended::Failed(format!("status {status}")),
    };
    Ok(Answer { ended, first })
}

/// What a whole stream ends with.
const DONE: &[u8] = b"[DONE]";

fn has(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}
