//! Whether what was seen is enough to act on: an observer that is cut off must not take it for a dead line.

use std::fmt;

use crate::line::{Instance, InstanceState, NodeSight, Observed, Profile};

/// Why nothing is done in a tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// There is no line to keep.
    NoLine,
    /// None of several nodes can be reached from here.
    CutOff {
        /// How many.
        nodes: usize,
        /// What was heard of one of them.
        example: String,
    },
}

/// Refuses to act on what was seen when it is as if the observer had lost its network, or the line its nodes.
///
/// Of a line with one running node silence is no such sign by itself: there the planner asks Route 53's checkers, and
/// replaces only what they, too, find dead.
pub fn may_act(profile: &Profile, observed: &Observed) -> Result<(), Held> {
    let is_there = |instance: &Instance| {
        !matches!(
            instance.state,
            InstanceState::ShuttingDown | InstanceState::Terminated
        )
    };
    let is_seen_whole = observed.unseen().next().is_none();
    if is_seen_whole && !observed.launched().any(is_there) && !has_checks(profile, observed) {
        return Err(Held::NoLine);
    }
    let silent: Vec<&String> = observed
        .nodes
        .values()
        .filter_map(|sight| match sight {
            NodeSight::Unreachable(why) => Some(why),
            _ => None,
        })
        .collect();
    if silent.len() > 1 && silent.len() == observed.nodes.len() {
        return Err(Held::CutOff {
            nodes: silent.len(),
            example: silent[0].clone(),
        });
    }
    Ok(())
}

/// Whether the line has left health checks behind: then its nodes were there, and are gone.
fn has_checks(profile: &Profile, observed: &Observed) -> bool {
    let mut checks = observed.zone.iter().flat_map(|zone| &zone.checks);
    checks.any(|check| check.reference.line == profile.name)
}

impl Held {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoLine => "run `dsline up` once: the loop keeps a line, it does not begin one",
            Self::CutOff { .. } => {
                "if the nodes are well (`dsline status` from elsewhere), mend this machine's way to them; if they are not, run `dsline up`"
            }
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLine => f.write_str("the line has no node at all, so nothing is done"),
            Self::CutOff { nodes, example } => write!(
                f,
                "none of {nodes} running nodes can be reached from here, so nothing is done: {example}"
            ),
        }
    }
}

impl std::error::Error for Held {}
