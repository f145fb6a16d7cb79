//! Which headers travel, which stay on their own side, and what a request id may look like.

use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// RFC 9110 §7.6.1: these speak about one connection only.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What the upstream must not learn: the caller's credentials for *us*, who and where the caller is, and words that are
/// meant for this hop.
const OURS_ALONE: [&str; 15] = [
    "authorization",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "origin",
    "referer",
    "regenerate",
    "x-api-key",
    "x-dsline-cache",
    "x-dsline-regenerate",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
];

/// What an upstream says about its own host name, which would be wrong about ours, and orders that our nginx would obey.
const UPSTREAMS_ALONE: [&str; 13] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "alt-svc",
    "set-cookie",
    "strict-transport-security",
    "x-accel-charset",
    "x-accel-expires",
    "x-accel-limit-rate",
    "x-accel-redirect",
];

/// Drops the headers that end at this hop, those named by `Connection` included.
pub fn keep_end_to_end(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    remove(headers, &HOP_BY_HOP);
}

/// Drops what the upstream must not learn.
pub fn withhold_from_upstream(headers: &mut HeaderMap) {
    remove(headers, &OURS_ALONE);
}

/// Drops what would be wrong under our host name.
pub fn withhold_from_clients(headers: &mut HeaderMap) {
    remove(headers, &UPSTREAMS_ALONE);
}

fn remove(headers: &mut HeaderMap, names: &[&str]) {
    for name in names {
        headers.remove(*name);
    }
}

/// Whether a body is a stream of events that can be read as it is (not compressed).
pub fn is_event_stream(headers: &HeaderMap) -> bool {
    let is_sse = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"));
    is_sse
        && headers
            .get(CONTENT_ENCODING)
            .is_none_or(|coding| coding == "identity")
}

/// The request id of the proxy in front, if it is one we can put into logs and headers.
pub fn usable_request_id(value: Option<&HeaderValue>) -> Option<&str> {
    let id = value?.to_str().ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    ((1..=128).contains(&id.len()) && id.bytes().all(is_plain)).then_some(id)
}

/// Whether a path means what it says: `/v1/../user/balance` would reach what is not under `/v1/`.
pub fn is_plain_path(path: &str) -> bool {
    !path.split('/').any(|segment| {
        let dots = segment.to_ascii_lowercase().replace("%2e", ".");
        dots == "." || dots == ".." || dots.contains("%2f") && dots.contains("..")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hop_by_hop_headers_stay_here() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Odd"),
            ("x-odd", "1"),
            ("te", "trailers"),
            ("accept", "*/*"),
        ] {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        keep_end_to_end(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["accept"]);
    }

    #[test]
    fn only_readable_event_streams_count() {
        let stream = |kind: &'static str, coding: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            if let Some(coding) = coding {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
            is_event_stream(&headers)
        };
        assert!(stream("text/event-stream", None));
        assert!(stream("Text/Event-Stream; charset=utf-8", Some("identity")));
        assert!(!stream("text/event-stream", Some("gzip")));
        assert!(!stream("application/json", None));
    }

    #[test]
    fn request_ids_are_taken_with_care() {
        let usable =
            |text: &'static str| usable_request_id(Some(&HeaderValue::from_static(text))).is_some();
        assert!(usable("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert!(!usable(""));
        assert!(!usable("a b"));
        assert!(!usable("{\"x\":1}"));
        assert_eq!(usable_request_id(None), None);
    }

    #[test]
    fn dot_segments_are_seen_through() {
        assert!(is_plain_path("/v1/models/org.name/model..v2"));
        for odd in [
            "/v1/../user",
            "/v1/./x",
            "/v1/%2e%2E/user",
            "/v1/.%2e/user",
            "/v1/..%2fuser",
        ] {
            assert!(!is_plain_path(odd), "{odd} was accepted");
        }
    }
}
