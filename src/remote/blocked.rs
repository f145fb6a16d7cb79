//! Why a node could not be entered or asked.

use std::fmt;

/// What stands between the operator and a node; each message names the node and its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// Nothing answers there, or it did not in time.
    Unreachable(String),
    /// Something answers with a host key that is not the node's; nothing was sent to it.
    WrongHostKey(String),
    /// The node takes none of the operator's keys.
    Refused(String),
    /// The way was open and broke, or the node did not do what it was asked.
    Broken(String),
}

impl Blocked {
    /// What to do next, where this knows it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreachable(_) => {
                "port 22 is open to `ssh.allow` of the profile and to the address that `dsline up` was run from; \
                 run `dsline up` here to add yours"
            }
            Self::WrongHostKey(_) => {
                "either another machine answers at this address, or the node was made with another line secret; \
                 compare your secret with the one that made it before you replace the node"
            }
            Self::Refused(_) => {
                "load the key into your agent (`ssh-add`) or name its file as `ssh.identity` in the profile; \
                 it must be one of the keys that the node was made with"
            }
            Self::Broken(_) => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unreachable(why)
        | Self::WrongHostKey(why)
        | Self::Refused(why)
        | Self::Broken(why)) = self;
        f.write_str(why)
    }
}

impl std::error::Error for Blocked {}
