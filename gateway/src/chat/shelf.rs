//! Conversations in this process: one for each caller, each for a while, and together no more than there is room for.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// What a caller's entry costs besides its text.
const ENTRY: usize = 160;

/// The conversations by the caller's name.
pub(super) struct Shelf {
    kept: Mutex<Kept>,
    room: usize,
    ttl: Duration,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<String, Entry>,
    bytes: usize,
}

struct Entry {
    text: Bytes,
    until: Instant,
}

impl Shelf {
    /// An empty shelf for so many bytes; what nobody adds to for `ttl` is forgotten.
    pub(super) fn new(room: usize, ttl: Duration) -> Self {
        Self {
            kept: Mutex::default(),
            room,
            ttl,
        }
    }

    /// The caller's conversation.
    pub(super) fn read(&self, caller: &str, now: Instant) -> Option<Bytes> {
        let kept = self.lock();
        let entry = kept.entries.get(caller)?;
        (entry.until > now).then(|| entry.text.clone())
    }

    /// Replaces the caller's conversation; for room, those that end first go.
    pub(super) fn keep(&self, caller: &str, text: Bytes, now: Instant) {
        let mut kept = self.lock();
        kept.remove(caller);
        let size = size(caller, &text);
        if size > self.room {
            return;
        }
        if kept.bytes + size > self.room {
            kept.make_room(self.room - size, now);
        }
        kept.bytes += size;
        let until = now + self.ttl;
        kept.entries
            .insert(caller.to_owned(), Entry { text, until });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        // A panic elsewhere leaves at worst a conversation too few.
        self.kept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Kept {
    fn remove(&mut self, caller: &str) {
        if let Some((caller, entry)) = self.entries.remove_entry(caller) {
            self.bytes -= size(&caller, &entry.text);
        }
    }

    /// Forgets the dead, and then the oldest, until a tenth of the room is free: the next few need not look again.
    fn make_room(&mut self, room: usize, now: Instant) {
        let mut ends: Vec<(Instant, String)> = self
            .entries
            .iter()
            .map(|(caller, entry)| (entry.until, caller.clone()))
            .collect();
        ends.sort();
        for (until, caller) in ends {
            if until > now && self.bytes <= room - room / 10 {
                break;
            }
            self.remove(&caller);
        }
    }
}

fn size(caller: &str, text: &Bytes) -> usize {
    caller.len() + text.len() + ENTRY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_its_callers_alone_and_ends() {
        let shelf = Shelf::new(10_000, Duration::from_mins(1));
        let now = Instant::now();
        shelf.keep("a", Bytes::from_static(b"1"), now);
        shelf.keep("b", Bytes::from_static(b"2"), now);
        shelf.keep("a", Bytes::from_static(b"3"), now + Duration::from_secs(30));
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(shelf.read("a", at(61)).as_deref(), Some(&b"3"[..]));
        assert_eq!(shelf.read("b", at(61)), None);
        assert_eq!(shelf.read("c", at(0)), None);
    }

    #[test]
    fn room_is_never_exceeded_and_the_newest_stay() {
        let shelf = Shelf::new(20_000, Duration::from_mins(1));
        let now = Instant::now();
        for number in 0..1_000_u32 {
            let then = now + Duration::from_millis(number.into());
            shelf.keep(&number.to_string(), Bytes::from(vec![0; 500]), then);
            assert!(shelf.lock().bytes <= 20_000);
        }
        assert!(shelf.read("999", now).is_some() && shelf.read("0", now).is_none());
        shelf.keep("999", Bytes::from(vec![0; 30_000]), now);
        assert_eq!(shelf.read("999", now), None, "an old text would be a lie");
    }
}
