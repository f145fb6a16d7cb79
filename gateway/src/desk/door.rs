//! The door: who comes, from where, for what; whoever may not is told why, and the others are shown where to go.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{HeaderName, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use ring::rand::{SecureRandom, SystemRandom};

use super::conversation::{self, converse};
use super::live::Live;
use super::passage::pass;
use super::question;
use super::reply::{Decline, Reply, text};
use super::rescue::{denied, limited, not_found};
use super::visit::{Visit, turn_away};
use crate::cache::Endpoint;
use crate::config::Origin;
use crate::guard::Caller;
use crate::record::{Caller as Recorded, Ending, Exchange};
use crate::wire::{CorsRules, is_plain_path, usable_request_id};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NODE: HeaderName = HeaderName::from_static("x-dsline-node");

/// Answers a client.
pub async fn answer(live: Arc<Live>, request: Request<Incoming>, peer: IpAddr) -> Reply {
    let headers = request.headers();
    let id = usable_request_id(headers.get(REQUEST_ID)).map_or_else(new_request_id, str::to_owned);
    let (method, path) = (request.method(), request.uri().path());
    let mut exchange = live.ledger.open(&id, method.as_str(), path);
    let address = live.gate.client(peer, headers);
    exchange.from_address(address);
    let page = headers.get(ORIGIN).filter(|_| !live.origins.is_empty());
    let page = page.cloned();
    let mut reply = if page.is_some() && CorsRules::is_preflight(method, headers) {
        preflight(&live, headers, exchange)
    } else {
        let mut reply = receive(&live, request, address, exchange).await;
        if let Some(page) = page {
            let asked = HeaderMap::from_iter([(ORIGIN, page)]);
            with_rules(&live, |rules| rules.allow(&asked, reply.headers_mut()));
        }
        reply
    };
    let node = live.settings.node.as_str();
    for (name, text) in [(REQUEST_ID, &*id), (NODE, node)] {
        let value = HeaderValue::try_from(text).expect("labels and request ids fit into headers");
        reply.headers_mut().insert(name, value);
    }
    reply
}

async fn receive(
    live: &Arc<Live>,
    request: Request<Incoming>,
    address: IpAddr,
    mut exchange: Exchange,
) -> Reply {
    let caller = match admit(live, &request, address).await {
        Ok(caller) => caller,
        Err(decline) => return turn_away(&decline, exchange),
    };
    exchange.admitted(Recorded {
        subject: Some(Arc::clone(&caller.subject)),
        fingerprint: Some(caller.fingerprint.to_string().into()),
    });
    let visit = Visit {
        live: Arc::clone(live),
        caller,
        exchange,
    };
    let path = request.uri().path();
    if path == conversation::PATH {
        return converse(visit, request).await;
    }
    match Endpoint::at(path).filter(|_| request.method() == Method::POST) {
        Some(endpoint) => question::answer(visit, endpoint, request).await,
        None => pass(visit, request).await,
    }
}

/// Cheap refusals first: nobody's credentials are looked at for an address that asks too often, or for no path of ours.
async fn admit(
    live: &Live,
    request: &Request<Incoming>,
    address: IpAddr,
) -> Result<Arc<Caller>, Decline> {
    let metrics = &live.ledger.metrics;
    live.limiter.address(address).map_err(|refusal| {
        metrics.refused(refusal.whose.word());
        limited(&refusal)
    })?;
    let path = request.uri().path();
    let is_chat = path == conversation::PATH && live.settings.conversation.enabled;
    if !is_chat && (!path.starts_with("/v1/") || !is_plain_path(path)) {
        return Err(not_found());
    }
    let admitted = live.gate.admit(address, request.headers()).await;
    admitted.map_err(|denial| {
        metrics.denied(denial.word());
        denied(denial)
    })
}

fn preflight(live: &Live, asked: &HeaderMap, mut exchange: Exchange) -> Reply {
    let mut reply = text(StatusCode::NO_CONTENT, "text/plain", bytes::Bytes::new());
    with_rules(live, |rules| {
        *reply.headers_mut() = rules.preflight(asked);
    });
    exchange.answered(StatusCode::NO_CONTENT.as_u16());
    exchange.sent(0);
    exchange.ended(Ending::Complete);
    reply
}

fn with_rules(live: &Live, then: impl FnOnce(CorsRules<'_>)) {
    let origins: Vec<&str> = live.origins.iter().map(Origin::as_str).collect();
    then(CorsRules {
        origins: &origins,
        max_age: live.settings.cors.max_age_seconds.duration().as_secs(),
    });
}

fn new_request_id() -> String {
    let mut id = [0; 16];
    SystemRandom::new()
        .fill(&mut id)
        .expect("the kernel has randomness once user space runs");
    format!("{:032x}", u128::from_be_bytes(id))
}
