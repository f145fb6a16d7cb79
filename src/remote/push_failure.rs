//! How a push can fail, from the least harm to the most.

use std::fmt;

use super::blocked::Blocked;

/// A push that did not make the release live.
#[derive(Debug)]
pub enum PushFailure {
    /// The node could not be reached or asked.
    Blocked(Blocked),
    /// A program on the node refused its files; nothing live was touched.
    Invalid {
        /// The node.
        place: String,
        /// The part that was refused.
        part: String,
        /// The end of what the program said.
        output: String,
    },
    /// The node could not store or prepare the release; nothing live was touched.
    Unfinished {
        /// The node.
        place: String,
        /// What could not be done.
        what: String,
        /// The end of what was said about it.
        output: String,
    },
    /// The node's disk is full; nothing live was touched.
    NoRoom {
        /// The node.
        place: String,
        /// What is left, as the node tells it.
        left: String,
        /// The end of what was said about it.
        output: String,
    },
    /// The release was live and did not work.
    Unhealthy {
        /// The node.
        place: String,
        /// What was wrong.
        what: String,
        /// The end of the logs concerned.
        log: String,
        /// Whether the node is back at what it had before, and that works.
        reverted: bool,
    },
    /// The release serves, but nobody could come in anew to say so.
    Unconfirmed {
        /// What stood in the way, with the node.
        why: String,
        /// Within how many seconds the node goes back.
        seconds: u64,
    },
    /// Another release is live: the node went back meanwhile, or somebody else pushed.
    Gone {
        /// The node.
        place: String,
        /// What is live.
        live: String,
    },
    /// The node has no such release.
    Missing {
        /// The node.
        place: String,
        /// The release's number.
        number: u32,
    },
}

impl PushFailure {
    /// What to do next, where this knows it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Blocked(blocked) => blocked.hint(),
            Self::Invalid { .. } => {
                Some("`dsline render --out DIR` writes the files as the node got them".to_owned())
            }
            Self::Unfinished { .. } => None,
            Self::NoRoom { place, .. } => Some(format!(
                "the node serves what it served before; make room on it (`dsline exec --on {} -- sudo du -xhd 2 /var` shows \
                 what is large) and run `dsline up` again",
                place.split(' ').next().unwrap_or(place)
            )),
            Self::Unhealthy { reverted: true, .. } => Some(
                "the node serves what it served before; mend the cause and run `dsline up` again"
                    .to_owned(),
            ),
            Self::Unhealthy {
                reverted: false, ..
            } => Some("look around with `dsline ssh`; `dsline up` pushes again".to_owned()),
            Self::Unconfirmed { .. } => Some(
                "the release may have shut the door to you: mend that before you push again"
                    .to_owned(),
            ),
            Self::Gone { .. } | Self::Missing { .. } => {
                Some("`dsline releases` shows what each node has".to_owned())
            }
        }
    }
}

impl fmt::Display for PushFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = match self {
            Self::Blocked(blocked) => return blocked.fmt(f),
            Self::Unconfirmed { why, seconds } => {
                return write!(
                    f,
                    "no new SSH connection could be opened to confirm the release, so the node goes back by itself within {seconds} s: {why}"
                );
            }
            Self::Gone { place, live } => {
                return write!(f, "{place}: release {live} is live there by now");
            }
            Self::Missing { place, number } => {
                return write!(f, "{place}: it does not keep release {number} any more");
            }
            Self::Invalid {
                place,
                part,
                output,
            } => {
                write!(
                    f,
                    "{place}: the {part} part of the release was refused; nothing was switched"
                )?;
                output
            }
            Self::Unfinished {
                place,
                what,
                output,
            } => {
                write!(f, "{place}: {what}; nothing was switched")?;
                output
            }
            Self::NoRoom {
                place,
                left,
                output,
            } => {
                write!(
                    f,
                    "{place}: its disk is full ({left}); the release could not be stored, and nothing was switched"
                )?;
                output
            }
            Self::Unhealthy {
                place,
                what,
                log,
                reverted,
            } => {
                let outcome = if *reverted {
                    "it went back to what it had before"
                } else {
                    "it could not go back to a working state"
                };
                write!(f, "{place}: with the new release {what}; {outcome}")?;
                log
            }
        };
        if detail.trim().is_empty() {
            Ok(())
        } else {
            write!(f, "\n{}", detail.trim_end())
        }
    }
}

impl std::error::Error for PushFailure {}

impl From<Blocked> for PushFailure {
    fn from(blocked: Blocked) -> Self {
        Self::Blocked(blocked)
    }
}
