//! The one upstream call behind an answer: waits for its permit, asks, and watches the answer for the cache.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::combinators::UnsyncBoxBody;

use super::live::Live;
use super::reply::BoxError;
use crate::cache::{Expected, Observer as CacheObserver, Skip, Store};
use crate::flight::{Answer, Ending, Observer, Sight};
use crate::limit::{Permit, Refusal};
use crate::upstream::{Answer as Body, Committed, Defeat, Order};
use crate::wire::{
    is_event_stream, keep_end_to_end, withhold_from_clients, withhold_from_upstream,
};

/// Tells those who share an answer which upstream gave it; never leaves the house.
pub(super) const UPSTREAM: HeaderName = HeaderName::from_static("x-dsline-upstream");

/// The upstream's own alarms ring long before.
const PATIENCE: Duration = Duration::from_hours(24);

/// Why nobody gets an answer from upstream.
#[derive(Debug)]
pub enum Lack {
    /// This node may not make one more call.
    Limit(Refusal),
    /// No upstream answered.
    Upstream(Defeat),
}

/// A call to be made.
pub(super) struct Lead {
    pub(super) live: Arc<Live>,
    pub(super) tenant: Arc<str>,
    pub(super) request_id: String,
    pub(super) method: Method,
    pub(super) path: PathAndQuery,
    pub(super) headers: HeaderMap,
    pub(super) payload: Payload,
    /// There if the answer may be kept.
    pub(super) expected: Option<Expected>,
}

/// What goes up with it.
pub(super) enum Payload {
    /// A body that is here.
    Whole(Bytes),
    /// A body that comes in while it goes up.
    Upload(UnsyncBoxBody<Bytes, BoxError>),
}

impl Lead {
    /// Makes the call.
    pub(super) async fn call(self) -> Result<Answer<Body>, Lack> {
        let Self { live, expected, .. } = &self;
        let (live, expected) = (Arc::clone(live), *expected);
        let permit = if self.method.is_safe() {
            // Providers count answers of models only.
            None
        } else {
            let permit = live.limiter.permit(&self.tenant).await;
            Some(permit.map_err(Lack::Limit)?)
        };
        let order = self.order();
        let committed = live.upstreams.ask(&order).await.map_err(Lack::Upstream)?;
        drop(order);
        let metrics = &live.ledger.metrics;
        metrics.tried(committed.upstream.as_str(), "ok");
        let Committed {
            mut head,
            body,
            upstream,
            ..
        } = committed;
        keep_end_to_end(&mut head.headers);
        withhold_from_clients(&mut head.headers);
        if is_event_stream(&head.headers) {
            // The length is unknown: an error may have to be said at the end of a cut stream.
            head.headers.remove(CONTENT_LENGTH);
        }
        let name = HeaderValue::try_from(upstream.as_str()).expect("labels fit into headers");
        let observer = expected
            .map(|expected| CacheObserver::new(expected, head.status, &head.headers))
            .zip(expected.map(|expected| expected.longest));
        head.headers.insert(UPSTREAM, name);
        Ok(Answer {
            response: Response::from_parts(head, body),
            patience: PATIENCE,
            // The upstream's room knows more marks of an end than this one.
            needs_done: false,
            why: |cut| cut.words(),
            observer: Some(watch(Arc::clone(&live.store), observer, permit)),
        })
    }

    fn order(self) -> Order {
        let mut headers = self.headers;
        keep_end_to_end(&mut headers);
        withhold_from_upstream(&mut headers);
        let id = HeaderValue::try_from(self.request_id).expect("request ids fit into headers");
        headers.insert(HeaderName::from_static("x-request-id"), id);
        match self.payload {
            Payload::Whole(body) => Order::whole(self.method, self.path, headers, body),
            Payload::Upload(body) => Order::upload(self.method, self.path, headers, body),
        }
    }
}

/// Holds the permit as long as the call lasts, and remembers the chunks for the cache: looked at after the end, so that
/// a stream costs no second copy while it flows.
fn watch(
    store: Arc<Store>,
    observer: Option<(CacheObserver, usize)>,
    permit: Option<Permit>,
) -> Observer {
    let (mut observer, longest) = observer.map_or((None, 0), |(one, longest)| (Some(one), longest));
    if let Some(skip) = observer.as_ref().and_then(CacheObserver::skip) {
        store.skip(skip);
        observer = None;
    }
    let mut permit = permit;
    let mut chunks = Vec::new();
    let mut length = 0;
    Box::new(move |sight| match sight {
        Sight::Chunk(_) if observer.is_none() => {}
        Sight::Chunk(chunk) => {
            length += chunk.len();
            chunks.push(chunk.clone());
            if length > longest {
                store.skip(Skip::TooLarge);
                (observer, chunks) = (None, Vec::new());
            }
        }
        Sight::End(ending) => {
            drop(permit.take());
            let (Some(observer), chunks) = (observer.take(), std::mem::take(&mut chunks)) else {
                return;
            };
            let store = Arc::clone(&store);
            let cleanly = ending == Ending::Whole { cleanly: true };
            tokio::spawn(async move { store.review(observer, chunks, cleanly).await });
        }
    })
}
