//! What happened to upstreams, for logs, metrics and alerts; never anything of a request or a key.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::trouble::Setback;
use crate::config::Label;

/// Who wants to know. It is called in the middle of a request, so it must not block.
pub type Told = Arc<dyn Fn(&Event) + Send + Sync>;

/// Something that an operator may want to count or to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An attempt gave no answer.
    Failed {
        /// The upstream.
        upstream: Label,
        /// Why.
        setback: Setback,
    },
    /// The same upstream is asked again.
    Retry {
        /// The upstream.
        upstream: Label,
        /// The wait before.
        after: Duration,
    },
    /// Another upstream is asked.
    Failover {
        /// The one that failed.
        from: Label,
        /// The one that is asked now.
        to: Label,
    },
    /// A breaker opened.
    Tripped {
        /// The upstream.
        upstream: Label,
        /// Until a probe may pass.
        time: Duration,
    },
    /// A credential was refused and rests: somebody has to look. An alert.
    Benched {
        /// The upstream.
        upstream: Label,
        /// How long it rests.
        time: Duration,
    },
    /// A probe went well.
    Recovered {
        /// The upstream.
        upstream: Label,
    },
    /// A kept connection had been closed; the request went out again on another.
    Stale {
        /// The upstream.
        upstream: Label,
    },
    /// There was no retry, though there could be one: too many already.
    BudgetSpent,
    /// An answer broke off after its first token.
    Cut {
        /// The upstream.
        upstream: Label,
    },
}

impl Event {
    /// For metric labels and the log's event name.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Failed { .. } => "upstream_failed",
            Self::Retry { .. } => "upstream_retry",
            Self::Failover { .. } => "upstream_failover",
            Self::Tripped { .. } => "upstream_tripped",
            Self::Benched { .. } => "upstream_benched",
            Self::Recovered { .. } => "upstream_recovered",
            Self::Stale { .. } => "upstream_stale_connection",
            Self::BudgetSpent => "upstream_retry_budget_spent",
            Self::Cut { .. } => "upstream_cut",
        }
    }

    /// The upstream it is about; of a failover, the one that failed.
    pub fn upstream(&self) -> Option<&Label> {
        match self {
            Self::Failed { upstream, .. }
            | Self::Retry { upstream, .. }
            | Self::Failover { from: upstream, .. }
            | Self::Tripped { upstream, .. }
            | Self::Benched { upstream, .. }
            | Self::Recovered { upstream }
            | Self::Stale { upstream }
            | Self::Cut { upstream } => Some(upstream),
            Self::BudgetSpent => None,
        }
    }

    /// Whether a person has to do something.
    pub fn is_alert(&self) -> bool {
        matches!(self, Self::Benched { .. })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.upstream().map_or("", Label::as_str);
        match self {
            Self::Failed { setback, .. } => write!(f, "{name}: {setback}"),
            Self::Retry { after, .. } => write!(f, "{name}: again in {} ms", after.as_millis()),
            Self::Failover { to, .. } => write!(f, "from {name} to {}", to.as_str()),
            Self::Tripped { time, .. } => write!(f, "{name}: not asked for {} s", time.as_secs()),
            Self::Benched { time, .. } => write!(
                f,
                "{name}: its key was refused, or its account is empty; not asked for {} s, see to the key and the account",
                time.as_secs()
            ),
            Self::Recovered { .. } => write!(f, "{name}: answers again"),
            Self::Stale { .. } => {
                write!(f, "{name}: a kept connection was closed, asked on another")
            }
            Self::BudgetSpent => {
                f.write_str("no retry: the share of requests that may be retried is spent")
            }
            Self::Cut { .. } => write!(f, "{name}: an answer broke off after its first token"),
        }
    }
}
