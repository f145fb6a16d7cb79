//! A request that was turned away: whose limit it was, how high, and when asking again is worth it.

use std::fmt;
use std::time::Duration;

/// Whose limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Requests a minute of this key or subject.
    Key,
    /// Requests a minute of this address.
    Address,
    /// Tokens a minute of this key or subject.
    Tokens,
    /// Streams at the same time of this key or subject.
    Streams,
    /// Upstream calls of this node: none became free within the longest wait.
    Permits,
    /// Requests that wait for an upstream call on this node.
    Queue,
}

impl Whose {
    /// Every one, in the order of [`Figures::refused`](super::limiter::Figures::refused).
    pub const ALL: [Self; 6] = [
        Self::Key,
        Self::Address,
        Self::Tokens,
        Self::Streams,
        Self::Permits,
        Self::Queue,
    ];

    /// A word for metrics, headers and the API's `code`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Key => "key_requests",
            Self::Address => "address_requests",
            Self::Tokens => "key_tokens",
            Self::Streams => "key_streams",
            Self::Permits => "upstream_permits",
            Self::Queue => "upstream_queue",
        }
    }
}

/// The answer to a request that is over a limit; its `Display` is the message for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Whose limit.
    pub whose: Whose,
    /// How high it is.
    pub limit: u32,
    /// When it will be worth asking again.
    pub wait: Duration,
}

impl Refusal {
    /// Whole seconds for `Retry-After`, never less than the wait.
    pub fn retry_after(&self) -> u32 {
        let whole = self.wait.as_secs() + u64::from(self.wait.subsec_nanos() > 0);
        u32::try_from(whole.max(1)).unwrap_or(u32::MAX)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit;
        match self.whose {
            Whose::Key => write!(
                f,
                "This key's limit of {limit} requests a minute is used up."
            ),
            Whose::Address => {
                write!(
                    f,
                    "This address's limit of {limit} requests a minute is used up."
                )
            }
            Whose::Tokens => write!(f, "This key's limit of {limit} tokens a minute is used up."),
            Whose::Streams => {
                write!(f, "This key has {limit} streams open, which is its limit.")
            }
            Whose::Permits => write!(
                f,
                "All {limit} upstream calls of this node stayed busy for as long as a request may wait."
            ),
            Whose::Queue => {
                write!(
                    f,
                    "{limit} requests wait for the upstream on this node, which is its limit."
                )
            }
        }?;
        write!(f, " Ask again in {} s.", self.retry_after())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_never_rounded_down() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            let wait = Duration::from_millis(millis);
            let refusal = Refusal {
                whose: Whose::Key,
                limit: 7,
                wait,
            };
            assert_eq!(refusal.retry_after(), seconds);
        }
    }

    #[test]
    fn each_says_whose_limit_and_how_high() {
        for whose in Whose::ALL {
            let text = Refusal {
                whose,
                limit: 4711,
                wait: Duration::from_secs(3),
            }
            .to_string();
            assert!(
                text.contains("4711") && text.ends_with("Ask again in 3 s."),
                "{text}"
            );
        }
    }
}
