//! Names that a line is made of: the line itself, a slot in a region, a slot's generation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::region::Region;

/// A line's name: 1 to 20 lower-case letters, digits and inner hyphens, starting with a letter.
///
/// Short, so that it fits with region and slot into a Route 53 caller reference (64 characters).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LineName(String);

impl LineName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LineName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase());
        if starts_well && text.len() <= 20 && !text.ends_with('-') && text.chars().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is no line name: 1 to 20 lower-case letters, digits and inner hyphens, starting with a letter"
            ))
        }
    }
}

impl TryFrom<String> for LineName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<LineName> for String {
    fn from(name: LineName) -> Self {
        name.0
    }
}

impl fmt::Display for LineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A node's place in a line: region and number from 1; written `ap-southeast-1/1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slot {
    /// The region it lies in.
    pub region: Region,
    /// Its number there, from 1.
    pub number: u16,
}

impl Slot {
    /// The number of a region's first machine that the operator brought; those that the line launches have lower ones.
    pub const FIRST_BROUGHT: u16 = 101;

    /// Whether a machine of the operator's own (`[[node]]`) fills it: then nothing is ever launched or terminated there.
    pub fn is_brought(&self) -> bool {
        self.number >= Self::FIRST_BROUGHT
    }
}

impl FromStr for Slot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no node: write region and number, as in `us-east-1/1`");
        let (region, number) = text.split_once('/').ok_or_else(wrong)?;
        let number = number.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
        Ok(Self {
            region: region.parse()?,
            number,
        })
    }
}

impl TryFrom<String> for Slot {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Slot> for String {
    fn from(slot: Slot) -> Self {
        slot.to_string()
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.region, self.number)
    }
}

/// How often a slot's machine has been replaced, from 1; host keys and client tokens depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Generation(pub u32);

impl Generation {
    /// The generation of a slot's first machine.
    pub const FIRST: Self = Self(1);

    /// The generation that replaces this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_read_back_what_they_write() {
        let slot: Slot = "ap-southeast-1/2".parse().unwrap();
        assert_eq!(slot.to_string(), "ap-southeast-1/2");
        assert!("ap-southeast-1/0".parse::<Slot>().is_err());
        assert!("ap-southeast-1".parse::<Slot>().is_err());
    }

    #[test]
    fn line_names_stay_short_and_plain() {
        for good in ["a", "home", "team-7", "abcdefghijklmnopqrst"] {
            assert!(good.parse::<LineName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "7up",
            "Home",
            "a-",
            "a_b",
            "abcdefghijklmnopqrstu",
            "a/b",
        ] {
            assert!(bad.parse::<LineName>().is_err(), "{bad}");
        }
    }
}
