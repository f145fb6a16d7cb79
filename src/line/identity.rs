//! Identity is computed, never stored: tags, client tokens and caller references as functions of what they name.

use std::fmt;
use std::net::Ipv4Addr;

use sha2::{Digest, Sha256};

use super::name::{Generation, LineName, Slot};

/// Tag with the line's name on everything EC2 lets us tag.
pub const TAG_LINE: &str = "dsline:line";
/// Tag with the region's name.
pub const TAG_REGION: &str = "dsline:region";
/// Tag with the slot's number.
pub const TAG_SLOT: &str = "dsline:slot";
/// Tag with the slot's generation.
pub const TAG_GENERATION: &str = "dsline:generation";
/// Tag with the line secret's fingerprint.
pub const TAG_KEY: &str = "dsline:key";

/// The name of a line's security group, the same in every region.
pub fn group_name(line: &LineName) -> String {
    format!("dsline-{line}")
}

/// The client token of a `RunInstances` call: 47 ASCII characters, under EC2's limit of 64.
///
/// `what` is the instance type, and the zone if one is named: EC2 refuses one token with two types, and a refusal for
/// want of capacity stays with its token. `attempt` leads past a token whose instance is gone
/// (`IdempotentInstanceTerminated`).
pub fn client_token(
    line: &LineName,
    slot: &Slot,
    generation: Generation,
    what: &str,
    attempt: u32,
) -> String {
    format!(
        "dsline-{}",
        short_hash(
            &[
                line.as_str(),
                &slot.to_string(),
                &generation.to_string(),
                what,
                &attempt.to_string()
            ],
            40
        )
    )
}

/// The caller reference of a node's health check: says whose it is and changes with whatever Route 53 cannot edit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckReference {
    /// The line it belongs to.
    pub line: LineName,
    /// The node it checks.
    pub slot: Slot,
    /// Hash of address and settings: another address is another check.
    pub settings: String,
    /// Counts past references that Route 53 keeps taken after a deletion.
    pub attempt: u32,
}

impl CheckReference {
    /// The reference of the first attempt at a check of `address` with `settings`.
    pub fn new(line: &LineName, slot: &Slot, address: Ipv4Addr, settings: &str) -> Self {
        let settings = short_hash(&[&address.to_string(), settings], 8);
        Self {
            line: line.clone(),
            slot: slot.clone(),
            settings,
            attempt: 1,
        }
    }

    /// Whether both name the same check, whatever the attempt.
    pub fn is_same_check(&self, other: &Self) -> bool {
        self.line == other.line && self.slot == other.slot && self.settings == other.settings
    }

    /// The next attempt at the same check.
    #[must_use]
    pub fn next_attempt(&self) -> Self {
        Self {
            attempt: self.attempt + 1,
            ..self.clone()
        }
    }

    /// Reads a reference back; `None` when it is not one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        if parts.next()? != "dsline" {
            return None;
        }
        let line = parts.next()?.parse().ok()?;
        let slot = format!("{}/{}", parts.next()?, parts.next()?)
            .parse()
            .ok()?;
        let settings = parts.next()?.to_owned();
        let attempt = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some(Self {
            line,
            slot,
            settings,
            attempt,
        })
    }
}

impl fmt::Display for CheckReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "dsline/{}/{}/{}/{}",
            self.line, self.slot, self.settings, self.attempt
        )
    }
}

/// The set identifier of one of a line's records: unique in its zone and ours at sight.
pub fn set_identifier(line: &LineName, role: &str) -> String {
    format!("dsline/{line}/{role}")
}

/// Whether a record's set identifier says that it belongs to the line.
pub fn is_ours(line: &LineName, identifier: Option<&str>) -> bool {
    identifier.is_some_and(|text| {
        text.strip_prefix("dsline/")
            .and_then(|rest| rest.strip_prefix(line.as_str()))
            .is_some_and(|rest| rest.starts_with('/'))
    })
}

fn short_hash(parts: &[&str], digits: usize) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let hex: String = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    hex[..digits].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> LineName {
        "abcdefghijklmnopqrst".parse().unwrap()
    }

    #[test]
    fn tokens_and_references_fit_and_differ() {
        let slot: Slot = "ap-southeast-1/12".parse().unwrap();
        let token = client_token(&line(), &slot, Generation(1), "t3.micro", 1);
        assert!(token.len() <= 64 && token.is_ascii());
        assert_ne!(
            token,
            client_token(&line(), &slot, Generation(2), "t3.micro", 1)
        );
        assert_ne!(
            token,
            client_token(&line(), &slot, Generation(1), "t3.small", 1)
        );
        assert_ne!(
            token,
            client_token(&line(), &slot, Generation(1), "t3.micro", 2)
        );
        let reference = CheckReference {
            attempt: 99,
            ..CheckReference::new(&line(), &slot, Ipv4Addr::LOCALHOST, "http")
        };
        assert!(reference.to_string().len() <= 64, "{reference}");
    }

    #[test]
    fn references_read_back_and_foreign_ones_do_not() {
        let slot: Slot = "eu-west-1/1".parse().unwrap();
        let reference =
            CheckReference::new(&line(), &slot, Ipv4Addr::LOCALHOST, "http").next_attempt();
        assert_eq!(
            CheckReference::parse(&reference.to_string()),
            Some(reference)
        );
        assert_eq!(CheckReference::parse("terraform-2026"), None);
    }

    #[test]
    fn a_line_owns_only_its_own_records() {
        let home: LineName = "home".parse().unwrap();
        assert!(is_ours(&home, Some(&set_identifier(&home, "geo/AS"))));
        assert!(!is_ours(&home, Some("dsline/home2/geo/AS")));
        assert!(!is_ours(&home, Some("primary")));
        assert!(!is_ours(&home, None));
    }
}
