//! All locks of one command: usually one; a teardown takes that of every zone that has one.

use futures::future::{pending, select_all};
use tokio::sync::watch;

use super::held::{Held, Standing};
use super::store::SwapError;

/// The locks that a command holds; none for a line that has neither zone nor nodes yet.
#[derive(Default)]
pub struct Locks(Vec<Held>);

/// News of how firmly locks are held.
pub struct News(Vec<watch::Receiver<Standing>>);

impl Locks {
    /// These.
    pub fn new(held: Vec<Held>) -> Self {
        Self(held)
    }

    /// The lock that guards a hosted zone.
    pub fn of_zone(&self, zone_id: &str) -> Option<&Held> {
        self.0.iter().find(|held| held.guards(zone_id))
    }

    /// How firmly the weakest of them is held.
    pub fn standing(&self) -> Standing {
        let rank = |standing: &Standing| match standing {
            Standing::Firm => 0,
            Standing::Doubtful => 1,
            Standing::Lost(_) => 2,
        };
        let all = self.0.iter().map(Held::standing);
        all.max_by_key(rank).unwrap_or(Standing::Firm)
    }

    /// News of all of them.
    pub fn news(&self) -> News {
        News(self.0.iter().map(Held::news).collect())
    }

    /// Gives all back; what remains says that it is free.
    pub async fn give_back(&self) -> Result<(), SwapError> {
        for held in &self.0 {
            held.give_back().await?;
        }
        Ok(())
    }

    /// Gives all back and leaves nothing behind.
    pub async fn remove(&self) -> Result<(), SwapError> {
        for held in &self.0 {
            held.remove().await?;
        }
        Ok(())
    }
}

impl News {
    /// Waits until one of them has changed.
    pub async fn changed(&mut self) {
        if self.0.is_empty() {
            return pending().await;
        }
        let changes = self.0.iter_mut().map(|news| Box::pin(news.changed()));
        let (told, at, _) = select_all(changes).await;
        if told.is_err() {
            self.0.remove(at);
        }
    }
}
