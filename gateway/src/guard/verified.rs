//! Tokens that were verified already, by their digests, so that a caller's next request costs no signature.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::caller::{Caller, Digest};

/// Tokens that are remembered: about 8 MB if all are different.
const MOST: usize = 16_384;

/// Threads that come with different tokens seldom meet on one of so many.
const SHELVES: usize = 16;

/// A token that was found genuine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) caller: Arc<Caller>,
    /// Its `jti`, for revocation.
    pub(super) id: Option<Arc<str>>,
    /// The first second in which it is not valid any more.
    pub(super) ends: u64,
    /// Which set of keys it was verified with: a key that was withdrawn takes its tokens along.
    pub(super) keys: u64,
}

/// Bounded; holds digests, never tokens.
pub(super) struct Verifications {
    shelves: [Mutex<HashMap<Digest, Verified>>; SHELVES],
}

impl Verifications {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            shelves: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// What is known about a token, if its time is not over and the keys are the same.
    pub(super) fn find(&self, digest: &Digest, now: u64, keys: u64) -> Option<Verified> {
        let held = self.shelf(digest);
        let found = held.get(digest)?;
        (found.ends > now && found.keys == keys).then(|| found.clone())
    }

    /// Remembers a token. When there is no room, what is over goes first, then any other.
    pub(super) fn keep(&self, digest: Digest, verified: Verified, now: u64) {
        let mut held = self.shelf(&digest);
        if held.len() >= MOST / SHELVES {
            let keys = verified.keys;
            held.retain(|_, known| known.ends > now && known.keys == keys);
            if held.len() >= MOST / SHELVES
                && let Some(any) = held.keys().next().copied()
            {
                held.remove(&any);
            }
        }
        held.insert(digest, verified);
    }

    fn shelf(&self, digest: &Digest) -> MutexGuard<'_, HashMap<Digest, Verified>> {
        let held = &self.shelves[usize::from(digest[0]) % SHELVES];
        held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shelves
            .iter()
            .map(|held| held.lock().unwrap().len())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::{Fingerprint, account_of, digest_of};
    use super::*;
    use crate::limit::Allowance;

    fn verified(ends: u64, keys: u64) -> Verified {
        let digest = [0; 32];
        let caller = Arc::new(Caller {
            subject: "s".into(),
            tenant: "t".into(),
            fingerprint: Fingerprint::of(&digest),
            account: account_of(&digest),
            allowance: Allowance::default(),
        });
        Verified {
            caller,
            id: None,
            ends,
            keys,
        }
    }

    #[test]
    fn it_stays_bounded_and_the_newest_is_kept() {
        let all = Verifications::new();
        for number in 0..50_000 {
            let digest = digest_of(&[&number.to_string()]);
            all.keep(digest, verified(100, 1), 10);
            assert!(all.find(&digest, 10, 1).is_some());
        }
        assert!(all.len() <= MOST);
    }

    #[test]
    fn neither_time_nor_a_change_of_keys_is_outlived() {
        let all = Verifications::new();
        let digest = digest_of(&["a"]);
        all.keep(digest, verified(100, 1), 10);
        assert!(all.find(&digest, 99, 1).is_some());
        assert!(all.find(&digest, 100, 1).is_none());
        assert!(all.find(&digest, 10, 2).is_none());
    }
}
