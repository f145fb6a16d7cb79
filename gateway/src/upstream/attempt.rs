//! One attempt at one upstream: send, wait for a head, hold the body back until it is clear what it is.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::capture_connection;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::{Answer, Committed, Passage};
use super::event::Event;
use super::member::{Member, Ticket};
use super::order::Order;
use super::refusal::{Refusal, judge};
use super::token::{FirstToken, Sight, look_at_answer};
use super::trouble::{Setback, Trouble};
use super::used::{mark_used, was_used};
use crate::wire::is_event_stream;

/// An answer in one piece is held whole up to this size, so that one that breaks off can be asked for elsewhere.
const MOST_HELD: usize = 256 * 1024;

/// What is read of an error's body, and for how long it is waited for.
const MOST_OF_AN_ERROR: usize = 64 * 1024;
const PATIENCE_FOR_AN_ERROR: Duration = Duration::from_secs(5);

/// Kept connections that may turn out closed before it counts as a failure.
const MOST_STALE: u32 = 3;

/// What an attempt brought.
pub(super) enum Gain {
    /// To be passed on.
    Answer(Committed),
    /// "The prompt is too long for this model": to be passed on, unless another upstream takes more.
    TooLong(Committed),
}

/// One attempt's frame: times, and the name the model has there.
struct Attempt<'a> {
    order: &'a Order,
    began: Instant,
    deadline: Instant,
    alias: Option<&'a str>,
}

/// Makes one attempt, and settles the ticket with how it went.
pub(super) async fn attempt(
    mut ticket: Ticket,
    order: &Order,
    deadline: Instant,
) -> Result<Gain, Setback> {
    let member = std::sync::Arc::clone(&ticket.member);
    let model = order.model.as_ref();
    let attempt = Attempt {
        order,
        began: Instant::now(),
        deadline,
        alias: model
            .and_then(|model| member.provider.models.get(model))
            .map(String::as_str),
    };
    match attempt.ask(&member).await {
        Ok(catch) => {
            let latency = order.is_completion() && catch.head.status.is_success();
            ticket.succeed(latency.then(|| attempt.began.elapsed()));
            Ok(attempt.commit(catch, ticket))
        }
        Err(setback) => {
            ticket.fail(
                setback.trouble,
                attempt.began.elapsed(),
                order.is_repeatable(),
            );
            Err(setback)
        }
    }
}

/// An answer with its beginning in hand.
struct Catch {
    head: Parts,
    held: Bytes,
    rest: Option<Incoming>,
    is_too_long: bool,
}

