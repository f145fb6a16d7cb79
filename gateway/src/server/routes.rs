//! The clients' side: `/v1/*` goes through, health is answered here, everything else is not found.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use ring::rand::{SecureRandom, SystemRandom};

use super::gateway::Gateway;
use super::live::Live;
use super::rescue::{not_found, rescue, unauthorized, wrong_method};
use crate::proxy::{ascend, descend};
use crate::record::{Caller, Ending, Exchange};
use crate::upstream::Fault;
use crate::wire::{Failure, is_plain_path, usable_request_id};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Any answer of this program.
pub(super) type Reply = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// Answers a client.
pub(super) async fn answer(gateway: &Gateway, request: Request<Incoming>, peer: IpAddr) -> Reply {
    if let Some(reply) = health(gateway, request.method(), request.uri().path()) {
        return reply;
    }
    let request_id = usable_request_id(request.headers().get("x-request-id"))
        .map_or_else(new_request_id, str::to_owned);
    let mut exchange =
        gateway
            .ledger
            .open(&request_id, request.method().as_str(), request.uri().path());
    exchange.from_address(client_address(peer, request.headers()));
    let live = gateway.live();
    let mut reply = converse(gateway, &live, request, exchange).await;
    let mut tell = |name, text: &str| {
        let value = HeaderValue::try_from(text)
            .expect("labels and request ids are made of header characters");
        reply
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    };
    tell("x-request-id", &request_id);
    tell("x-dsline-node", live.settings.node.as_str());
    reply
}

/// The answer to a health check, on either side; `None` if the path is none of theirs.
pub(super) fn health(gateway: &Gateway, method: &Method, path: &str) -> Option<Reply> {
    let word = match path {
        "/healthz" if gateway.is_draining() => Err("draining"),
        "/healthz" => Ok(()),
        "/readyz" => gateway.readiness(),
        _ => return None,
    };
    Some(match word {
        _ if method != Method::GET && method != Method::HEAD => refuse(&wrong_method(), ""),
        Ok(()) => plain(StatusCode::OK, "ok\n"),
        Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, &format!("{why}\n")),
    })
}

async fn converse(
    gateway: &Gateway,
    live: &Live,
    request: Request<Incoming>,
    mut exchange: Exchange,
) -> Reply {
    let path = request.uri().path();
    if !path.starts_with("/v1/") || !is_plain_path(path) {
        return fail(&not_found(), exchange);
    }
    match live.keys.admit(request.headers().get(AUTHORIZATION)) {
        Some(fingerprint) => exchange.admitted(Caller {
            subject: None,
            fingerprint: Some(fingerprint.into()),
        }),
        None => return fail(&unauthorized(), exchange),
    }
    let body_limit = live.settings.limits.body_bytes;
    match ascend(&live.upstream, body_limit, request, &exchange).await {
        Ok(response) => descend(&live.upstream, response, exchange).map(BodyExt::boxed_unsync),
        Err(fault) => {
            if let Fault::Unreachable(detail) | Fault::BrokeOff(detail) = &fault {
                gateway.ledger.log.event(
                    "upstream_fault",
                    &format!("{}: {detail}", exchange.request_id()),
                );
            }
            fail(&rescue(&fault, body_limit), exchange)
        }
    }
}

/// What nginx says about its client is believed; nginx is the one on this machine.
fn client_address(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let told = headers
        .get("x-real-ip")
        .and_then(|value| value.to_str().ok());
    let told = told
        .filter(|_| peer.is_loopback())
        .and_then(|text| text.parse().ok());
    told.unwrap_or(peer)
}

fn fail(failure: &Failure, mut exchange: Exchange) -> Reply {
    let reply = refuse(failure, exchange.request_id());
    exchange.answered(failure.status.as_u16());
    exchange.sent(reply.body().size_hint().lower());
    exchange.ended(Ending::Complete);
    reply
}

/// An error answer.
pub(super) fn refuse(failure: &Failure, request_id: &str) -> Reply {
    let mut reply = text(failure.status, "application/json", failure.body(request_id));
    if let Some(seconds) = failure.retry_after {
        reply.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    reply
}

fn plain(status: StatusCode, words: &str) -> Reply {
    text(
        status,
        "text/plain; charset=utf-8",
        Bytes::copy_from_slice(words.as_bytes()),
    )
}

/// A short answer, never to be cached.
pub(super) fn text(status: StatusCode, kind: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(
        Full::new(body)
            .map_err(|never| match never {})
            .boxed_unsync(),
    );
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

fn new_request_id() -> String {
    let mut id = [0; 16];
    SystemRandom::new()
        .fill(&mut id)
        .expect("the kernel has randomness once user space runs");
    format!("{:032x}", u128::from_be_bytes(id))
}
