//! `[cache]` and `[merge]`: what is answered without asking upstream.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::field::Seconds;

/// `[cache]`: answers that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// Whether answers are kept at all.
    pub enabled: bool,
    /// The Redis behind; without it, what fits into this process. `REDIS_HOST` overrides it.
    pub redis: Option<RedisPlace>,
    /// The user of its access list; its default one otherwise.
    pub redis_username: Option<String>,
    /// A file that holds the password of that Redis and nothing else.
    pub redis_password_file: Option<PathBuf>,
    /// Which of its databases.
    pub redis_database: u32,
    /// The longest wait for Redis.
    pub redis_timeout_ms: Millis,
    /// How long an answer is given again. `CACHE_TTL` overrides it.
    pub ttl_seconds: Seconds,
    /// How much longer it may be given while the upstream is down; 0 is never.
    pub stale_if_error_seconds: u32,
    /// Room for answers in this process.
    pub memory_bytes: u64,
    /// A longer answer is not kept.
    pub entry_bytes: usize,
    /// Callers (subjects, tenants or fingerprints) whose answers are never kept.
    pub except: Vec<String>,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            enabled: true,
            redis: None,
            redis_username: None,
            redis_password_file: None,
            redis_database: 0,
            redis_timeout_ms: Millis(30),
            ttl_seconds: Seconds::new(3600),
            stale_if_error_seconds: 86_400,
            memory_bytes: 16 * 1024 * 1024,
            entry_bytes: 1024 * 1024,
            except: Vec::new(),
        }
    }
}

/// `[merge]`: requests that share one upstream call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Merge {
    /// Whether requests are merged at all.
    pub enabled: bool,
    /// How long an answer that is complete can still be joined; 0 for not at all.
    pub window_seconds: u32,
    /// Which requests are the same.
    #[serde(rename = "match")]
    pub matching: Matching,
    /// A call whose answer grows beyond this is not joined any more.
    pub flight_bytes: usize,
    /// What all calls keep for those who join; beyond it the oldest answers go first.
    pub total_bytes: usize,
}

impl Default for Merge {
    fn default() -> Self {
        Self {
            enabled: true,
            window_seconds: 30,
            matching: Matching::Exact,
            flight_bytes: 2 * 1024 * 1024,
            total_bytes: 32 * 1024 * 1024,
        }
    }
}

/// Which requests are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    /// Those that mean the same, value for value.
    Exact,
    /// Those whose first ten words are the same in any case and order: one user may get another question's answer.
    Loose,
}

/// A short wait of 1 to 1000 milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct Millis(u64);

impl Millis {
    /// The same as a [`Duration`].
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl TryFrom<u64> for Millis {
    type Error = &'static str;

    fn try_from(millis: u64) -> Result<Self, &'static str> {
        if (1..=1000).contains(&millis) {
            Ok(Self(millis))
        } else {
            Err("must be 1 to 1000 milliseconds")
        }
    }
}

/// Where a Redis is: a unix socket or a host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum RedisPlace {
    /// `/run/redis/redis.sock`, also with `unix:` before it.
    Socket(PathBuf),
    /// `10.0.0.7`, `cache.internal:6380`; the port is 6379 unless it is named.
    Host(String, u16),
}

impl TryFrom<String> for RedisPlace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let shape = "must be a path like /run/redis/redis.sock, or a host like 10.0.0.7 or 10.0.0.7:6379; \
                     the password belongs in redis_password_file";
        let path = text.strip_prefix("unix:").unwrap_or(&text);
        if path.starts_with('/') {
            return Ok(Self::Socket(path.into()));
        }
        if text.parse::<IpAddr>().is_ok() {
            return Ok(Self::Host(text, 6379));
        }
        let (host, port) = text.rsplit_once(':').unwrap_or((&text, "6379"));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_[]:".contains(c);
        let port = port.parse().map_err(|_| shape.to_owned())?;
        if host.is_empty() || !host.chars().all(is_plain) {
            return Err(shape.into());
        }
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Ok(Self::Host(host.to_owned(), port))
    }
}

impl fmt::Display for RedisPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => path.display().fmt(f),
            Self::Host(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_is_a_socket_or_a_host() {
        for (text, place) in [
            ("/run/redis/redis.sock", "/run/redis/redis.sock"),
            ("unix:/run/redis/redis.sock", "/run/redis/redis.sock"),
            ("10.0.0.7", "10.0.0.7:6379"),
            ("cache.internal:6380", "cache.internal:6380"),
            ("::1", "::1:6379"),
            ("[::1]:6380", "::1:6380"),
        ] {
            assert_eq!(
                RedisPlace::try_from(text.to_owned()).unwrap().to_string(),
                place
            );
        }
        for odd in ["", ":6379", "a b", "host:x", "redis://:password@host:6379"] {
            assert!(RedisPlace::try_from(odd.to_owned()).is_err(), "{odd}");
        }
    }
}
