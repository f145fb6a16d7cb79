//! Questions whose answers can be kept and shared: what is known already, who is asking the same, and whom to ask.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::header::ACCEPT_ENCODING;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

use super::lead::{Lead, Payload};
use super::live::Shared;
use super::reply::{Decline, Reply};
use super::rescue::{bad_question, body_broke, lost, nothing_stored, too_large};
use super::visit::{Found, Fresh, Kept, Visit};
use crate::cache::{Endpoint, Expected, Form, Hit, Key, Need, Policy, Question, Scope};
use crate::config::Matching;
use crate::flight::Role;
use crate::limit::{Demand, tokens};
use crate::record::{Exchange, Verdict};

/// A question and how it was asked.
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) path: PathAndQuery,
    pub(super) headers: HeaderMap,
    /// What its client wants of the cache.
    pub(super) wish: Policy,
}

/// What this line makes of a client's wish.
struct Terms {
    policy: Policy,
    /// Under which name the answer is kept.
    key: Option<Key>,
    /// With whom it is shared.
    shared: Option<Shared>,
}

/// Answers a request to one of the paths whose answers can be kept.
pub(super) async fn answer(
    mut visit: Visit,
    endpoint: Endpoint,
    request: Request<Incoming>,
) -> Reply {
    let (head, body) = request.into_parts();
    let read = read(&visit, endpoint, body).await;
    let found = match read {
        Ok(question) => {
            let asked = Asked {
                question,
                path: path_of(&head.uri),
                wish: Policy::of(&head.headers),
                headers: head.headers,
            };
            ask(&mut visit, asked).await
        }
        Err(decline) => Err(decline),
    };
    match found {
        Ok(found) => visit.deliver(found),
        Err(decline) => visit.decline(&decline),
    }
}

/// The path of a request as it came.
pub(super) fn path_of(uri: &http::Uri) -> PathAndQuery {
    let path = uri.path_and_query().cloned();
    path.unwrap_or_else(|| PathAndQuery::from_static("/"))
}

async fn read(visit: &Visit, endpoint: Endpoint, body: Incoming) -> Result<Question, Decline> {
    let limit = visit.live.settings.limits.body_bytes;
    let body = take_in(body, limit, &visit.exchange).await?;
    Question::read(endpoint, body).map_err(|bad| bad_question(&bad))
}

/// A body as a whole, up to the limit.
pub(super) async fn take_in(
    body: Incoming,
    limit: u64,
    exchange: &Exchange,
) -> Result<Bytes, Decline> {
    if body.size_hint().lower() > limit {
        return Err(too_large(limit));
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    match Limited::new(body, most).collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            exchange.take(body.len() as u64);
            Ok(body)
        }
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Err(_) => Err(body_broke()),
    }
}

/// Finds an answer: one that is kept, one that is being made for somebody else, or a new one.
pub(super) async fn ask(visit: &mut Visit, asked: Asked) -> Result<Found, Decline> {
    let question = &asked.question;
    let need = question.need();
    let live = Arc::clone(&visit.live);
    if let Some(model) = question.model() {
        visit.exchange.asks(live.upstreams.alias(model));
    }
    visit
        .exchange
        .says(|| String::from_utf8_lossy(question.body()).into_owned());
    let mut ticket = visit.ticket(Demand {
        tokens: tokens(question.body().len() as u64, most_tokens(question)),
        stream: need.form == Form::Stream,
    })?;
    let terms = terms(visit, &asked);
    if let Some(key) = &terms.key {
        let now = SystemTime::now();
        let hit = live.store.find(key, need, &terms.policy, now).await;
        if let Some(kept) = hit.and_then(|hit| render(&hit, need, Verdict::Hit)) {
            ticket.settle(0);
            return Ok(Found::Kept(kept));
        }
    }
    if terms.policy.only_if_cached {
        ticket.settle(0);
        return Err(nothing_stored());
    }
    let lead = lead(visit, asked, &terms);
    let begun = Instant::now();
    let seat = match terms.shared {
        Some(shared) => live.flights.join(shared, move || lead.call()),
        None => live.flights.alone(move || lead.call()),
    };
    let role = seat.role();
    let answer = seat.answer(visit.exchange.request_id()).await;
    visit.exchange.waited(begun.elapsed());
    if role == Role::Joins || answer.is_err() {
        ticket.settle(0);
    }
    match answer {
        Ok((head, body)) => Ok(Found::Fresh(Fresh {
            head,
            body,
            ticket,
            verdict: terms.verdict(role),
        })),
        Err(loss) => {
            if let Some(key) = &terms.key {
                let now = SystemTime::now();
                let old = live.store.find_stale(key, need, &terms.policy, now).await;
                if let Some(kept) = old.and_then(|hit| render(&hit, need, Verdict::Stale)) {
                    return Ok(Found::Kept(kept));
                }
            }
            Err(lost(&loss, live.settings.limits.body_bytes))
        }
    }
}

