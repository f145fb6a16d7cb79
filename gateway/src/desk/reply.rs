//! Answers of this program's own: short texts, and errors in the API's shape.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};

use crate::wire::Failure;

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Any answer of this program.
pub type Reply = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// Says whether a client's library shall ask again by itself.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// No answer, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decline {
    /// What the client is told.
    pub failure: Failure,
    /// Whether its library's own retry helps; unsaid where libraries do not retry anyway.
    pub should_retry: Option<bool>,
}

impl Decline {
    /// The answer that says so.
    pub fn reply(&self, request_id: &str) -> Reply {
        let failure = &self.failure;
        let mut reply = text(failure.status, "application/json", failure.body(request_id));
        let headers = reply.headers_mut();
        if let Some(seconds) = failure.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Some(should) = self.should_retry {
            let word = if should { "true" } else { "false" };
            headers.insert(SHOULD_RETRY, HeaderValue::from_static(word));
        }
        reply
    }
}

/// A short answer, never to be cached.
pub fn text(status: StatusCode, kind: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(whole(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// A body that is here already.
pub(super) fn whole(body: Bytes) -> UnsyncBoxBody<Bytes, BoxError> {
    Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}