impl Attempt<'_> {
    async fn ask(&self, member: &Member) -> Result<Catch, Setback> {
        let response = self.send(member).await?;
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return self.open(member, response).await;
        }
        let (head, mut rest) = response.into_parts();
        let (text, has_ended) = read_error(&mut rest).await;
        match judge(head.status, &head.headers, &text) {
            Refusal::Trouble(trouble) => Err(Setback::of(trouble)),
            verdict => Ok(Catch {
                head,
                held: text,
                rest: (!has_ended).then_some(rest),
                is_too_long: verdict == Refusal::TooLong,
            }),
        }
    }

    /// Sends the request, once more for each kept connection that turns out to have been closed.
    async fn send(&self, member: &Member) -> Result<Response<Incoming>, Setback> {
        let patience = member.provider.patience(self.order.streams);
        let limit = patience.min(member.provider.read_timeout);
        let until = (self.began + limit).min(self.deadline);
        let mut stale = 0;
        loop {
            let mut request = self.request(member)?;
            let capture = capture_connection(&mut request);
            let answer = timeout_at(until, member.client.request(request)).await;
            let answer = answer.map_err(|_| Setback::of(Trouble::Silent))?;
            let error = match answer {
                Ok(response) => {
                    mark_used(&capture);
                    return Ok(response);
                }
                Err(error) => error,
            };
            let setback = Setback::from(&error);
            let is_stale = setback.trouble == Trouble::BrokeOff && was_used(&capture);
            let may_repeat = self.order.is_there() && self.order.is_repeatable();
            if !is_stale || !may_repeat || stale == MOST_STALE {
                return Err(setback);
            }
            stale += 1;
            let upstream = member.name().clone();
            (member.told)(&Event::Stale { upstream });
        }
    }

    fn request(&self, member: &Member) -> Result<Request<super::order::Sending>, Setback> {
        let key = member.key.clone().ok_or(Setback::of(Trouble::NoKey))?;
        let mut request = Request::new(self.order.body(self.alias));
        *request.method_mut() = self.order.method.clone();
        *request.uri_mut() = member
            .provider
            .base_url
            .join(&self.order.path)
            .map_err(|error| Setback {
                trouble: Trouble::Unreachable,
                detail: error.to_string(),
            })?;
        let headers = request.headers_mut();
        headers.clone_from(&self.order.headers);
        headers.remove(http::header::CONTENT_LENGTH);
        headers.insert(AUTHORIZATION, key);
        if self.order.is_completion() {
            // A compressed stream cannot be watched for its end.
            headers.remove(ACCEPT_ENCODING);
        }
        Ok(request)
    }

    /// A success by its status: looks whether it is one.
    async fn open(&self, member: &Member, response: Response<Incoming>) -> Result<Catch, Setback> {
        let (head, body) = response.into_parts();
        let is_encoded = head
            .headers
            .get("content-encoding")
            .is_some_and(|coding| coding != "identity");
        if !self.order.is_completion() || is_encoded || head.status != StatusCode::OK {
            return Ok(Catch {
                head,
                held: Bytes::new(),
                rest: Some(body),
                is_too_long: false,
            });
        }
        let is_right = if self.order.streams {
            is_event_stream(&head.headers)
        } else {
            is_json(&head.headers)
        };
        if !is_right {
            return Err(Setback::of(Trouble::WrongType));
        }
        let mut hold = Hold {
            body,
            held: BytesMut::new(),
            has_ended: false,
        };
        if self.order.streams {
            self.await_token(member, &mut hold).await?;
        } else {
            self.await_answer(member, &mut hold).await?;
        }
        Ok(Catch {
            head,
            held: hold.held.freeze(),
            rest: (!hold.has_ended).then_some(hold.body),
            is_too_long: false,
        })
    }

    async fn await_token(&self, member: &Member, hold: &mut Hold) -> Result<(), Setback> {
        let mut first = FirstToken::default();
        let by = (self.began + member.provider.patience(true)).min(self.deadline);
        loop {
            let Some(bytes) = hold.next(member.provider.read_timeout, by).await? else {
                return Err(Setback {
                    trouble: Trouble::BrokeOff,
                    detail: "the stream ended before its first token".into(),
                });
            };
            match first.feed(&bytes) {
                Sight::Token => return Ok(()),
                Sight::Error => return Err(Setback::of(Trouble::ErrorInside)),
                Sight::Malformed => return Err(Setback::of(Trouble::Malformed)),
                // Whatever is this long is worth sending.
                Sight::Nothing if hold.held.len() > MOST_HELD => return Ok(()),
                Sight::Nothing => {}
            }
        }
    }

    async fn await_answer(&self, member: &Member, hold: &mut Hold) -> Result<(), Setback> {
        let by = (self.began + member.provider.patience(false)).min(self.deadline);
        while hold.held.trim_ascii().is_empty() && !hold.has_ended {
            hold.next(member.provider.read_timeout, by).await?;
        }
        while hold.held.len() <= MOST_HELD && !hold.has_ended {
            hold.next(member.provider.longest_pause(), self.deadline)
                .await?;
        }
        if !hold.has_ended {
            return Ok(());
        }
        match look_at_answer(&hold.held) {
            Sight::Error => Err(Setback::of(Trouble::ErrorInside)),
            Sight::Malformed => Err(Setback::of(Trouble::Malformed)),
            Sight::Token | Sight::Nothing => Ok(()),
        }
    }

    fn commit(&self, catch: Catch, ticket: Ticket) -> Gain {
        let member = &ticket.member;
        let is_answer = catch.head.status == StatusCode::OK && self.order.is_completion();
        let passage = Passage {
            longest_pause: member.provider.longest_pause(),
            until: member
                .provider
                .total_timeout
                .map(|total| self.began + total),
            needs_finish: is_answer && is_event_stream(&catch.head.headers),
        };
        let committed = Committed {
            upstream: member.name().clone(),
            alias: self.alias.map(str::to_owned),
            attempts: 1,
            head: catch.head,
            body: Answer::new(catch.held, catch.rest, &passage, ticket),
        };
        if catch.is_too_long {
            Gain::TooLong(committed)
        } else {
            Gain::Answer(committed)
        }
    }
}

/// A body whose beginning is kept.
struct Hold {
    body: Incoming,
    held: BytesMut,
    has_ended: bool,
}

impl Hold {
    /// The next bytes, which are kept too; `None` at the end.
    async fn next(
        &mut self,
        longest_pause: Duration,
        by: Instant,
    ) -> Result<Option<Bytes>, Setback> {
        loop {
            let pause_ends = Instant::now() + longest_pause;
            let frame = timeout_at(pause_ends.min(by), self.body.frame()).await;
            let frame = frame.map_err(|_| {
                let is_silence = pause_ends < by;
                Setback::of(if is_silence {
                    Trouble::Silent
                } else {
                    Trouble::NoToken
                })
            })?;
            match frame {
                None => {
                    self.has_ended = true;
                    return Ok(None);
                }
                Some(Err(error)) => {
                    return Err(Setback {
                        trouble: Trouble::BrokeOff,
                        detail: error.to_string(),
                    });
                }
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.held.extend_from_slice(&bytes);
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }
}

/// What there is of an error's body, and whether that is all.
async fn read_error(body: &mut Incoming) -> (Bytes, bool) {
    let mut held = BytesMut::new();
    let mut has_ended = false;
    let reading = async {
        while held.len() < MOST_OF_AN_ERROR {
            let Some(Ok(frame)) = body.frame().await else {
                has_ended = true;
                break;
            };
            held.extend_from_slice(&frame.into_data().unwrap_or_default());
        }
    };
    // What comes later is not needed to understand the error.
    let _ = timeout(PATIENCE_FOR_AN_ERROR, reading).await;
    (held.freeze(), has_ended)
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|kind| {
        let kind = kind.to_str().unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind == "application/json" || kind.ends_with("+json")
    })
}