/// What the line allows of the client's wish, and under which names.
fn terms(visit: &Visit, asked: &Asked) -> Terms {
    let Visit { live, caller, .. } = visit;
    let (cache, merge) = (&live.settings.cache, &live.settings.merge);
    let (wish, question) = (asked.wish, &asked.question);
    let is_excepted = cache.except.iter().any(|name| {
        **name == *caller.subject
            || **name == *caller.tenant
            || *name == caller.fingerprint.to_string()
    });
    let policy = if cache.enabled && !is_excepted {
        wish
    } else {
        Policy {
            only_if_cached: wish.only_if_cached,
            ..Policy::OFF
        }
    };
    // What finished within the window is joined like what runs, so a client that wants it fresher asks for itself.
    let window = live.flights.bounds().window;
    let is_fresh = wish.max_age.is_none_or(|age| age >= window);
    let shares = merge.enabled && !is_excepted && wish.reads && wish.writes && is_fresh;
    if !(policy.reads || policy.writes || shares) {
        return Terms {
            policy,
            key: None,
            shared: None,
        };
    }
    let scope = Scope {
        tenant: &caller.tenant,
        model: question
            .model()
            .map_or("", |model| live.upstreams.alias(model)),
        path: asked.path.as_str(),
    };
    let key = match Key::exact(&scope, question) {
        Ok(key) => Some(key),
        Err(skip) => {
            live.store.skip(skip);
            None
        }
    };
    let same = match merge.matching {
        Matching::Exact => key,
        Matching::Loose => Key::loose(&scope, question).ok(),
    };
    let need = question.need();
    let shared = same.filter(|_| shares).map(|key| Shared {
        key,
        is_stream: need.form == Form::Stream,
        wants_usage: need.wants_usage,
    });
    Terms {
        policy,
        key: key.filter(|_| policy.reads || policy.writes),
        shared,
    }
}

impl Terms {
    fn verdict(&self, role: Role) -> Verdict {
        match role {
            Role::Joins => Verdict::Coalesced,
            Role::Leads if self.key.is_some() && self.policy.reads => Verdict::Miss,
            Role::Leads => Verdict::Bypass,
        }
    }
}

fn lead(visit: &Visit, asked: Asked, terms: &Terms) -> Lead {
    let Asked {
        question,
        path,
        mut headers,
        ..
    } = asked;
    // An answer that is shared and kept must be readable to everyone.
    headers.remove(ACCEPT_ENCODING);
    let expected = terms.key.filter(|_| terms.policy.writes);
    Lead {
        live: Arc::clone(&visit.live),
        tenant: Arc::clone(&visit.caller.tenant),
        request_id: visit.exchange.request_id().to_owned(),
        method: Method::POST,
        path,
        headers,
        payload: Payload::Whole(question.body().clone()),
        expected: expected.map(|key| Expected {
            key,
            endpoint: question.endpoint(),
            choices: question.choices(),
            longest: visit.live.settings.cache.entry_bytes,
        }),
    }
}

fn render(hit: &Hit, need: Need, verdict: Verdict) -> Option<Kept> {
    Some(Kept {
        body: hit.entry.render(need)?,
        form: need.form,
        age: hit.age,
        tokens: hit.entry.tokens(),
        verdict,
    })
}

fn most_tokens(question: &Question) -> Option<u64> {
    let names = ["max_completion_tokens", "max_tokens"];
    let field = names.iter().find_map(|name| question.field(name))?;
    std::str::from_utf8(field).ok()?.parse().ok()
}
