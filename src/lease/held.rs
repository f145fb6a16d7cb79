//! A lease in our hands: its heart beats while work goes on, and work stops when it is lost.

use std::sync::{Arc, Mutex as Cell};
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::store::{Lost, Store, SwapError};
use super::time::uptime;
use crate::cloud::ChangeId;
use crate::dns::ChangeBatch;

/// How firmly a lease is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was confirmed lately: nobody else may have it.
    Firm,
    /// It could not be confirmed for so long that others may take it at any moment; nothing new is begun.
    Doubtful,
    /// Somebody else has it, or it could not be confirmed at all; why.
    Lost(String),
}

/// A lock that is ours until it is given back; dropping it leaves it to others after its time.
pub struct Held {
    shared: Arc<Shared>,
    heart: JoinHandle<()>,
    zone_id: Option<String>,
}

struct Shared {
    store: Mutex<Store>,
    ttl: Duration,
    /// When the last swap that succeeded was begun.
    confirmed: Cell<Duration>,
    standing: watch::Sender<Standing>,
}

impl Held {
    /// Keeps a lease alive that was taken by a swap begun at `since`.
    pub(super) fn new(store: Store, ttl: Duration, since: Duration) -> Self {
        let zone_id = store.zone_id().map(str::to_owned);
        let shared = Arc::new(Shared {
            store: Mutex::new(store),
            ttl,
            confirmed: Cell::new(since),
            standing: watch::Sender::new(Standing::Firm),
        });
        let heart = tokio::spawn(beat(Arc::clone(&shared)));
        Self {
            shared,
            heart,
            zone_id,
        }
    }

    /// Whether this lock guards a hosted zone.
    pub fn guards(&self, zone_id: &str) -> bool {
        self.zone_id.as_deref() == Some(zone_id)
    }

    /// News of how firmly it is held.
    pub fn news(&self) -> watch::Receiver<Standing> {
        self.shared.standing.subscribe()
    }

    /// How firmly it is held at this moment, by the clock too: the heart of a machine that slept has not told yet.
    pub fn standing(&self) -> Standing {
        let told = self.shared.standing.borrow().clone();
        match told {
            Standing::Firm if self.shared.silence() >= self.shared.safe_silence() => {
                Standing::Doubtful
            }
            told => told,
        }
    }

    /// Changes records of the zone that it guards; refused as a whole when it has been lost.
    pub async fn change_records(&self, batch: ChangeBatch) -> Result<Option<ChangeId>, SwapError> {
        self.shared.advance(batch).await
    }

    /// Gives it back: the record or file stays and says that it is free, and how often it was held.
    pub async fn give_back(&self) -> Result<(), SwapError> {
        self.end(true).await
    }

    /// Gives it back and leaves nothing behind.
    pub async fn remove(&self) -> Result<(), SwapError> {
        self.end(false).await
    }

    async fn end(&self, stays: bool) -> Result<(), SwapError> {
        // The heart holds the store while it beats, and half a swap would leave a doubt.
        let mut store = self.shared.store.lock().await;
        self.heart.abort();
        let free = store.seen().map(|lease| lease.given_back());
        let new = free.filter(|_| stays);
        store
            .swap(new.as_ref(), ChangeBatch::default())
            .await
            .map(|_| ())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.heart.abort();
    }
}

impl Shared {
    /// A sign of life, with or without changes of records.
    async fn advance(&self, batch: ChangeBatch) -> Result<Option<ChangeId>, SwapError> {
        let mut store = self.store.lock().await;
        let begun = uptime();
        let next = store.seen().map(|lease| lease.moved());
        let change = store.swap(next.as_ref(), batch).await;
        match &change {
            Ok(_) => {
                *self.confirmed.lock().expect("nobody panics with it") = begun;
                self.tell(Standing::Firm);
            }
            Err(SwapError::Lost(lost)) => self.tell(Standing::Lost(lost.to_string())),
            Err(SwapError::Failed(_)) => {}
        }
        change
    }

    fn tell(&self, standing: Standing) {
        self.standing.send_if_modified(|told| {
            let is_news = *told != standing && !matches!(told, Standing::Lost(_));
            if is_news {
                *told = standing;
            }
            is_news
        });
    }

    /// Since when nothing confirmed it.
    fn silence(&self) -> Duration {
        let confirmed = *self.confirmed.lock().expect("nobody panics with it");
        uptime().saturating_sub(confirmed)
    }

    /// The silence after which others are about to take it: what runs needs a moment to end.
    fn safe_silence(&self) -> Duration {
        self.ttl * 5 / 6
    }
}

/// Beats each third of the lease's time, oftener when a beat failed, until it is lost.
async fn beat(shared: Arc<Shared>) {
    let regular = shared.ttl / 3;
    let mut pause = regular;
    loop {
        sleep(pause).await;
        let told = shared.advance(ChangeBatch::default()).await;
        pause = match told {
            Ok(_) => regular,
            Err(SwapError::Lost(Lost { .. })) => return,
            Err(SwapError::Failed(why)) => {
                if shared.silence() >= shared.ttl * 2 {
                    let silence = shared.silence().as_secs();
                    let why = format!("the lock could not be confirmed for {silence} s: {why:#}");
                    return shared.tell(Standing::Lost(why));
                }
                if shared.silence() >= shared.safe_silence() {
                    shared.tell(Standing::Doubtful);
                }
                (shared.ttl / 12).max(Duration::from_millis(500))
            }
        };
    }
}
