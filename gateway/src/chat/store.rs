//! The callers' current conversations, in this process; what stands behind it (Redis) is for the caller of this room.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::shelf::Shelf;

/// The conversations of this process, by caller.
pub struct Conversations {
    shelf: Shelf,
    entry_bytes: usize,
}

impl Conversations {
    /// At most `room` bytes, at most `entry_bytes` for one caller, each for `ttl`.
    pub fn new(room: usize, entry_bytes: usize, ttl: Duration) -> Self {
        Self {
            shelf: Shelf::new(room, ttl),
            entry_bytes,
        }
    }

    /// The current conversation of a caller. An empty one was too long to be kept: what was said before would be a lie.
    pub fn read(&self, caller: &str) -> Option<Bytes> {
        self.shelf.read(caller, Instant::now())
    }

    /// Replaces it; gives back what is to be kept elsewhere too.
    pub fn keep(&self, caller: &str, text: Bytes) -> Bytes {
        let text = if text.len() > self.entry_bytes {
            Bytes::new()
        } else {
            text
        };
        self.shelf.keep(caller, text.clone(), Instant::now());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_that_is_too_long_is_forgotten_and_no_old_one_shown() {
        let store = Conversations::new(10_000, 100, Duration::from_mins(1));
        assert_eq!(store.read("a"), None);
        store.keep("a", Bytes::from_static(b"{\"messages\":[]}"));
        assert!(store.read("a").is_some_and(|text| !text.is_empty()));
        assert!(store.keep("a", Bytes::from(vec![b'x'; 101])).is_empty());
        assert_eq!(store.read("a"), Some(Bytes::new()));
    }
}
