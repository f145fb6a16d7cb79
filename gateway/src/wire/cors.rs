//! What a browser is told about asking from another page (the Fetch standard's CORS protocol).

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method};

/// Headers of an answer that a page may read.
const EXPOSED: &str = "x-request-id, x-dsline-cache, x-dsline-node, retry-after, x-should-retry";

/// Which pages may ask, and for how long a browser remembers.
#[derive(Debug, Clone, Copy)]
pub struct CorsRules<'a> {
    /// Origins as browsers send them, or `*`.
    pub origins: &'a [&'a str],
    /// Seconds.
    pub max_age: u64,
}

impl CorsRules<'_> {
    /// Whether a request is a browser's question whether it may ask.
    pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The headers of the answer (204, without a body) to that question; empty for a page that may not.
    pub fn preflight(self, asked: &HeaderMap) -> HeaderMap {
        let mut told = HeaderMap::new();
        self.allow(asked, &mut told);
        if !told.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            return told;
        }
        told.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
        let methods = HeaderValue::from_static("GET, POST, PUT, DELETE, HEAD, OPTIONS");
        told.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        // `*` does not cover Authorization, so what was asked for is said back.
        if let Some(headers) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            told.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers.clone());
        }
        told.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.into());
        told
    }

    /// Adds to an answer what lets the page read it.
    pub fn allow(self, asked: &HeaderMap, told: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        // The answer differs by page, also for those that are not let in: caches must know.
        told.append(VARY, HeaderValue::from_static("origin"));
        let Some(origin) = asked.get(ORIGIN) else {
            return;
        };
        let is_known = |known: &&str| **known == *"*" || known.as_bytes() == origin.as_bytes();
        if self.origins.iter().any(is_known) {
            told.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            told.insert(
                ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static(EXPOSED),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: CorsRules = CorsRules {
        origins: &["https://app.example.com"],
        max_age: 600,
    };

    fn asked(origin: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static(origin));
        headers.insert(
            ACCESS_CONTROL_REQUEST_METHOD,
            HeaderValue::from_static("POST"),
        );
        headers.insert(
            ACCESS_CONTROL_REQUEST_HEADERS,
            HeaderValue::from_static("authorization, content-type"),
        );
        headers
    }

    #[test]
    fn a_known_page_may_ask_with_its_key_and_another_may_not() {
        let headers = asked("https://app.example.com");
        assert!(CorsRules::is_preflight(&Method::OPTIONS, &headers));
        assert!(!CorsRules::is_preflight(&Method::POST, &headers));
        let told = RULES.preflight(&headers);
        assert_eq!(told[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example.com");
        assert_eq!(
            told[ACCESS_CONTROL_ALLOW_HEADERS],
            "authorization, content-type"
        );
        assert_eq!(told[ACCESS_CONTROL_MAX_AGE], "600");
        let told = RULES.preflight(&asked("https://evil.example.com"));
        assert!(!told.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), "{told:?}");
        assert_eq!(told[VARY], "origin");
    }

    #[test]
    fn answers_say_who_may_read_them() {
        let mut told = HeaderMap::new();
        RULES.allow(&asked("https://app.example.com"), &mut told);
        assert_eq!(told[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example.com");
        assert!(told.contains_key(ACCESS_CONTROL_EXPOSE_HEADERS));
        let mut told = HeaderMap::new();
        RULES.allow(&HeaderMap::new(), &mut told);
        assert!(!told.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
        let mut told = HeaderMap::new();
        let nobody = CorsRules {
            origins: &[],
            max_age: 1,
        };
        nobody.allow(&asked("https://app.example.com"), &mut told);
        assert!(told.is_empty(), "{told:?}");
    }
}
