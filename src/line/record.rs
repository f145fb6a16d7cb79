//! Route 53 record sets as this program makes and compares them.

use serde::{Deserialize, Serialize};

use super::place::Place;

/// The record types that a line needs to tell apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RecordType {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Any other type, by its name; never ours.
    Other(String),
}

/// Which half of a failover pair a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Failover {
    /// Answers while it is healthy.
    Primary,
    /// Answers while the primary is not.
    Secondary,
}

/// How Route 53 chooses among records of one name and type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Routing {
    /// The only record of its name and type.
    Simple,
    /// By weight, 0 to 255.
    Weighted(u8),
    /// One half of a failover pair.
    Failover(Failover),
    /// By the asker's place.
    Geolocation(Place),
    /// One of several of which up to eight are answered at once.
    Multivalue,
    /// A routing that lines do not use, by its description; never ours.
    Other(String),
}

/// What an alias record points at, in the same hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AliasTarget {
    /// The target's name, without the trailing dot.
    pub name: String,
    /// The hosted zone that holds the target; for ours always the record's own.
    pub zone_id: String,
    /// Whether the alias is unhealthy when its target is (`EvaluateTargetHealth`).
    pub evaluates_health: bool,
}

/// What a record answers with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RecordValue {
    /// Literal values with their time to live in seconds.
    Values {
        /// Seconds that a resolver may keep the answer.
        ttl: u32,
        /// The values as Route 53 writes them.
        values: Vec<String>,
    },
    /// Whatever another record set answers.
    Alias(AliasTarget),
}

/// One resource record set; names are lower-case and without the trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordSet {
    /// The full name.
    pub name: String,
    /// The type.
    pub kind: RecordType,
    /// Set identifier: unique among the records of one name and type; `None` only for simple records.
    pub set_identifier: Option<String>,
    /// How it is chosen.
    pub routing: Routing,
    /// What it answers.
    pub value: RecordValue,
    /// The health check it depends on.
    pub health_check: Option<String>,
}

impl RecordType {
    /// The type of a name, in capitals.
    pub fn named(name: &str) -> Self {
        match name {
            "A" => Self::A,
            "AAAA" => Self::Aaaa,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The type's name.
    pub fn name(&self) -> &str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Other(name) => name,
        }
    }
}

/// A name as this program compares it: lower-case, without the trailing dot, Route 53's `\052` read as `*`.
pub fn plain_name(name: &str) -> String {
    name.trim_end_matches('.')
        .to_lowercase()
        .replace("\\052", "*")
}

impl RecordSet {
    /// What Route 53 identifies the record by: name, type and set identifier.
    pub fn key(&self) -> (&str, &RecordType, Option<&str>) {
        (&self.name, &self.kind, self.set_identifier.as_deref())
    }

    /// The alias target, if it is an alias.
    pub fn alias(&self) -> Option<&AliasTarget> {
        match &self.value {
            RecordValue::Alias(target) => Some(target),
            RecordValue::Values { .. } => None,
        }
    }
}
