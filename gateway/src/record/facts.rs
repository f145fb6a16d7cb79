//! The plain values that other rooms hand over: what is known of one request, in the words of metrics and audit trail.

use std::sync::Arc;

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The client got all of it.
    Complete,
    /// The upstream broke off after the answer had begun.
    UpstreamCut,
    /// The client read so slowly that nobody could wait for it.
    Outrun,
    /// The client left first. What is dropped without a word ended like this.
    ClientGone,
}

impl Ending {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::UpstreamCut => "upstream_cut",
            Self::Outrun => "outrun",
            Self::ClientGone => "client_gone",
        }
    }
}

/// Where an answer came from, as in the header `x-dsline-cache`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Stored earlier.
    Hit,
    /// Asked upstream for this request.
    Miss,
    /// Shared with another request.
    Coalesced,
    /// The cache was not asked.
    Bypass,
    /// Stored earlier, and older than it should be, because the upstream is down.
    Stale,
}

impl Verdict {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 5] = [
        Self::Hit,
        Self::Miss,
        Self::Coalesced,
        Self::Bypass,
        Self::Stale,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Coalesced => "coalesced",
            Self::Bypass => "bypass",
            Self::Stale => "stale",
        }
    }

    /// Whether the upstream was spared.
    pub fn is_saving(self) -> bool {
        matches!(self, Self::Hit | Self::Coalesced | Self::Stale)
    }
}

/// Tokens as the answer's `usage` counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the question.
    pub prompt: u64,
    /// Of the answer, thinking included.
    pub completion: u64,
    /// Of the question, and known to the provider's own cache.
    pub cached: u64,
}

/// Who asks, as far as it may be written down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The subject of the token, or the name of the key.
    pub subject: Option<Arc<str>>,
    /// The first digits of the credential's hash; never a part of the credential.
    pub fingerprint: Option<Arc<str>>,
}

/// What the books hold of one request. Text of a client's is escaped where it is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) request_id: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) caller: Caller,
    pub(super) address: Option<String>,
    pub(super) model: Option<String>,
    pub(super) usage: Option<Usage>,
    pub(super) verdict: Option<Verdict>,
    pub(super) status: Option<u16>,
    pub(super) ending: Option<Ending>,
    pub(super) upstream: Option<Arc<str>>,
    pub(super) first_byte_ms: Option<u64>,
    /// What the gateway itself took of the time to the first byte.
    pub(super) overhead_us: Option<u64>,
    pub(super) ms: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    /// Only where the operator asked for it.
    pub(super) prompt: Option<String>,
}

/// The value of a field, for both ways of writing.
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(u64),
}

impl Facts {
    /// Every known field in its order; what is not known is left out.
    pub(super) fn each(&self, mut write: impl FnMut(&'static str, Value<'_>)) {
        let mut text = |name, value: Option<&str>| {
            if let Some(value) = value {
                write(name, Value::Text(value));
            }
        };
        text("request_id", Some(&self.request_id));
        text("subject", self.caller.subject.as_deref());
        text("key", self.caller.fingerprint.as_deref());
        text("address", self.address.as_deref());
        text("method", Some(&self.method));
        text("path", Some(&self.path));
        text("model", self.model.as_deref());
        text("cache", self.verdict.map(Verdict::as_str));
        text("upstream", self.upstream.as_deref());
        text("end", self.ending.map(Ending::as_str));
        text("prompt", self.prompt.as_deref());
        let mut number = |name, value: Option<u64>| {
            if let Some(value) = value {
                write(name, Value::Number(value));
            }
        };
        number("status", self.status.map(u64::from));
        number("prompt_tokens", self.usage.map(|usage| usage.prompt));
        number(
            "completion_tokens",
            self.usage.map(|usage| usage.completion),
        );
        number("cached_tokens", self.usage.map(|usage| usage.cached));
        number("first_byte_ms", self.first_byte_ms);
        number("overhead_us", self.overhead_us);
        number("ms", Some(self.ms));
        number("bytes_in", Some(self.bytes_in));
        number("bytes_out", Some(self.bytes_out));
    }
}
