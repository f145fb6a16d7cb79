//! Where and how a run is struck: the n-th request of an operation in a region, and what goes wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

/// Requests that wait for something come as often as it takes: some first ones stand for all.
const POLLS: [(&str, usize); 4] = [
    // The look at the line, the look after the launch, and two while it starts.
    ("DescribeInstances", 4),
    ("GetChange", 2),
    ("DeleteSecurityGroup", 2),
    ("AuthorizeSecurityGroupIngress", 2),
];

/// A request of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) service: String,
    pub(crate) region: String,
    pub(crate) operation: String,
    /// Which one, from 1.
    pub(crate) n: usize,
}

/// What goes wrong at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The process is killed before its request is executed.
    Before,
    /// The process is killed while a command runs on a node, which goes on without it.
    During,
    /// The request is executed, its answer is lost, and the process is killed.
    After,
    /// The request is executed and its answer is lost; the process lives, and its next try meets its own success.
    Lost,
}

/// A position and what goes wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strike {
    pub(crate) position: Position,
    pub(crate) mode: Mode,
}

/// The positions of a recorded run. Regions in which a command only looks and finds nothing are all alike, so the first
/// one stands for them; `own` are the others.
pub(crate) fn positions(calls: &[Value], own: &[&str]) -> Vec<Position> {
    let mut counts: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    let mut found = BTreeSet::new();
    let text = |call: &Value, field: &str| call[field].as_str().unwrap_or_default().to_owned();
    let is_idle = |service: &str, region: &str| service == "ec2" && !own.contains(&region);
    let idle = calls
        .iter()
        .filter(|call| is_idle(&text(call, "service"), &text(call, "region")))
        .map(|call| text(call, "region"))
        .min();
    for call in calls {
        let (service, region, operation) = (
            text(call, "service"),
            text(call, "region"),
            text(call, "operation"),
        );
        if is_idle(&service, &region) && Some(&region) != idle.as_ref() {
            continue;
        }
        let key = (service.clone(), region.clone(), operation.clone());
        let n = counts.entry(key).or_default();
        *n += 1;
        let limit = POLLS
            .iter()
            .find(|(name, _)| *name == operation)
            .map_or(usize::MAX, |(_, limit)| *limit);
        if *n <= limit {
            found.insert(Position {
                service,
                region,
                operation,
                n: *n,
            });
        }
    }
    found.into_iter().collect()
}

impl Position {
    /// What can go wrong here. Only commands on nodes take long enough to be left in their midst.
    pub(crate) fn modes(&self) -> &'static [Mode] {
        if self.is_on_node() {
            &[Mode::Before, Mode::During, Mode::After, Mode::Lost]
        } else {
            &[Mode::Before, Mode::After, Mode::Lost]
        }
    }

    /// Whether it is a command on a node, and not a request to AWS.
    pub(crate) fn is_on_node(&self) -> bool {
        self.service == "ssh"
    }
}

impl Mode {
    /// Whether the process is killed.
    pub(crate) fn kills(self) -> bool {
        self != Self::Lost
    }

    fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::During => "during",
            Self::After => "after",
            Self::Lost => "lost",
        }
    }
}

impl Strike {
    /// The lab's rule that brings it about.
    pub(crate) fn rule(&self) -> Value {
        let action = match self.mode {
            Mode::Before => "hold",
            Mode::During => "delay",
            Mode::After => "held",
            Mode::Lost => "lost",
        };
        let Position {
            service,
            region,
            operation,
            n,
        } = &self.position;
        json!({
            "action": action, "service": service, "region": region, "operation": operation, "skip": n - 1, "times": 1
        })
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position {
            service,
            region,
            operation,
            n,
        } = &self.position;
        write!(f, "{service} {region} {operation} {n} {}", self.mode.word())
    }
}

impl FromStr for Strike {
    type Err = String;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [service, region, operation, n, mode] = *words else {
            return Err(format!(
                "`{text}` is not SERVICE REGION OPERATION NUMBER MODE"
            ));
        };
        let modes = [Mode::Before, Mode::During, Mode::After, Mode::Lost];
        let mode = modes.into_iter().find(|known| known.word() == mode);
        Ok(Self {
            position: Position {
                service: service.to_owned(),
                region: region.to_owned(),
                operation: operation.to_owned(),
                n: n.parse().map_err(|error| format!("`{n}`: {error}"))?,
            },
            mode: mode.ok_or("a mode is before, during, after or lost")?,
        })
    }
}
