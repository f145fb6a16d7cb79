//! Bounded state per key: when a shelf is full, what is idle goes first, then what is nearest to it.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Threads that ask for different keys seldom meet on one of so many.
const SHELVES: usize = 32;

/// State that means nothing any more from some time on.
pub(super) trait Idle {
    /// The nanosecond from which it is as good as new.
    fn idle_at(&self) -> u64;
}

/// A map whose size strangers cannot drive up.
pub(super) struct Shelves<K, V> {
    all: Vec<Mutex<HashMap<K, V>>>,
    room: usize,
    hash: RandomState,
}

impl<K: Copy + Eq + Hash, V: Idle + Default> Shelves<K, V> {
    /// Room for about so many keys.
    pub(super) fn new(room: usize) -> Self {
        Self {
            all: (0..SHELVES).map(|_| Mutex::default()).collect(),
            room: room.div_ceil(SHELVES),
            hash: RandomState::new(),
        }
    }

    /// Does something with the state of a key, which is made if it is not there.
    pub(super) fn with<R>(&self, key: K, now: u64, act: impl FnOnce(&mut V) -> R) -> R {
        let hash = usize::try_from(self.hash.hash_one(key) >> 32).expect("32 bits fit");
        let mut held = lock(&self.all[hash % SHELVES]);
        if held.len() >= self.room && !held.contains_key(&key) {
            make_room(&mut held, self.room, now);
        }
        act(held.entry(key).or_default())
    }

    /// Forgets what is idle; to be called now and then.
    pub(super) fn tidy(&self, now: u64) {
        for place in &self.all {
            let mut held = lock(place);
            held.retain(|_, state| state.idle_at() > now);
            if held.len() < held.capacity() / 4 {
                held.shrink_to_fit();
            }
        }
    }

    /// How many keys have state.
    pub(super) fn len(&self) -> usize {
        self.all.iter().map(|place| lock(place).len()).sum()
    }
}

fn make_room<K: Copy + Eq + Hash, V: Idle>(held: &mut HashMap<K, V>, room: usize, now: u64) {
    held.retain(|_, state| state.idle_at() > now);
    if held.len() >= room {
        // Forgetting the one that is soonest idle forgives the least.
        let soonest = held.iter().min_by_key(|(_, state)| state.idle_at());
        if let Some(key) = soonest.map(|(key, _)| *key) {
            held.remove(&key);
        }
    }
}

fn lock<T>(shelf: &Mutex<T>) -> MutexGuard<'_, T> {
    // Numbers stay numbers: a panic elsewhere must not take the limits with it.
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Until(u64);

    impl Idle for Until {
        fn idle_at(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn strangers_cannot_make_it_grow() {
        let shelves = Shelves::<u64, Until>::new(320);
        for key in 0..100_000 {
            shelves.with(key, 0, |until| until.0 = key + 1);
        }
        assert!(shelves.len() <= 320, "{}", shelves.len());
        shelves.tidy(u64::MAX);
        assert_eq!(shelves.len(), 0);
    }

    #[test]
    fn who_owes_most_is_remembered_longest() {
        let shelves = Shelves::<u64, Until>::new(32 * 8);
        shelves.with(7, 0, |until| until.0 = u64::MAX);
        for key in 1000..50_000 {
            shelves.with(key, 0, |until| until.0 = 5);
        }
        assert_eq!(shelves.with(7, 0, |until| until.0), u64::MAX);
    }
}
