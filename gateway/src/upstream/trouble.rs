//! What can go wrong with an upstream, as one word each: for the breaker, the retry policy, metrics and logs.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::breaker::Outcome;
use super::outcome::{ConnectTimeout, TooLarge};

/// Why an attempt gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// There is no key to show.
    NoKey,
    /// The upstream refused our key (401), its rights (403) or its account (402).
    KeyRefused(u16),
    /// 429; with the time it asked for.
    RateLimited(Option<Duration>),
    /// 408 or 5xx; with the time it asked for.
    Unwell(u16, Option<Duration>),
    /// No connection: name, TCP or TLS failed.
    Unreachable,
    /// No connection in time.
    ConnectTimeout,
    /// Not one byte in time, or none for too long.
    Silent,
    /// A head, perhaps keep-alives, but nothing of an answer in time.
    NoToken,
    /// The connection broke.
    BrokeOff,
    /// A success by its status, an error by its body.
    ErrorInside,
    /// No JSON where JSON has to be.
    Malformed,
    /// HTML for a question that wants JSON, JSON for one that wants events.
    WrongType,
    /// A head larger than any honest one.
    Oversized,
    /// The client sent more than it may.
    BodyTooLarge,
    /// The client's body broke off.
    ClientBroke,
    /// Every upstream that could answer rests: for this long at least.
    Resting(Duration),
    /// No upstream has this model.
    NoModel,
}

impl Trouble {
    /// For metric labels and status.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::KeyRefused(_) => "key_refused",
            Self::RateLimited(_) => "rate_limited",
            Self::Unwell(..) => "unwell",
            Self::Unreachable => "unreachable",
            Self::ConnectTimeout => "connect_timeout",
            Self::Silent => "silent",
            Self::NoToken => "no_token",
            Self::BrokeOff => "broke_off",
            Self::ErrorInside => "error_inside",
            Self::Malformed => "malformed",
            Self::WrongType => "wrong_type",
            Self::Oversized => "oversized",
            Self::BodyTooLarge => "body_too_large",
            Self::ClientBroke => "client_broke",
            Self::Resting(_) => "resting",
            Self::NoModel => "no_model",
        }
    }

    /// Whether a time limit ran out: the same way again would only double the wait.
    pub fn is_timeout(self) -> bool {
        matches!(self, Self::ConnectTimeout | Self::Silent | Self::NoToken)
    }

    /// Whether it is the client's own doing.
    pub fn is_clients(self) -> bool {
        matches!(self, Self::BodyTooLarge | Self::ClientBroke)
    }

    /// Whether the upstream may have acted on the request all the same.
    pub fn may_have_acted(self) -> bool {
        !matches!(
            self,
            Self::NoKey
                | Self::KeyRefused(_)
                | Self::RateLimited(_)
                | Self::Unwell(503 | 529, _)
                | Self::Unreachable
                | Self::ConnectTimeout
        )
    }

    /// The time the upstream asked for.
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::RateLimited(time) | Self::Unwell(_, time) => time,
            Self::Resting(time) => Some(time),
            _ => None,
        }
    }

    /// What a breaker makes of it.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::KeyRefused(401 | 402) => Outcome::Refused,
            Self::NoKey | Self::Resting(_) | Self::NoModel => Outcome::Unknown,
            trouble if trouble.is_clients() => Outcome::Unknown,
            _ => Outcome::Failure,
        }
    }
}

/// A trouble with its story, which is for logs and never for clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setback {
    /// The word for it.
    pub trouble: Trouble,
    /// What the system said.
    pub detail: String,
}

impl Setback {
    /// Nothing more to say than the word.
    pub(super) fn of(trouble: Trouble) -> Self {
        Self {
            trouble,
            detail: String::new(),
        }
    }
}

impl fmt::Display for Setback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.trouble.word())?;
        match self.trouble {
            Trouble::KeyRefused(status) | Trouble::Unwell(status, _) => write!(f, " ({status})")?,
            _ => {}
        }
        if self.detail.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.detail)
        }
    }
}

impl From<&hyper_util::client::legacy::Error> for Setback {
    fn from(error: &hyper_util::client::legacy::Error) -> Self {
        let trouble = if find::<TooLarge>(error).is_some() {
            Trouble::BodyTooLarge
        } else if find::<ConnectTimeout>(error).is_some() {
            Trouble::ConnectTimeout
        } else if error.is_connect() {
            Trouble::Unreachable
        } else {
            match find::<hyper::Error>(error) {
                Some(error) if error.is_parse_too_large() => Trouble::Oversized,
                Some(error) if error.is_parse() => Trouble::Malformed,
                Some(error) if error.is_user() => Trouble::ClientBroke,
                _ => Trouble::BrokeOff,
            }
        };
        let words: Vec<_> = causes(error).map(ToString::to_string).collect();
        Self {
            trouble,
            detail: words.join(": "),
        }
    }
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(<dyn Error>::downcast_ref)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
