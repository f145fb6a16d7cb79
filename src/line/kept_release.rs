//! A release as its node remembers it: what it is, who brought it, and what became of it.

use serde::{Deserialize, Serialize};

/// Who pushes, and why; the node keeps both with the release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// User and machine.
    pub who: String,
    /// What for; may be empty.
    pub why: String,
}

/// A release that lies on a node, or of which the node knows that it failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRelease {
    /// Its number.
    pub number: u32,
    /// Digest of everything in it.
    pub digest: String,
    /// When it came, by the node's clock (RFC 3339).
    pub when: String,
    /// Who brought it.
    pub who: String,
    /// What for.
    pub why: String,
    /// What became of it.
    pub state: ReleaseState,
}

/// What became of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseState {
    /// Nobody has confirmed it yet.
    Unconfirmed,
    /// It served, and somebody confirmed it from outside.
    Healthy,
    /// It was healthy, and the node went back from it to an older one.
    Left,
    /// The node went back from it, and why.
    Failed(String),
}

impl KeptRelease {
    /// Whether the node's own way back may lead to it.
    pub fn is_healthy(&self) -> bool {
        self.state == ReleaseState::Healthy
    }

    /// Whether the node has it whole, and it served once.
    pub fn is_kept(&self) -> bool {
        matches!(self.state, ReleaseState::Healthy | ReleaseState::Left)
    }
}

impl Note {
    /// A note in one line without control characters: so it fits the node's own record.
    pub fn new(who: &str, why: &str) -> Self {
        let one_line = |text: &str| {
            let words: Vec<&str> = text
                .split(|c: char| c.is_whitespace() || c.is_control())
                .filter(|word| !word.is_empty())
                .collect();
            words.join(" ")
        };
        Self {
            who: one_line(who),
            why: one_line(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_one_line() {
        let note = Note::new("ann@laptop", " fix\tthe\n limits ");
        assert_eq!(note.why, "fix the limits");
    }
}
