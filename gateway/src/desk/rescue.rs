//! The one table from everything that can go wrong to what the client is told.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::lead::Lack;
use super::reply::Decline;
use crate::flight::Loss;
use crate::guard::Denial;
use crate::limit::Refusal;
use crate::upstream::{Defeat, Trouble};
use crate::wire::Failure;

/// Seconds after which asking again is worth it: long enough for a container to restart.
const SOON: u32 = 5;

/// A longer wait than this is not waited for by clients' libraries: they would ask again at once instead.
const LONGEST_TOLD: Duration = Duration::from_mins(1);

/// There is nothing at this path.
pub fn not_found() -> Decline {
    theirs(
        StatusCode::NOT_FOUND,
        "unknown_path",
        "There is nothing at this path. The API is under /v1/, for example POST /v1/chat/completions.",
    )
}

/// The path is there, for another method.
pub fn wrong_method() -> Decline {
    theirs(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong_method",
        "This path wants another method.",
    )
}

/// Not let in.
pub(super) fn denied(denial: Denial) -> Decline {
    theirs(denial.status(), denial.code(), &denial.to_string())
}

/// Over a limit: whose, and when asking again is worth it.
pub(super) fn limited(refusal: &Refusal) -> Decline {
    Decline {
        failure: Failure {
            status: StatusCode::TOO_MANY_REQUESTS,
            family: "rate_limit_exceeded",
            code: refusal.whose.word(),
            message: refusal.to_string(),
            retry_after: Some(refusal.retry_after()),
        },
        should_retry: Some(refusal.wait <= LONGEST_TOLD),
    }
}

/// A body that is no question.
pub(super) fn bad_question(why: &dyn fmt::Display) -> Decline {
    theirs(
        StatusCode::BAD_REQUEST,
        "invalid_request_body",
        &why.to_string(),
    )
}

/// A body over the limit.
pub(super) fn too_large(limit: u64) -> Decline {
    theirs(
        StatusCode::PAYLOAD_TOO_LARGE,
        "request_too_large",
        &format!("The request body is over this line's limit of {limit} bytes."),
    )
}

/// A body that broke off.
pub(super) fn body_broke() -> Decline {
    theirs(
        StatusCode::BAD_REQUEST,
        "request_broke_off",
        "The request body broke off before its end.",
    )
}

/// The client wants a stored answer or none.
pub(super) fn nothing_stored() -> Decline {
    theirs(
        StatusCode::GATEWAY_TIMEOUT,
        "not_cached",
        "No stored answer fits this request, and `only-if-cached` asks for no other.",
    )
}

/// An answer that is no completion, where one has to be made into a conversation.
pub(super) fn no_completion() -> Decline {
    ours(
        StatusCode::BAD_GATEWAY,
        "upstream_malformed",
        "The upstream API's answer holds no message. Ask again.",
    )
}

/// An answer that broke off, of which nothing was given to the client yet.
pub(super) fn upstream_cut() -> Decline {
    ours(
        StatusCode::BAD_GATEWAY,
        "upstream_cut",
        "The upstream API broke off within its answer. Ask again.",
    )
}

/// An upstream refused a question after its client had got a head.
pub(super) fn refused_late(status: StatusCode) -> Decline {
    let message = format!("The upstream API refused this request with status {status}.");
    ours(StatusCode::BAD_GATEWAY, "upstream_refused", &message)
}

/// There was no answer to share.
pub(super) fn lost(loss: &Loss<Lack>, body_limit: u64) -> Decline {
    match loss {
        Loss::Vanished => ours(
            StatusCode::BAD_GATEWAY,
            "upstream_broke_off",
            "The call to the upstream API ended without a word. Ask again soon.",
        ),
        Loss::Fault(lack) => match &**lack {
            Lack::Limit(refusal) => limited(refusal),
            Lack::Upstream(defeat) => defeated(defeat, body_limit),
        },
    }
}

/// No upstream gave an answer.
fn defeated(defeat: &Defeat, body_limit: u64) -> Decline {
    let mut decline = told(defeat.trouble, body_limit);
    if defeat.trouble.is_clients() {
        return decline;
    }
    if let Some(wait) = defeat.retry_after {
        let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        decline.failure.retry_after = Some(u32::try_from(whole.max(1)).unwrap_or(u32::MAX));
    }
    let is_short = defeat.retry_after.is_none_or(|wait| wait <= LONGEST_TOLD);
    decline.should_retry = Some(defeat.is_worth_retrying && is_short);
    decline
}

