//! A key set that somebody else keeps: fetched in the background, and the last good one serves while they are silent.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::rt::TokioExecutor;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::caller::Digest;
use super::credential::hash;
use super::gate::Report;
use super::keyset::{Key, key_set};

/// The largest set that is read.
const LARGEST: usize = 256 * 1024;

/// The longest a fetch may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How soon a token with an unknown key may cause the next fetch: strangers can make such tokens at will.
const SELDOM: Duration = Duration::from_mins(1);

/// How long such a token waits for it.
const WAIT: Duration = Duration::from_secs(2);

/// The first and the longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(1));

/// Gets what is at an address, or says in words why not.
pub type Fetch =
    Arc<dyn Fn(Uri) -> Pin<Box<dyn Future<Output = Result<Bytes, String>> + Send>> + Send + Sync>;

/// A fetch over connections of this kind.
pub fn fetch_with<C>(connector: C) -> Fetch
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client: Client<C, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    Arc::new(move |uri| {
        let client = client.clone();
        Box::pin(async move {
            let answer = timeout(PATIENCE, get(client, uri)).await;
            answer.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
        })
    })
}

async fn get<C>(client: Client<C, Empty<Bytes>>, uri: Uri) -> Result<Bytes, String>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri;
    let answer = client
        .request(request)
        .await
        .map_err(|error| error.to_string())?;
    if answer.status() != StatusCode::OK {
        return Err(format!("it answered {}", answer.status()));
    }
    let body = Limited::new(answer.into_body(), LARGEST).collect().await;
    body.map(|body| body.to_bytes())
        .map_err(|error| error.to_string())
}

/// The set at one address.
pub(super) struct KeySource {
    uri: Uri,
    every: Duration,
    held: ArcSwap<Held>,
    /// How many fetches are done, well or badly.
    tries: watch::Sender<u64>,
    wanted: Arc<Notify>,
    /// When a token's unknown key was last asked for, and how many fetches were done by then.
    asked: Mutex<Option<(Instant, u64)>>,
}

/// Whether an unknown key is worth a fetch.
enum Asked {
    Now,
    /// One is under way: its answer serves all.
    Already,
    Lately,
}

/// A version of the set.
#[derive(Default)]
pub(super) struct Held {
    pub(super) keys: Vec<Key>,
    /// Changes with the keys.
    pub(super) number: u64,
    digest: Digest,
}

impl KeySource {
    /// Begins with these keys, which serve until the first answer.
    pub(super) fn new(uri: Uri, every: Duration, first: Vec<Key>) -> Self {
        let held = Held {
            keys: first,
            ..Held::default()
        };
        Self {
            uri,
            every,
            held: ArcSwap::from_pointee(held),
            tries: watch::Sender::new(0),
            wanted: Arc::default(),
            asked: Mutex::default(),
        }
    }

    /// Whether this is the set at that address.
    pub(super) fn is_at(&self, uri: &Uri, every: Duration) -> bool {
        self.uri == *uri && self.every == every
    }

    /// The last good version.
    pub(super) fn held(&self) -> arc_swap::Guard<Arc<Held>> {
        self.held.load()
    }

    /// Fetches now and then, for as long as somebody holds the source.
    pub(super) fn keep_fresh(self: &Arc<Self>, fetch: Fetch, report: Report) {
        let wanted = Arc::clone(&self.wanted);
        let source = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut pause = PAUSES.0;
            while let Some(rest) = refresh(&source, &fetch, &report, &mut pause).await {
                tokio::select! {
                    () = sleep(rest) => {}
                    () = wanted.notified() => {}
                }
            }
        });
    }

    /// Has the set fetched because a token names a key that is not in it, once a minute at most, and waits for the
    /// answer; `false` if it was fetched for that reason not long ago.
    pub(super) async fn refreshed(&self) -> bool {
        let mut tries = self.tries.subscribe();
        let done = *tries.borrow_and_update();
        match self.ask(Instant::now(), done) {
            Asked::Now => self.wanted.notify_one(),
            Asked::Already => {}
            Asked::Lately => return false,
        }
        timeout(WAIT, tries.changed()).await.is_ok()
    }

    fn ask(&self, now: Instant, done: u64) -> Asked {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        match *asked {
            Some((at, before)) if now < at + SELDOM => {
                if before == done {
                    Asked::Already
                } else {
                    Asked::Lately
                }
            }
            _ => {
                *asked = Some((now, done));
                Asked::Now
            }
        }
    }

    /// Takes a new version; `Ok(true)` if it differs from the one before.
    fn take(&self, body: &[u8]) -> Result<bool, String> {
        let digest = hash(body);
        let before = self.held.load();
        if before.digest == digest {
            return Ok(false);
        }
        let keys = key_set(body)?;
        let number = before.number + 1;
        self.held.store(Arc::new(Held {
            keys,
            number,
            digest,
        }));
        Ok(true)
    }
}

