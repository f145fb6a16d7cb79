//! The one table from faults to answers.

use http::StatusCode;

use crate::upstream::Fault;
use crate::wire::Failure;

/// Seconds after which asking again is worth it: long enough for a container to restart.
const SOON: u32 = 5;

/// No accepted key came with the request.
pub(super) fn unauthorized() -> Failure {
    failure(
        StatusCode::UNAUTHORIZED,
        "invalid_request_error",
        "invalid_api_key",
        "No accepted API key came with this request. Send `Authorization: Bearer KEY` with a key of this line.",
    )
}

/// There is nothing at this path.
pub(super) fn not_found() -> Failure {
    failure(
        StatusCode::NOT_FOUND,
        "invalid_request_error",
        "unknown_path",
        "There is nothing at this path. The API is under /v1/, for example POST /v1/chat/completions.",
    )
}

/// The path is there, for another method.
pub(super) fn wrong_method() -> Failure {
    failure(
        StatusCode::METHOD_NOT_ALLOWED,
        "invalid_request_error",
        "wrong_method",
        "This path wants another method.",
    )
}

/// What the client is told about a fault on the way up.
pub(super) fn rescue(fault: &Fault, body_limit: u64) -> Failure {
    let upstream = |status, code, message: &str| Failure {
        retry_after: Some(SOON),
        ..failure(status, "upstream_error", code, message)
    };
    match fault {
        Fault::BodyTooLarge => failure(
            StatusCode::PAYLOAD_TOO_LARGE,
            "invalid_request_error",
            "request_too_large",
            &format!("The request body is over this line's limit of {body_limit} bytes."),
        ),
        Fault::NoKey => upstream(
            StatusCode::SERVICE_UNAVAILABLE,
            "upstream_key_missing",
            "This node has no key for the upstream API yet. Its operator has to push one.",
        ),
        Fault::KeyRefused => upstream(
            StatusCode::BAD_GATEWAY,
            "upstream_key_refused",
            "The upstream API refused this line's key (not yours). Its operator has to replace it.",
        ),
        Fault::Unreachable(_) => upstream(
            StatusCode::BAD_GATEWAY,
            "upstream_unreachable",
            "The upstream API cannot be reached. Ask again soon.",
        ),
        Fault::BrokeOff(_) => upstream(
            StatusCode::BAD_GATEWAY,
            "upstream_broke_off",
            "The upstream API broke off before it answered. Ask again soon.",
        ),
        Fault::ConnectTimeout => upstream(
            StatusCode::GATEWAY_TIMEOUT,
            "upstream_connect_timeout",
            "The upstream API did not accept a connection in time. Ask again soon.",
        ),
        Fault::Silent => upstream(
            StatusCode::GATEWAY_TIMEOUT,
            "upstream_timeout",
            "The upstream API did not answer in time. Ask again soon.",
        ),
    }
}

fn failure(status: StatusCode, family: &'static str, code: &'static str, message: &str) -> Failure {
    Failure {
        status,
        family,
        code,
        message: message.to_owned(),
        retry_after: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_the_upstream_can_be_tried_again_and_tell_no_detail() {
        let secret = || "10.0.0.7 sk-secret".to_owned();
        for (fault, status) in [
            (Fault::NoKey, 503),
            (Fault::KeyRefused, 502),
            (Fault::Unreachable(secret()), 502),
            (Fault::BrokeOff(secret()), 502),
            (Fault::ConnectTimeout, 504),
            (Fault::Silent, 504),
        ] {
            let failure = rescue(&fault, 1);
            assert_eq!(
                (failure.status.as_u16(), failure.retry_after),
                (status, Some(SOON)),
                "{fault:?}"
            );
            assert!(!failure.message.contains("secret"));
        }
    }

    #[test]
    fn faults_of_the_client_are_not_worth_a_second_try() {
        assert_eq!(rescue(&Fault::BodyTooLarge, 7).retry_after, None);
        assert!(rescue(&Fault::BodyTooLarge, 7).message.contains("7 bytes"));
        assert_eq!(unauthorized().retry_after, None);
    }
}
