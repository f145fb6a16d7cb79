//! Where conversations are kept: in Redis, so that they outlive a restart, with this process before and behind it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use redis::AsyncCommands;
use redis::aio::ConnectionManager;
use tokio::time::timeout;

use super::shelf::Shelf;

/// The callers' current conversations.
pub struct Conversations {
    shelf: Shelf,
    behind: Option<Behind>,
    entry_bytes: usize,
    ttl: Duration,
}

struct Behind {
    redis: ConnectionManager,
    patience: Duration,
}

impl Conversations {
    /// In this process only: at most `room` bytes, at most `entry_bytes` for one caller, each for `ttl`.
    pub fn new(room: usize, entry_bytes: usize, ttl: Duration) -> Self {
        Self {
            shelf: Shelf::new(room, ttl),
            behind: None,
            entry_bytes,
            ttl,
        }
    }

    /// The same, kept in Redis too, for which nobody waits longer than this.
    #[must_use]
    pub fn behind(mut self, redis: ConnectionManager, patience: Duration) -> Self {
        self.behind = Some(Behind { redis, patience });
        self
    }

    /// The current conversation of a caller (a token's subject, or a key's fingerprint).
    pub async fn read(&self, caller: &str) -> Option<Bytes> {
        if let Some(text) = self.shelf.read(caller, Instant::now()) {
            return Some(text).filter(|text| !text.is_empty());
        }
        let behind = self.behind.as_ref()?;
        let mut redis = behind.redis.clone();
        let name = name(caller);
        let asked = redis.get::<_, Option<Vec<u8>>>(&name);
        // A Redis that is slow or gone is no reason to fail: there is no conversation to show then.
        let text = timeout(behind.patience, asked).await.ok()?.ok()??;
        Some(Bytes::from(text)).filter(|text| !text.is_empty())
    }

    /// Replaces it. One that is too long is not kept, and the one before is forgotten.
    pub async fn keep(&self, caller: &str, text: Bytes) {
        let text = if text.len() > self.entry_bytes {
            Bytes::new()
        } else {
            text
        };
        if let Some(behind) = &self.behind {
            let mut redis = behind.redis.clone();
            let name = name(caller);
            let seconds = self.ttl.as_secs().max(1);
            let kept = redis.set_ex::<_, _, ()>(&name, text.as_ref(), seconds);
            let _ = timeout(behind.patience, kept).await;
        }
        self.shelf.keep(caller, text, Instant::now());
    }
}

/// The caller's name is hashed: it may be long, and need not stand in the cache's dump.
fn name(caller: &str) -> String {
    format!("dsline:conversation:{}", blake3::hash(caller.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_conversation_that_is_too_long_is_forgotten_and_no_old_one_shown() {
        let store = Conversations::new(10_000, 100, Duration::from_mins(1));
        assert_eq!(store.read("a").await, None);
        store
            .keep("a", Bytes::from_static(b"{\"messages\":[]}"))
            .await;
        assert!(store.read("a").await.is_some());
        store.keep("a", Bytes::from(vec![b'x'; 101])).await;
        assert_eq!(store.read("a").await, None);
    }
}
