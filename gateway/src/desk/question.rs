//! Questions whose answers can be kept and shared: what is known already, who is asking the same, and whom to ask.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::header::ACCEPT_ENCODING;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::intake::take_in;
use super::late::Late;
use super::lead::{Lack, Lead, Payload};
use super::live::Live;
use super::reply::{Decline, Reply};
use super::rescue::{bad_question, lost, nothing_stored};
use super::terms::Terms;
use super::visit::{Found, Fresh, Kept, Visit};
use crate::cache::{Edit, Endpoint, Expected, Form, Hit, Need, Policy, Question};
use crate::flight::{Role, Seat};
use crate::limit::{Demand, Ticket, tokens};
use crate::record::Verdict;

/// A question and how it was asked.
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) path: PathAndQuery,
    pub(super) headers: HeaderMap,
    /// What its client wants of the cache.
    pub(super) wish: Policy,
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

/// Finds an answer: one that is kept, one that is being made for somebody else, or a new one.
pub(super) async fn ask(visit: &mut Visit, asked: Asked) -> Result<Found, Decline> {
    let question = &asked.question;
    let need = question.need();
    note(visit, question);
    let mut ticket = visit.ticket(Demand {
        tokens: tokens(question.body().len() as u64, most_tokens(question)),
        stream: need.form == Form::Stream,
    })?;
    let live = Arc::clone(&visit.live);
    let terms = Terms::of(&live, &visit.caller, &asked);
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
    let seat = match terms.shared {
        Some(shared) => live.flights.join(shared, move || lead.call()),
        None => live.flights.alone(move || lead.call()),
    };
    let begun = Instant::now();
    let wait = Wait {
        live,
        seat,
        ticket,
        terms,
        need,
        request_id: visit.exchange.request_id().to_owned(),
    };
    let found = if need.form == Form::Stream {
        wait.or_late(&visit.live).await
    } else {
        wait.answer().await
    };
    visit.exchange.waited(begun.elapsed());
    found
}

/// A request that waits for the head of its answer.
struct Wait {
    live: Arc<Live>,
    seat: Seat<Lack>,
    ticket: Ticket,
    terms: Terms,
    need: Need,
    request_id: String,
}

impl Wait {
    /// The answer, or an old one if there is none.
    async fn answer(mut self) -> Result<Found, Decline> {
        let role = self.seat.role();
        let answer = self.seat.answer(&self.request_id).await;
        if role == Role::Joins || answer.is_err() {
            self.ticket.settle(0);
        }
        let loss = match answer {
            Ok((head, body)) => {
                return Ok(Found::Fresh(Fresh {
                    head,
                    body,
                    ticket: self.ticket,
                    verdict: self.terms.verdict(role),
                }));
            }
            Err(loss) => loss,
        };
        let (store, policy) = (&self.live.store, &self.terms.policy);
        if let Some(key) = &self.terms.key {
            let now = SystemTime::now();
            let old = store.find_stale(key, self.need, policy, now).await;
            if let Some(kept) = old.and_then(|hit| render(&hit, self.need, Verdict::Stale)) {
                return Ok(Found::Kept(kept));
            }
        }
        Err(lost(&loss, self.live.settings.limits.body_bytes))
    }

    /// The same for a stream, whose client hears of us after one interval of silence at the latest.
    async fn or_late(self, live: &Live) -> Result<Found, Decline> {
        let interval = live.settings.streams.heartbeat_seconds.duration();
        let verdict = self.terms.verdict(self.seat.role());
        let mut answer = Box::pin(self.answer());
        match timeout(interval, &mut answer).await {
            Ok(found) => found,
            Err(_) => Ok(Found::Late(Late { answer, verdict })),
        }
    }
}

/// For the books: what is asked of whom.
fn note(visit: &mut Visit, question: &Question) {
    if let Some(model) = question.model() {
        visit.exchange.asks(visit.live.upstreams.alias(model));
    }
    visit
        .exchange
        .says(|| String::from_utf8_lossy(question.body()).into_owned());
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
    let settings = &visit.live.settings;
    let may_tell = settings.auth.send_user_id && question.endpoint() != Endpoint::Embeddings;
    let user_id = may_tell.then(|| digest(settings.line.as_str(), &visit.caller.tenant));
    let body = question.edited(&Edit {
        user_id: user_id.as_deref(),
        ..Edit::default()
    });
    let expected = terms.key.filter(|_| terms.policy.writes);
    Lead {
        live: Arc::clone(&visit.live),
        tenant: Arc::clone(&visit.caller.tenant),
        request_id: visit.exchange.request_id().to_owned(),
        method: Method::POST,
        path,
        headers,
        payload: Payload::Whole(body),
        expected: expected.map(|key| Expected {
            key,
            endpoint: question.endpoint(),
            choices: question.choices(),
            longest: settings.cache.entry_bytes,
        }),
    }
}

/// A tenant's name for upstreams: the same on all nodes, and nobody's real name.
fn digest(line: &str, tenant: &str) -> String {
    let key = blake3::derive_key("dsline user_id", line.as_bytes());
    let digest = blake3::keyed_hash(&key, tenant.as_bytes()).to_hex();
    digest[..32].to_owned()
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
