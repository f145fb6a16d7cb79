//! From answers to HTTP: whole or as events, at once or at a pace.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use crate::answer::Answer;
use crate::knobs::Knobs;
use crate::paced::{Pace, Paced};
use crate::question::Question;
use crate::stats::Visit;

/// Any answer of the emulator.
pub type Reply = Response<Either<Full<Bytes>, Paced>>;

/// A JSON body, at once.
pub fn json(status: u16, body: Bytes) -> Reply {
    let mut reply = Response::new(Either::Left(Full::new(body)));
    *reply.status_mut() = StatusCode::from_u16(status).expect("only statuses of the API are used");
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// The answer to a chat question, as the client wants it and the knobs have it.
pub async fn chat(question: &Question, answer: &Answer, knobs: &Knobs, mut visit: Visit) -> Reply {
    let keepalive =
        |life| (knobs.keepalive_ms > 0).then(|| (Duration::from_millis(knobs.keepalive_ms), life));
    if question.wants_stream() {
        return stream(
            answer.events(question.wants_usage()),
            knobs,
            keepalive(": keep-alive\n\n"),
            visit,
        );
    }
    let thinking = knobs.thinking_time(answer.tokens());
    if let Some(keepalive) = keepalive("\n").filter(|_| !thinking.is_zero()) {
        visit.answers(200);
        let pace = Pace {
            first: thinking,
            each: Duration::ZERO,
            keepalive: Some(keepalive),
            is_cut: false,
        };
        return paced(
            "application/json",
            Paced::new(vec![answer.whole()], pace, visit),
        );
    }
    if !thinking.is_zero() {
        tokio::time::sleep(thinking).await;
    }
    visit.answers(200);
    visit.finish();
    json(200, answer.whole())
}

fn stream(
    mut events: Vec<Bytes>,
    knobs: &Knobs,
    keepalive: Option<(Duration, &'static str)>,
    visit: Visit,
) -> Reply {
    visit.answers(200);
    visit.streams();
    let is_cut = knobs
        .cut_stream_after
        .is_some_and(|limit| limit < events.len());
    if let Some(limit) = knobs.cut_stream_after {
        events.truncate(limit);
    }
    if knobs.per_token_ms == 0 {
        // What comes at one moment goes out as one write.
        events = vec![events.concat().into()];
    }
    let pace = Pace {
        first: Duration::from_millis(knobs.first_token_ms),
        each: Duration::from_millis(knobs.per_token_ms),
        keepalive,
        is_cut,
    };
    paced(
        "text/event-stream; charset=utf-8",
        Paced::new(events, pace, visit),
    )
}

fn paced(kind: &'static str, body: Paced) -> Reply {
    let mut reply = Response::new(Either::Right(body));
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    reply
}
