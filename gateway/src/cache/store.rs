//! The two levels together: memory first, Redis behind it, and what of both may answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use moka::sync::Cache;

use super::answer::{Observer, Verdict};
use super::count::{Breaker, Counts, Tally, one};
use super::entry::{Entry, Need};
use super::far::Far;
use super::key::Key;
use super::policy::Policy;
use super::setup::Setup;
use super::skip::Skip;

/// What an entry takes in memory besides its bytes.
const OVERHEAD: usize = 256;

/// Chunks of an answer that are looked at in one go, some 100 µs of work.
const BREATH: usize = 64;

/// Which level answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Memory.
    Near,
    /// Redis.
    Far,
}

/// An entry that may answer.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The answer.
    pub entry: Entry,
    /// Where it was.
    pub level: Level,
    /// How old it is.
    pub age: Duration,
}

/// All kept answers of this node.
pub struct Store {
    setup: Setup,
    near: Cache<Key, Entry>,
    far: Option<Far>,
    tally: Arc<Tally>,
}

impl Store {
    /// An empty store; must be called within the runtime. Never waits for Redis.
    pub fn start(setup: Setup) -> Self {
        let tally = Arc::new(Tally::default());
        let life = setup.ttl + setup.stale;
        let weigh = |_: &Key, entry: &Entry| {
            u32::try_from(entry.encoded().len() + OVERHEAD).unwrap_or(u32::MAX)
        };
        let near = Cache::builder()
            .max_capacity(setup.near_bytes)
            .weigher(weigh)
            .time_to_live(life)
            .build();
        let far = setup.redis.clone();
        let far = far.map(|redis| Far::start(redis, life, Arc::clone(&tally)));
        Self {
            setup,
            near,
            far,
            tally,
        }
    }

    /// What it was told at its start.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// A fresh answer in a form that serves, if the client lets one answer.
    pub async fn find(
        &self,
        key: &Key,
        need: Need,
        policy: &Policy,
        now: SystemTime,
    ) -> Option<Hit> {
        if !policy.reads {
            return None;
        }
        let oldest = policy.max_age.unwrap_or(Duration::MAX).min(self.setup.ttl);
        let near = self.near_hit(key, now).filter(|hit| hit.age < oldest);
        let hit = match near {
            Some(hit) => Some(hit),
            None => self.far_hit(key, now).await.filter(|hit| hit.age < oldest),
        };
        let Some(hit) = hit else {
            one(&self.tally.misses);
            return None;
        };
        if !hit.entry.can_serve(need) {
            one(&self.tally.unfit);
            one(&self.tally.misses);
            return None;
        }
        one(match hit.level {
            Level::Near => &self.tally.hits_near,
            Level::Far => &self.tally.hits_far,
        });
        self.tally.save(hit.entry.tokens());
        Some(hit)
    }

    /// An answer of whatever age is still there: for when the upstream has failed.
    pub async fn find_stale(
        &self,
        key: &Key,
        need: Need,
        policy: &Policy,
        now: SystemTime,
    ) -> Option<Hit> {
        if !policy.reads {
            return None;
        }
        let oldest = self.setup.ttl + self.setup.stale;
        let is_of_use = |hit: &Hit| hit.age < oldest && hit.entry.can_serve(need);
        let near = self.near_hit(key, now).filter(is_of_use);
        let hit = match near {
            Some(hit) => hit,
            None => self.far_hit(key, now).await.filter(is_of_use)?,
        };
        one(&self.tally.stale);
        self.tally.save(hit.entry.tokens());
        Some(hit)
    }

    /// Shows an observer an answer that is over, as a flight still holds it, and settles it. A thousand streams that
    /// are observed only at their end hold no second copy meanwhile. Gives way to other tasks in between.
    pub async fn review(
        &self,
        mut observer: Observer,
        chunks: impl IntoIterator<Item = Bytes>,
        cleanly: bool,
    ) {
        for (at, chunk) in chunks.into_iter().enumerate() {
            observer.feed(&chunk);
            if at % BREATH == BREATH - 1 {
                tokio::task::yield_now().await;
            }
        }
        self.settle(observer.finish(cleanly, SystemTime::now()));
    }

    /// Does what an observer decided about an answer.
    pub fn settle(&self, verdict: Verdict) {
        match verdict {
            Verdict::Admit(entry) => self.keep(entry),
            Verdict::Skip(skip) => self.skip(skip),
        }
    }

    /// Keeps an answer: in memory at once, in Redis soon.
    pub fn keep(&self, entry: Entry) {
        one(&self.tally.kept);
        if let Some(far) = &self.far {
            far.keep(entry.clone());
        }
        self.near.insert(entry.key(), entry);
    }

    /// Counts an answer that is not kept.
    pub fn skip(&self, skip: Skip) {
        self.tally.skip(skip);
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        // It counts while it is used; on a quiet node what came last would be missing for good.
        self.near.run_pending_tasks();
        Counts {
            near_bytes: self.near.weighted_size(),
            near_entries: self.near.entry_count(),
            breaker: self.far.as_ref().map_or(Breaker::Absent, Far::breaker),
            ..self.tally.counts()
        }
    }

    /// Why Redis is not asked, for the log and the operator.
    pub fn redis_trouble(&self) -> Option<String> {
        self.far.as_ref().and_then(Far::trouble)
    }

    /// What stands in Redis under another room's name; `None` also when Redis is slow or not asked.
    pub async fn text(&self, name: &str) -> Option<Bytes> {
        self.far.as_ref()?.read(name.as_bytes()).await
    }

    /// Puts a text under another room's name into Redis for so long; nobody waits longer for it than for an answer.
    pub async fn keep_text(&self, name: &str, text: &[u8], life: Duration) {
        if let Some(far) = &self.far {
            far.write(name.as_bytes(), text, life).await;
        }
    }

    fn near_hit(&self, key: &Key, now: SystemTime) -> Option<Hit> {
        let entry = self.near.get(key)?;
        let age = entry.age(now);
        Some(Hit {
            entry,
            level: Level::Near,
            age,
        })
    }

    /// What Redis has is put into memory too: a question that came twice comes again.
    async fn far_hit(&self, key: &Key, now: SystemTime) -> Option<Hit> {
        let entry = self.far.as_ref()?.find(key).await?;
        self.near.insert(*key, entry.clone());
        let age = entry.age(now);
        Some(Hit {
            entry,
            level: Level::Far,
            age,
        })
    }
}
