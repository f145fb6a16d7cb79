//! Somebody who was let in: name, tenant, the mark of the key, and what this one may ask.

use std::fmt;
use std::sync::Arc;

use ring::digest::{Context, SHA256};

use crate::limit::{AccountId, Allowance};

/// The digest of a key or token; the key itself is kept nowhere.
pub(super) type Digest = [u8; 32];

/// The first 64 bits of a key's or token's SHA-256, in hexadecimal: tells keys apart in logs and opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 8]);

impl Fingerprint {
    /// Of a digest.
    pub(super) fn of(digest: &Digest) -> Self {
        let (head, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
        Self(*head)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The key's name or the token's `sub`.
    pub subject: Arc<str>,
    /// Whose cache and whose turn in the queue it shares.
    pub tenant: Arc<str>,
    /// Of the key or token that was shown.
    pub fingerprint: Fingerprint,
    /// Whose limits it uses up: all tokens of one subject share theirs, so that a new token is no new allowance.
    pub account: AccountId,
    /// Where its limits differ from everybody's.
    pub allowance: Allowance,
}

/// A digest of several texts that no other division of the same letters has.
pub(super) fn digest_of(parts: &[&str]) -> Digest {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// The account of a digest.
pub(super) fn account_of(digest: &Digest) -> AccountId {
    let (head, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
    *head
}
