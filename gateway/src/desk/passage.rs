//! Every other path of the API: what comes goes up as it comes, and its answer comes back.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::intake::refuse;
use super::lead::{Lead, Payload};
use super::question::path_of;
use super::reply::{Decline, Reply};
use super::rescue::lost;
use super::visit::{Found, Fresh, Visit};
use crate::limit::{Demand, tokens};
use crate::proxy::Upload;
use crate::record::Verdict;

/// Passes a request through.
pub(super) async fn pass(mut visit: Visit, request: Request<Incoming>) -> Reply {
    match send(&mut visit, request).await {
        Ok(found) => visit.deliver(found),
        Err(decline) => visit.decline(&decline),
    }
}

async fn send(visit: &mut Visit, request: Request<Incoming>) -> Result<Found, Decline> {
    let limit = visit.live.settings.limits.body_bytes;
    let (head, body) = request.into_parts();
    let is_json = head
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let length = body.size_hint().lower();
    let mut ticket = visit.ticket(Demand {
        tokens: if is_json { tokens(length, None) } else { 0 },
        stream: false,
    })?;
    let payload = if body.is_end_stream() {
        Payload::Whole(Bytes::new())
    } else {
        match Upload::new(body, limit, visit.exchange.received()) {
            Ok(upload) => Payload::Upload(upload.boxed_unsync()),
            Err(body) => return Err(refuse(body, limit).await),
        }
    };
    let lead = Lead {
        live: Arc::clone(&visit.live),
        tenant: Arc::clone(&visit.caller.tenant),
        request_id: visit.exchange.request_id().to_owned(),
        method: head.method,
        path: path_of(&head.uri),
        headers: head.headers,
        payload,
        expected: None,
    };
    let begun = Instant::now();
    let seat = visit.live.flights.alone(move || lead.call());
    let answer = seat.answer(visit.exchange.request_id()).await;
    visit.exchange.waited(begun.elapsed());
    match answer {
        Ok((head, body)) => Ok(Found::Fresh(Fresh {
            head,
            body,
            ticket,
            verdict: Verdict::Bypass,
        })),
        Err(loss) => {
            ticket.settle(0);
            Err(lost(&loss, limit))
        }
    }
}
