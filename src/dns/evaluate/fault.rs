//! Why a question has no computable answer.

use std::error::Error;
use std::fmt;

/// Records that this evaluator refuses to guess about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswerable {
    /// Aliases or CNAMEs lead back to where they began.
    Loop {
        /// The names on the way, the first one again at the end.
        names: Vec<String>,
    },
    /// A choice is made by something that is not known here, such as latency.
    Unsupported {
        /// Where.
        name: String,
        /// By what.
        routing: String,
    },
    /// Records of one name and type that Route 53 would not let stand beside each other.
    Mixed {
        /// Where.
        name: String,
        /// Their type.
        kind: String,
    },
}

impl fmt::Display for Unanswerable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loop { names } => write!(f, "aliases run in a circle: {}", names.join(" -> ")),
            Self::Unsupported { name, routing } => write!(
                f,
                "`{name}` is routed by {routing}, which cannot be worked out here; simple, weighted, failover, geolocation and multivalue can"
            ),
            Self::Mixed { name, kind } => write!(
                f,
                "the {kind} records of `{name}` have different routing policies, which Route 53 does not allow"
            ),
        }
    }
}

impl Error for Unanswerable {}