impl Drop for KeySource {
    fn drop(&mut self) {
        // Wakes the task, which then sees that nobody is left.
        self.wanted.notify_one();
    }
}

/// One fetch; how long to rest after it, or `None` if nobody holds the source any more.
async fn refresh(
    source: &Weak<KeySource>,
    fetch: &Fetch,
    report: &Report,
    pause: &mut Duration,
) -> Option<Duration> {
    let source = source.upgrade()?;
    let taken = fetch(source.uri.clone())
        .await
        .and_then(|body| source.take(&body));
    let rest = match taken {
        Ok(is_new) => {
            if is_new {
                let count = source.held().keys.len();
                report("signing_keys", &format!("{count} keys from {}", source.uri));
            }
            *pause = PAUSES.0;
            source.every
        }
        Err(why) => {
            report(
                "signing_keys_stale",
                &format!("{}: {why}; the keys from before stay", source.uri),
            );
            let rest = *pause;
            *pause = (rest * 2).min(PAUSES.1).min(source.every);
            rest
        }
    };
    source.tries.send_modify(|tries| *tries += 1);
    Some(rest)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const ED: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"ID"}"#;

    fn set(ids: &[&str]) -> String {
        let keys: Vec<String> = ids.iter().map(|id| ED.replace("ID", id)).collect();
        format!("{{\"keys\":[{}]}}", keys.join(","))
    }

    /// A place that answers with what `says` holds, and counts.
    fn place(says: &Arc<Mutex<Result<String, String>>>) -> (Fetch, Arc<AtomicU64>) {
        let asked = Arc::new(AtomicU64::new(0));
        let (count, says) = (Arc::clone(&asked), Arc::clone(says));
        let fetch: Fetch = Arc::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            let answer = says.lock().unwrap().clone();
            Box::pin(async move {
                sleep(Duration::from_millis(100)).await;
                answer.map(Bytes::from)
            })
        });
        (fetch, asked)
    }

    fn source() -> Arc<KeySource> {
        let uri = Uri::from_static("https://id.example.com/keys");
        Arc::new(KeySource::new(uri, Duration::from_mins(10), Vec::new()))
    }

    fn ids(source: &KeySource) -> Vec<String> {
        let held = source.held();
        held.keys.iter().filter_map(|key| key.id.clone()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn keys_stay_while_the_place_is_silent_or_talks_nonsense() {
        let says = Arc::new(Mutex::new(Ok(set(&["a", "b"]))));
        let (fetch, asked) = place(&says);
        let source = source();
        source.keep_fresh(fetch, Arc::new(|_, _| {}));
        sleep(Duration::from_secs(1)).await;
        assert_eq!((ids(&source).len(), source.held().number), (2, 1));
        for odd in [
            Err("refused".to_owned()),
            Ok("<html>".into()),
            Ok("{\"keys\":[]}".into()),
        ] {
            *says.lock().unwrap() = odd;
            sleep(Duration::from_mins(15)).await;
            assert_eq!(ids(&source), ["a", "b"]);
        }
        *says.lock().unwrap() = Ok(set(&["c"]));
        sleep(Duration::from_mins(2)).await;
        assert_eq!(
            (ids(&source), source.held().number),
            (vec!["c".to_owned()], 2)
        );
        let before = asked.load(Ordering::Relaxed);
        drop(source);
        sleep(Duration::from_hours(1)).await;
        assert_eq!(asked.load(Ordering::Relaxed), before);
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_keys_cause_one_fetch_a_minute() {
        let says = Arc::new(Mutex::new(Ok(set(&["a"]))));
        let (fetch, asked) = place(&says);
        let source = source();
        source.keep_fresh(fetch, Arc::new(|_, _| {}));
        sleep(Duration::from_secs(1)).await;
        *says.lock().unwrap() = Ok(set(&["a", "new"]));
        let together: Vec<_> = (0..50).map(|_| Arc::clone(&source)).collect();
        let asking = together
            .into_iter()
            .map(|source| tokio::spawn(async move { source.refreshed().await }));
        for one in asking.collect::<Vec<_>>() {
            assert!(one.await.unwrap());
        }
        assert_eq!(ids(&source), ["a", "new"]);
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        for _ in 0..50 {
            assert!(!source.refreshed().await);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        sleep(SELDOM).await;
        assert!(source.refreshed().await);
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }
}
