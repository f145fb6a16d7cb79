//! The simple chat: one path that takes a conversation, gives it back with an answer, and remembers it for its caller.

use std::fmt::Write;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::intake::take_in;
use super::question::{Asked, ask};
use super::reply::{Decline, Reply, text};
use super::rescue::{bad_question, no_completion, upstream_cut, wrong_method};
use super::visit::{Found, Fresh, Visit};
use crate::cache::{Endpoint, Policy, Question};
use crate::chat::{answered, nothing_said, translate};
use crate::record::Ending;

/// Where it is.
pub(super) const PATH: &str = "/api/deepseek/v1/chat";

/// What is asked of upstream for it; the same as everybody's, so that answers are shared with the API's clients.
const UP: PathAndQuery = PathAndQuery::from_static("/v1/chat/completions");

/// A completion as a whole, and how the upstream called it.
struct Completion {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Answers a request to the simple chat.
pub(super) async fn converse(mut visit: Visit, request: Request<Incoming>) -> Reply {
    match *request.method() {
        Method::GET => recall(visit).await,
        Method::POST => match chat(&mut visit, request).await {
            Ok(completion) => {
                let mut reply = text(completion.status, "application/json", Bytes::new());
                let length = completion.body.len() as u64;
                for (name, value) in &completion.headers {
                    reply.headers_mut().insert(name, value.clone());
                }
                let body = super::reply::whole(completion.body);
                let reply = reply.map(|_| body);
                visit.finish(completion.status, length);
                reply
            }
            Err(decline) => visit.decline(&decline),
        },
        _ => visit.decline(&wrong_method()),
    }
}

/// The caller's current conversation.
async fn recall(visit: Visit) -> Reply {
    let live = &visit.live;
    let name = name(&visit);
    let kept = match live.conversations.read(&name) {
        Some(text) => Some(text),
        None => live.store.text(&name).await,
    };
    let said = kept.filter(|text| !text.is_empty());
    let body = said.unwrap_or_else(|| nothing_said().into());
    let length = body.len() as u64;
    visit.finish(StatusCode::OK, length);
    text(StatusCode::OK, "application/json", body)
}

async fn chat(visit: &mut Visit, request: Request<Incoming>) -> Result<Completion, Decline> {
    let (head, body) = request.into_parts();
    let settings = &visit.live.settings;
    let body = take_in(body, settings.limits.body_bytes, &visit.exchange).await?;
    let asked = translate(&body, settings.conversation.model.as_str());
    let asked = asked.map_err(|odd| bad_question(&odd))?;
    let question = Question::read(Endpoint::Chat, asked.body.into());
    let wish = Policy::of(&head.headers);
    let found = ask(
        visit,
        Asked {
            question: question.map_err(|bad| bad_question(&bad))?,
            path: UP,
            headers: head.headers,
            wish: if asked.regenerate { wish.anew() } else { wish },
        },
    )
    .await?;
    let completion = match found {
        Found::Kept(kept) => {
            let headers = visit.kept_head(&kept);
            Completion {
                status: StatusCode::OK,
                headers,
                body: kept.body,
            }
        }
        Found::Fresh(fresh) => collect(visit, fresh).await?,
        Found::Late(_) => unreachable!("only streams come late, and the chat asks for none"),
    };
    if completion.status != StatusCode::OK {
        // The upstream's own words about a question that it did not like.
        return Ok(completion);
    }
    let text = answered(&asked.messages, &completion.body).ok_or_else(no_completion)?;
    let text = Bytes::from(text);
    keep(visit, text.clone()).await;
    Ok(Completion {
        body: text,
        ..completion
    })
}

async fn collect(visit: &mut Visit, fresh: Fresh) -> Result<Completion, Decline> {
    let mut headers = visit.head(&fresh.head, fresh.verdict);
    let begun = std::time::Instant::now();
    let longest = visit.live.settings.limits.body_bytes;
    let mut body = fresh.body;
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| upstream_cut());
        let frame = frame.inspect_err(|_| visit.exchange.ended(Ending::UpstreamCut))?;
        if let Some(data) = frame.data_ref() {
            whole.extend_from_slice(data);
        }
        if whole.len() as u64 > longest {
            return Err(no_completion());
        }
    }
    visit.exchange.waited(begun.elapsed());
    visit.settle(&whole, fresh.ticket);
    // They speak about bytes that the client does not get.
    for gone in ["content-length", "content-encoding", "content-type", "etag"] {
        headers.remove(gone);
    }
    Ok(Completion {
        status: fresh.head.status,
        headers,
        body: whole.into(),
    })
}

async fn keep(visit: &Visit, text: Bytes) {
    let Visit { live, .. } = visit;
    let name = name(visit);
    let text = live.conversations.keep(&name, text);
    let rules = &live.settings.conversation;
    live.store
        .keep_text(&name, &text, rules.ttl_seconds.duration())
        .await;
}

/// The caller's account is a digest: its name need not stand in Redis.
fn name(visit: &Visit) -> String {
    let mut name = String::from("dsline:conversation:");
    for byte in visit.caller.account {
        write!(name, "{byte:02x}").expect("writing to a string does not fail");
    }
    name
}
