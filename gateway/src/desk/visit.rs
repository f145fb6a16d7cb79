//! One request that was let in, and the three ways in which it ends: declined, answered from what is kept, or passed on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AGE, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;

use super::late::{Late, LateBody};
use super::lead::{Lack, UPSTREAM};
use super::live::Live;
use super::reply::{Decline, Reply, whole};
use super::rescue::limited;
use crate::cache::{Form, Tokens};
use crate::flight::{Follower, Head};
use crate::guard::Caller;
use crate::limit::{Demand, Ticket};
use crate::proxy::{Delivery, Heartbeat, usage};
use crate::record::{Ending, Exchange, Usage, Verdict};
use crate::wire::used_tokens;

/// Where an answer came from.
const CACHE: HeaderName = HeaderName::from_static("x-dsline-cache");

/// Tells nginx to pass each event on at once.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A request of somebody who may ask.
pub(super) struct Visit {
    pub(super) live: Arc<Live>,
    pub(super) caller: Arc<Caller>,
    pub(super) exchange: Exchange,
}

/// An answer.
pub(super) enum Found {
    /// From the cache.
    Kept(Kept),
    /// From upstream, perhaps by another request's call.
    Fresh(Fresh),
    /// From upstream, which is silent so far.
    Late(Late),
}

/// An answer of the cache.
pub(super) struct Kept {
    pub(super) body: Bytes,
    pub(super) form: Form,
    pub(super) age: Duration,
    pub(super) tokens: Tokens,
    pub(super) verdict: Verdict,
}

/// An answer that flows, and the request's place in its caller's limits.
pub(super) struct Fresh {
    pub(super) head: Arc<Head>,
    pub(super) body: Follower<Lack>,
    pub(super) ticket: Ticket,
    pub(super) verdict: Verdict,
}

impl Visit {
    /// Takes what the request needs of its caller's limits.
    pub(super) fn ticket(&self, demand: Demand) -> Result<Ticket, Decline> {
        let caller = &self.caller;
        let ticket = self
            .live
            .limiter
            .admit(caller.account, &caller.allowance, demand);
        ticket.map_err(|refusal| {
            let word = refusal.whose.word();
            self.live.ledger.metrics.refused(word);
            limited(&refusal)
        })
    }

    /// Ends without an answer.
    pub(super) fn decline(self, decline: &Decline) -> Reply {
        turn_away(decline, self.exchange)
    }

    /// Ends with an answer.
    pub(super) fn deliver(self, found: Found) -> Reply {
        match found {
            Found::Kept(kept) => self.give(kept),
            Found::Fresh(fresh) => self.pass_on(fresh),
            Found::Late(late) => self.hold(late),
        }
    }

    fn give(mut self, kept: Kept) -> Reply {
        let mut headers = self.kept_head(&kept);
        let kind = HeaderValue::from_static(kept.form.content_type());
        headers.insert(CONTENT_TYPE, kind);
        if kept.form == Form::Stream {
            self.exchange.streams();
        }
        self.finish(StatusCode::OK, kept.body.len() as u64);
        let mut reply = Response::new(whole(kept.body));
        *reply.headers_mut() = headers;
        reply
    }

    fn pass_on(mut self, fresh: Fresh) -> Reply {
        let headers = self.head(&fresh.head, fresh.verdict);
        let status = fresh.head.status;
        let body = if fresh.head.is_stream {
            let interval = self.live.settings.streams.heartbeat_seconds.duration();
            self.exchange.streams();
            Heartbeat::new(fresh.body, interval)
        } else {
            Heartbeat::without(fresh.body)
        };
        self.exchange.answered(status.as_u16());
        let delivery = Delivery::new(body, self.exchange, fresh.ticket);
        let mut reply = Response::new(delivery.boxed_unsync());
        *reply.status_mut() = status;
        *reply.headers_mut() = headers;
        reply
    }

    fn hold(mut self, late: Late) -> Reply {
        self.exchange.comes_from(late.verdict);
        self.exchange.answered(StatusCode::OK.as_u16());
        self.exchange.streams();
        let verdict = HeaderValue::from_static(late.verdict.as_str());
        let mut reply = Response::new(LateBody::new(late, self).boxed_unsync());
        let headers = reply.headers_mut();
        let kind = HeaderValue::from_static(Form::Stream.content_type());
        headers.insert(CONTENT_TYPE, kind);
        headers.insert(CACHE, verdict);
        headers.insert(UNBUFFERED, HeaderValue::from_static("no"));
        reply
    }

    /// Writes down where an answer comes from; gives back the headers for the client.
    pub(super) fn head(&mut self, head: &Head, verdict: Verdict) -> HeaderMap {
        self.exchange.comes_from(verdict);
        let mut headers = head.headers.clone();
        let upstream = headers.remove(UPSTREAM);
        if let Some(name) = upstream.as_ref().and_then(|name| name.to_str().ok()) {
            self.exchange.goes_to(&Arc::from(name));
        }
        headers.insert(CACHE, HeaderValue::from_static(verdict.as_str()));
        if head.is_stream {
            headers.insert(UNBUFFERED, HeaderValue::from_static("no"));
        }
        headers
    }

    /// Writes down what an answer of the cache spared; gives back the headers that tell of the cache.
    pub(super) fn kept_head(&mut self, kept: &Kept) -> HeaderMap {
        self.exchange.comes_from(kept.verdict);
        self.exchange.used(Usage {
            prompt: kept.tokens.prompt,
            completion: kept.tokens.completion,
            cached: 0,
        });
        let mut headers = HeaderMap::new();
        headers.insert(AGE, kept.age.as_secs().into());
        headers.insert(CACHE, HeaderValue::from_static(kept.verdict.as_str()));
        headers
    }

    /// Writes down what an answer that is here as a whole used.
    pub(super) fn settle(&mut self, whole: &[u8], mut ticket: Ticket) {
        if let Some(used) = used_tokens(whole) {
            self.exchange.used(usage(used));
            ticket.settle(used.all());
        }
    }

    /// Closes the books of an answer that is here as a whole.
    pub(super) fn finish(mut self, status: StatusCode, length: u64) {
        self.exchange.answered(status.as_u16());
        self.exchange.sent(length);
        self.exchange.spoke();
        self.exchange.ended(Ending::Complete);
    }
}

/// Ends a request with what it is told instead of an answer.
pub(super) fn turn_away(decline: &Decline, mut exchange: Exchange) -> Reply {
    let reply = decline.reply(exchange.request_id());
    exchange.answered(decline.failure.status.as_u16());
    exchange.sent(reply.body().size_hint().lower());
    exchange.ended(Ending::Complete);
    reply
}
