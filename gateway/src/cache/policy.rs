//! What the client wants of the cache: `Cache-Control`, `x-dsline-cache`, `regenerate`.

use std::time::Duration;

use http::HeaderMap;
use http::header::CACHE_CONTROL;

/// How one request may use the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// An entry may answer.
    pub reads: bool,
    /// The answer may be kept.
    pub writes: bool,
    /// Entries older than this do not answer.
    pub max_age: Option<Duration>,
    /// Without an entry there shall be no answer (504).
    pub only_if_cached: bool,
}

impl Policy {
    /// Without wishes: reads and writes.
    pub const ON: Self = Self {
        reads: true,
        writes: true,
        max_age: None,
        only_if_cached: false,
    };

    /// As if there were no cache.
    pub const OFF: Self = Self {
        reads: false,
        writes: false,
        ..Self::ON
    };

    /// What the headers ask for. `x-dsline-cache: off` and `no-store` leave the cache alone; `x-dsline-cache: refresh`,
    /// `regenerate: true` (`x-dsline-regenerate` too), `no-cache` and `max-age=0` ask anew and keep the new answer.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut policy = Self::ON;
        for directive in words(headers, CACHE_CONTROL.as_str()) {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" => {
                    policy = Self {
                        only_if_cached: policy.only_if_cached,
                        ..Self::OFF
                    }
                }
                "no-cache" => policy = policy.anew(),
                "only-if-cached" => policy.only_if_cached = true,
                // RFC 9111 §4.2.1: what cannot be read counts as stale.
                "max-age" => match value.trim().trim_matches('"').parse() {
                    Ok(0) | Err(_) => policy = policy.anew(),
                    Ok(seconds) => policy.max_age = Some(Duration::from_secs(seconds)),
                },
                _ => {}
            }
        }
        let asks_anew = ["regenerate", "x-dsline-regenerate"].iter().any(|name| {
            words(headers, name).any(|word| word == "1" || word.eq_ignore_ascii_case("true"))
        });
        if asks_anew {
            policy = policy.anew();
        }
        for word in words(headers, "x-dsline-cache") {
            match word.to_ascii_lowercase().as_str() {
                "off" => policy = Self::OFF,
                "refresh" | "regenerate" => policy = policy.anew(),
                _ => {}
            }
        }
        policy
    }

    /// The same, but an entry may not answer: for `"regenerate": true` in a body.
    #[must_use]
    pub fn anew(self) -> Self {
        Self {
            reads: false,
            ..self
        }
    }
}

fn words<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn wishes_are_understood() {
        let minute = Some(Duration::from_mins(1));
        for (headers, expected) in [
            (vec![], Policy::ON),
            (vec![("cache-control", "No-Store")], Policy::OFF),
            (vec![("cache-control", "no-cache")], Policy::ON.anew()),
            (
                vec![("cache-control", "max-age=0, private")],
                Policy::ON.anew(),
            ),
            (vec![("cache-control", "max-age=soon")], Policy::ON.anew()),
            (
                vec![
                    ("cache-control", "private"),
                    ("cache-control", "max-age=\"60\""),
                ],
                Policy {
                    max_age: minute,
                    ..Policy::ON
                },
            ),
            (
                vec![("cache-control", "only-if-cached")],
                Policy {
                    only_if_cached: true,
                    ..Policy::ON
                },
            ),
            (vec![("x-dsline-cache", "OFF")], Policy::OFF),
            (vec![("x-dsline-cache", "refresh")], Policy::ON.anew()),
            (vec![("x-dsline-cache", "hello")], Policy::ON),
            (vec![("regenerate", "true")], Policy::ON.anew()),
            (vec![("x-dsline-regenerate", "1")], Policy::ON.anew()),
            (vec![("regenerate", "false")], Policy::ON),
            (
                vec![("cache-control", "no-cache"), ("x-dsline-cache", "off")],
                Policy::OFF,
            ),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.append(
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                );
            }
            assert_eq!(Policy::of(&map), expected, "{headers:?}");
        }
    }
}
