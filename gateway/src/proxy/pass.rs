//! The untouched way: what came is what goes on, except for the headers that must change.

use http::header::{CONTENT_LENGTH, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;

use super::relay::Relay;
use super::upload::Upload;
use crate::record::Exchange;
use crate::upstream::{Fault, Upstream};
use crate::wire::{
    Watch, is_event_stream, keep_end_to_end, withhold_from_clients, withhold_from_upstream,
};

/// Sends a request up and waits for the head of its answer.
pub async fn ascend(
    upstream: &Upstream<Upload>,
    body_limit: u64,
    request: Request<Incoming>,
    exchange: &Exchange,
) -> Result<Response<Incoming>, Fault> {
    let (head, body) = request.into_parts();
    let path = head
        .uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    let body =
        Upload::new(body, body_limit, exchange.received()).map_err(|_| Fault::BodyTooLarge)?;
    let mut upward = Request::new(body);
    *upward.method_mut() = head.method;
    *upward.headers_mut() = head.headers;
    keep_end_to_end(upward.headers_mut());
    withhold_from_upstream(upward.headers_mut());
    let id = HeaderValue::try_from(exchange.request_id())
        .expect("request ids are made of header characters");
    upward
        .headers_mut()
        .insert(HeaderName::from_static("x-request-id"), id);
    upstream.call(&path, upward).await
}

/// Prepares an answer for the client. From here on its body keeps the exchange, and closes it when it ends.
pub fn descend(
    upstream: &Upstream<Upload>,
    response: Response<Incoming>,
    mut exchange: Exchange,
) -> Response<Relay> {
    let (mut head, body) = response.into_parts();
    exchange.answered(head.status.as_u16());
    keep_end_to_end(&mut head.headers);
    withhold_from_clients(&mut head.headers);
    let watch = is_event_stream(&head.headers).then(|| {
        exchange.streams();
        // The length is unknown: an error may have to be said at the end of a cut stream.
        head.headers.remove(CONTENT_LENGTH);
        head.headers.insert(
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        );
        // Other streams (responses, audio) have end marks of their own; there only a broken connection counts as a cut.
        Watch::new(head.status.is_success() && exchange.path().ends_with("/completions"))
    });
    Response::from_parts(
        head,
        Relay::new(body, upstream.read_timeout(), watch, exchange),
    )
}
