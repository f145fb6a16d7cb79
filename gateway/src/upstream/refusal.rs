//! What an error answer of an upstream means: whose fault it is, and who might do better.

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use super::trouble::Trouble;

/// Whose fault an error answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The client's: it gets the answer as it is.
    Client,
    /// The prompt is too long for this model; another upstream may take more.
    TooLong,
    /// The upstream's, or ours.
    Trouble(Trouble),
}

/// Judges an answer that is no success, by its status, headers and what there is of its body.
pub(super) fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let trouble = match status.as_u16() {
        code @ (401..=403) => Trouble::KeyRefused(code),
        // OpenAI's word for an empty account.
        429 if holds(body, b"insufficient_quota") => Trouble::KeyRefused(402),
        429 => Trouble::RateLimited(retry_after(headers)),
        code @ (408 | 500 | 502..=504 | 506..=599) => Trouble::Unwell(code, retry_after(headers)),
        300..=399 => Trouble::WrongType,
        400 | 413 if is_too_long(body) => return Refusal::TooLong,
        _ => return Refusal::Client,
    };
    Refusal::Trouble(trouble)
}

fn is_too_long(body: &[u8]) -> bool {
    holds(body, b"context_length_exceeded") || holds(body, b"maximum context length")
}

fn holds(body: &[u8], word: &[u8]) -> bool {
    body.windows(word.len()).any(|window| window == word)
}

/// The wait an upstream asks for: milliseconds, seconds or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let milliseconds = text("retry-after-ms").and_then(|text| text.parse().ok());
    if let Some(milliseconds) = milliseconds {
        return Some(Duration::from_millis(milliseconds));
    }
    let text = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, headers: &[(&'static str, &str)], body: &str) -> Refusal {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        judge(StatusCode::from_u16(status).unwrap(), &map, body.as_bytes())
    }

    #[test]
    fn every_status_is_somebodys_fault() {
        for status in [400, 404, 405, 409, 413, 415, 422, 451, 501, 505] {
            assert_eq!(judged(status, &[], "{}"), Refusal::Client, "{status}");
        }
        for status in [401, 402, 403] {
            assert_eq!(
                judged(status, &[], ""),
                Refusal::Trouble(Trouble::KeyRefused(status))
            );
        }
        for status in [408, 500, 502, 503, 504, 520, 529] {
            assert_eq!(
                judged(status, &[], ""),
                Refusal::Trouble(Trouble::Unwell(status, None))
            );
        }
        assert_eq!(judged(302, &[], ""), Refusal::Trouble(Trouble::WrongType));
    }

    #[test]
    fn bodies_tell_what_the_status_does_not() {
        let long = r#"{"error":{"code":"context_length_exceeded"}}"#;
        assert_eq!(judged(400, &[], long), Refusal::TooLong);
        let empty = r#"{"error":{"code":"insufficient_quota"}}"#;
        assert_eq!(
            judged(429, &[], empty),
            Refusal::Trouble(Trouble::KeyRefused(402))
        );
    }

    #[test]
    fn waits_are_read_in_every_form() {
        let wait = |headers: &[(&'static str, &str)]| match judged(429, headers, "") {
            Refusal::Trouble(Trouble::RateLimited(wait)) => wait,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(&[("retry-after", "2")]), Some(Duration::from_secs(2)));
        assert_eq!(
            wait(&[("retry-after-ms", "250"), ("retry-after", "1")]),
            Some(Duration::from_millis(250))
        );
        assert_eq!(
            wait(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")]),
            Some(Duration::ZERO)
        );
        for odd in ["", "soon", "-1", "NaN"] {
            assert_eq!(wait(&[("retry-after", odd)]), None, "{odd}");
        }
        let later = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(30));
        assert!(wait(&[("retry-after", &later)]).unwrap() > Duration::from_secs(28));
    }
}
