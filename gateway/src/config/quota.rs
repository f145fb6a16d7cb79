//! `[quota]`: how much each caller, each address and this whole node may ask.

use serde::Deserialize;

use super::field::Seconds;

/// `[quota]`. A limit of 0 is none at all, except for the upstream's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quota {
    /// Requests a minute of one key or token subject; `RATE_LIMIT` in the environment overrides it.
    pub requests_per_minute: u32,
    /// Requests a minute of one address (an IPv6 network of 64 bits counts as one), all keys together.
    pub address_requests_per_minute: u32,
    /// Tokens in any minute of one key or token subject, prompts and answers together.
    pub tokens_per_minute: u32,
    /// Streams at the same time of one key or token subject.
    pub streams: u32,
    /// Upstream calls at the same time of this node: its share of what the account may have.
    pub upstream_permits: Permits,
    /// Requests that may wait for a permit.
    pub queue_length: u32,
    /// The longest wait for a permit.
    pub queue_wait_seconds: Seconds,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            requests_per_minute: 1000,
            address_requests_per_minute: 6000,
            tokens_per_minute: 0,
            streams: 1000,
            upstream_permits: Permits(500),
            queue_length: 1000,
            queue_wait_seconds: Seconds::new(10),
        }
    }
}

/// At least one upstream call at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct Permits(u32);

impl Permits {
    /// How many.
    pub const fn count(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Permits {
    type Error = &'static str;

    fn try_from(count: u32) -> Result<Self, &'static str> {
        if count == 0 {
            return Err("must be at least 1: without a permit nothing reaches the upstream");
        }
        Ok(Self(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_stand_and_zero_permits_do_not() {
        assert_eq!(toml::from_str::<Quota>("").unwrap(), Quota::default());
        let quota: Quota = toml::from_str("streams = 3\nupstream_permits = 166").unwrap();
        assert_eq!((quota.streams, quota.upstream_permits.count()), (3, 166));
        for odd in [
            "upstream_permits = 0",
            "streams = -1",
            "stream = 1",
            "queue_wait_seconds = 0",
        ] {
            assert!(toml::from_str::<Quota>(odd).is_err(), "{odd} was accepted");
        }
    }
}