fn told(trouble: Trouble, body_limit: u64) -> Decline {
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    let bad = StatusCode::BAD_GATEWAY;
    let late = StatusCode::GATEWAY_TIMEOUT;
    let (status, code, message) = match trouble {
        Trouble::BodyTooLarge => return too_large(body_limit),
        Trouble::ClientBroke => return body_broke(),
        Trouble::NoModel => {
            return theirs(
                StatusCode::NOT_FOUND,
                "model_not_found",
                "No upstream of this line has the model that was asked for.",
            );
        }
        Trouble::RateLimited(_) => (
            StatusCode::TOO_MANY_REQUESTS,
            "upstream_rate_limited",
            "The upstream API's limit for this line's account is reached; it is not yours. Ask again later.",
        ),
        Trouble::NoKey => (
            unavailable,
            "upstream_key_missing",
            "This node has no key for the upstream API yet. Its operator has to push one.",
        ),
        Trouble::KeyRefused(402) => (
            unavailable,
            "upstream_account_empty",
            "The upstream API says that this line's account (not yours) is empty. Its operator has to see to it.",
        ),
        Trouble::KeyRefused(_) => (
            bad,
            "upstream_key_refused",
            "The upstream API refused this line's key (not yours). Its operator has to replace it.",
        ),
        Trouble::Resting(_) => (
            unavailable,
            "upstream_resting",
            "The upstream API failed too often and is left alone for a moment. Ask again soon.",
        ),
        Trouble::Unwell(..) => (
            unavailable,
            "upstream_unwell",
            "The upstream API has trouble of its own. Ask again soon.",
        ),
        Trouble::Unreachable => (
            bad,
            "upstream_unreachable",
            "The upstream API cannot be reached. Ask again soon.",
        ),
        Trouble::ConnectTimeout => (
            late,
            "upstream_connect_timeout",
            "The upstream API did not accept a connection in time. Ask again soon.",
        ),
        Trouble::Silent | Trouble::NoToken => (
            late,
            "upstream_timeout",
            "The upstream API did not answer in time. Ask again soon.",
        ),
        Trouble::BrokeOff => (
            bad,
            "upstream_broke_off",
            "The upstream API broke off before it answered. Ask again soon.",
        ),
        Trouble::ErrorInside => (
            bad,
            "upstream_error_inside",
            "The upstream API reported an error instead of an answer. Ask again soon.",
        ),
        Trouble::Malformed | Trouble::WrongType | Trouble::Oversized => (
            bad,
            "upstream_malformed",
            "What the upstream API sent is no answer. Ask again soon.",
        ),
    };
    ours(status, code, message)
}

/// The request's own fault: the same again gives the same.
fn theirs(status: StatusCode, code: &'static str, message: &str) -> Decline {
    Decline {
        failure: Failure {
            status,
            family: "invalid_request_error",
            code,
            message: message.to_owned(),
            retry_after: None,
        },
        should_retry: None,
    }
}

/// Not the request's fault: later may be better.
fn ours(status: StatusCode, code: &'static str, message: &str) -> Decline {
    Decline {
        failure: Failure {
            status,
            family: "upstream_error",
            code,
            message: message.to_owned(),
            retry_after: Some(SOON),
        },
        should_retry: Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defeat(trouble: Trouble, retry_after: Option<u64>, is_worth_retrying: bool) -> Decline {
        let defeat = Defeat {
            trouble,
            upstream: None,
            attempts: 1,
            retry_after: retry_after.map(Duration::from_secs),
            is_worth_retrying,
        };
        defeated(&defeat, 7)
    }

    #[test]
    fn faults_of_the_upstream_tell_when_to_come_back() {
        for (trouble, status) in [
            (Trouble::NoKey, 503),
            (Trouble::KeyRefused(401), 502),
            (Trouble::KeyRefused(402), 503),
            (Trouble::Unreachable, 502),
            (Trouble::ConnectTimeout, 504),
            (Trouble::Silent, 504),
            (Trouble::Resting(Duration::ZERO), 503),
        ] {
            let decline = defeat(trouble, None, false);
            let failure = &decline.failure;
            assert_eq!(
                (failure.status.as_u16(), failure.retry_after),
                (status, Some(SOON)),
                "{trouble:?}"
            );
            assert_eq!(decline.should_retry, Some(false));
        }
    }

    #[test]
    fn a_wait_that_nobody_waits_for_is_not_to_be_tried() {
        let limited = Trouble::RateLimited(None);
        for (seconds, should) in [(2, true), (61, false)] {
            let decline = defeat(limited, Some(seconds), true);
            assert_eq!(decline.failure.status, 429);
            assert_eq!(decline.should_retry, Some(should), "{seconds} s");
            assert_eq!(
                decline.failure.retry_after.map(u64::from),
                Some(seconds),
                "the wait must be true"
            );
        }
    }

    #[test]
    fn faults_of_the_client_are_not_worth_a_second_try() {
        for trouble in [
            Trouble::BodyTooLarge,
            Trouble::ClientBroke,
            Trouble::NoModel,
        ] {
            assert!(
                defeat(trouble, None, false)
                    .failure
                    .status
                    .is_client_error()
            );
        }
        let decline = defeat(Trouble::BodyTooLarge, None, false);
        assert_eq!(
            (decline.failure.retry_after, decline.should_retry),
            (None, None)
        );
        assert!(decline.failure.message.contains("7 bytes"));
    }
}
