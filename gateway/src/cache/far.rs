//! The second level, Redis: asked only while it answers quickly, tried again by one task, written to behind the requests' backs.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::count::{Breaker, Tally, one};
use super::entry::Entry;
use super::key::Key;
use super::link::{Fault, Link};
use super::setup::RedisSetup;

/// Entries that may wait to be written.
const QUEUE: usize = 256;

/// Bytes that may wait to be written.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// Nobody waits for a write, so it may take longer than a read.
const WRITE_BUDGET: Duration = Duration::from_millis(250);

/// The first pause between two tries, doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// See [`FIRST_PAUSE`].
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// A link that lasted this long was a good one: the next try comes at once.
const GOOD_LIFE: Duration = Duration::from_secs(10);

/// Redis as the store sees it. Dropping it ends its tasks.
pub(super) struct Far {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Entry>,
    tasks: [JoinHandle<()>; 2],
}

struct Shared {
    setup: RedisSetup,
    life: Duration,
    /// There while Redis is asked: the breaker is closed.
    link: ArcSwapOption<Link>,
    is_trying: AtomicBool,
    given_up: Notify,
    waiting_bytes: AtomicUsize,
    trouble: Mutex<Option<String>>,
    tally: Arc<Tally>,
}

impl Far {
    /// Begins to connect. Until that has succeeded Redis is not asked, so that a dead one delays no start.
    pub(super) fn start(setup: RedisSetup, life: Duration, tally: Arc<Tally>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared {
            setup,
            life,
            link: ArcSwapOption::empty(),
            is_trying: AtomicBool::new(false),
            given_up: Notify::new(),
            waiting_bytes: AtomicUsize::new(0),
            trouble: Mutex::new(None),
            tally,
        });
        let tasks = [
            tokio::spawn(Arc::clone(&shared).keep_linked()),
            tokio::spawn(Arc::clone(&shared).write_all(waiting)),
        ];
        Self {
            shared,
            queue,
            tasks,
        }
    }

    /// The entry under a key; `None` too when Redis is slow, dead or not asked.
    pub(super) async fn find(&self, key: &Key) -> Option<Entry> {
        let shared = &self.shared;
        let link = shared.link.load_full()?;
        let found = link.read(&name(key), shared.setup.budget).await;
        shared.judge(&link, found.as_ref().err().copied());
        let entry = Entry::decode(key, Bytes::from(found.ok()??));
        if entry.is_err() {
            one(&shared.tally.redis_unreadable);
        }
        entry.ok()
    }

    /// A text that is no answer, under a name of the caller's own.
    pub(super) async fn read(&self, name: &[u8]) -> Option<Bytes> {
        let shared = &self.shared;
        let link = shared.link.load_full()?;
        let found = link.read(name, shared.setup.budget).await;
        shared.judge(&link, found.as_ref().err().copied());
        found.ok()?.map(Bytes::from)
    }

    /// Keeps such a text for so long, if Redis is quick.
    pub(super) async fn write(&self, name: &[u8], text: &[u8], life: Duration) {
        let shared = &self.shared;
        if let Some(link) = shared.link.load_full() {
            let done = link.write(name, text, life, shared.setup.budget).await;
            shared.judge(&link, done.err());
        }
    }

    /// Puts an entry into the queue, or drops it if there is no room.
    pub(super) fn keep(&self, entry: Entry) {
        let length = entry.encoded().len();
        let waiting = &self.shared.waiting_bytes;
        let is_open = self.shared.link.load().is_some();
        let has_room =
            is_open && waiting.fetch_add(length, Ordering::Relaxed) + length <= QUEUE_BYTES;
        if has_room && self.queue.try_send(entry).is_ok() {
            return;
        }
        if is_open {
            waiting.fetch_sub(length, Ordering::Relaxed);
        }
        one(&self.shared.tally.redis_dropped);
    }

    /// Whether Redis is asked.
    pub(super) fn breaker(&self) -> Breaker {
        if self.shared.link.load().is_some() {
            Breaker::Closed
        } else if self.shared.is_trying.load(Ordering::Relaxed) {
            Breaker::HalfOpen
        } else {
            Breaker::Open
        }
    }

    /// Why the last try failed, while Redis is not asked.
    pub(super) fn trouble(&self) -> Option<String> {
        self.shared.trouble().clone()
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    /// The only one who connects: whatever the requests do, there is one try at a time and a pause after each.
    async fn keep_linked(self: Arc<Self>) {
        let mut pause = Duration::ZERO;
        loop {
            sleep(pause).await;
            self.is_trying.store(true, Ordering::Relaxed);
            let tried = Link::open(&self.setup).await;
            self.is_trying.store(false, Ordering::Relaxed);
            pause = (2 * pause).clamp(FIRST_PAUSE, LAST_PAUSE);
            match tried {
                Err(error) => *self.trouble() = Some(format!("{error:#}")),
                Ok(link) => {
                    *self.trouble() = None;
                    let since = link.since;
                    self.link.store(Some(Arc::new(link)));
                    self.given_up.notified().await;
                    if since.elapsed() >= GOOD_LIFE {
                        pause = Duration::ZERO;
                    }
                }
            }
        }
    }

    async fn write_all(self: Arc<Self>, mut waiting: mpsc::Receiver<Entry>) {
        while let Some(entry) = waiting.recv().await {
            self.waiting_bytes
                .fetch_sub(entry.encoded().len(), Ordering::Relaxed);
            let Some(link) = self.link.load_full() else {
                one(&self.tally.redis_dropped);
                continue;
            };
            let written = link
                .write(
                    &name(&entry.key()),
                    entry.encoded(),
                    self.life,
                    WRITE_BUDGET,
                )
                .await;
            self.judge(&link, written.err());
            one(if written.is_ok() {
                &self.tally.redis_written
            } else {
                &self.tally.redis_dropped
            });
        }
    }

    /// Counts how a call went; a link that is spent is given up, once, whoever notices.
    fn judge(&self, link: &Arc<Link>, fault: Option<Fault>) {
        match fault {
            Some(Fault::TooSlow) => one(&self.tally.redis_timeouts),
            Some(Fault::Broken | Fault::Refused) => one(&self.tally.redis_errors),
            None => {}
        }
        if !link.is_spent(fault) {
            return;
        }
        let before = self.link.compare_and_swap(&Some(Arc::clone(link)), None);
        if before
            .as_ref()
            .is_some_and(|before| Arc::ptr_eq(before, link))
        {
            one(&self.tally.redis_trips);
            *self.trouble() = Some(format!("Redis was given up: {fault:?}"));
            self.given_up.notify_one();
        }
    }

    fn trouble(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.trouble
            .lock()
            .expect("nobody panics with the lock in hand")
    }
}

/// The key's name in Redis.
fn name(key: &Key) -> [u8; 39] {
    let mut name = *b"dsline:................................";
    name[7..].copy_from_slice(key.as_bytes());
    name
}
