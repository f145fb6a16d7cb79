//! What a generation is made of: from the words of the settings to parts that work.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::lead::Lack;
use super::live::{Live, Shared};
use crate::cache::{RedisPlace, RedisSetup, Setup, Store};
use crate::chat::Conversations;
use crate::config::{Cache, Merge, RedisPlace as Place, Settings};
use crate::flight::{Bounds, Flights};
use crate::guard::{Fetch, Gate, Report, fetch_with};
use crate::record::Ledger;
use crate::upstream::{Connector, Event, Told, is_key_there, trust};

/// For connecting to whoever publishes signing keys.
const FETCH_CONNECT: Duration = Duration::from_secs(5);

/// The store of answers; one with the same setup goes on.
pub(super) fn store(cache: &Cache, before: Option<&Arc<Store>>) -> Arc<Store> {
    let setup = setup(cache);
    let same = before.filter(|before| *before.setup() == setup);
    same.map_or_else(|| Arc::new(Store::start(setup)), Arc::clone)
}

fn setup(cache: &Cache) -> Setup {
    let redis = cache.redis.as_ref().map(|place| RedisSetup {
        place: match place {
            Place::Socket(path) => RedisPlace::Socket(path.clone()),
            Place::Host(host, port) => RedisPlace::Tcp(host.clone(), *port),
        },
        database: cache.redis_database,
        username: cache.redis_username.clone(),
        password_file: cache.redis_password_file.clone(),
        budget: cache.redis_timeout_ms.duration(),
    });
    Setup {
        near_bytes: cache.memory_bytes,
        longest: cache.entry_bytes,
        ttl: cache.ttl_seconds.duration(),
        stale: Duration::from_secs(cache.stale_if_error_seconds.into()),
        redis,
    }
}

/// The board of shared calls; one with the same bounds goes on.
pub(super) fn flights(
    merge: &Merge,
    before: Option<&Arc<Flights<Shared, Lack>>>,
) -> Arc<Flights<Shared, Lack>> {
    let bounds = Bounds {
        flight_bytes: merge.flight_bytes,
        total_bytes: merge.total_bytes,
        window: Duration::from_secs(merge.window_seconds.into()),
    };
    let same = before.filter(|before| before.bounds() == bounds);
    same.map_or_else(|| Flights::new(bounds), Arc::clone)
}

/// The simple chat's conversations; those with the same rules go on.
pub(super) fn conversations(settings: &Settings, before: Option<&Live>) -> Arc<Conversations> {
    let rules = &settings.conversation;
    let same = before.filter(|before| before.settings.conversation == *rules);
    same.map_or_else(
        || {
            Arc::new(Conversations::new(
                rules.memory_bytes,
                rules.entry_bytes,
                rules.ttl_seconds.duration(),
            ))
        },
        |before| Arc::clone(&before.conversations),
    )
}

/// Writes down what happens to upstreams.
pub(super) fn told(ledger: &Arc<Ledger>) -> Told {
    let ledger = Arc::clone(ledger);
    Arc::new(move |event: &Event| {
        ledger.log.event(event.word(), &event.to_string());
        match event {
            Event::Failed { upstream, setback } => ledger
                .metrics
                .tried(upstream.as_str(), setback.trouble.word()),
            Event::Failover { .. } => ledger.metrics.failed_over(),
            Event::Tripped { upstream, .. } | Event::Benched { upstream, .. } => {
                ledger.metrics.tripped(upstream.as_str());
            }
            Event::Cut { upstream } => ledger.metrics.tried(upstream.as_str(), "cut"),
            _ => {}
        }
    })
}

/// Writes down what happens to keys and revocations.
pub(super) fn report(ledger: &Arc<Ledger>) -> Report {
    let ledger = Arc::clone(ledger);
    Arc::new(move |event, detail| ledger.log.event(event, detail))
}

/// How signing keys are fetched, if any are.
pub(super) fn fetch(settings: &Settings) -> anyhow::Result<Option<Fetch>> {
    let Some(jwt) = settings
        .auth
        .jwt
        .as_ref()
        .filter(|jwt| jwt.jwks_url.is_some())
    else {
        return Ok(None);
    };
    let tls = trust(jwt.jwks_ca_file.as_deref())?;
    Ok(Some(fetch_with(Connector::new(tls, FETCH_CONNECT))))
}

/// Reads what can be read without starting anything, for `--check`; notes which files are not there.
///
/// A check runs where the release is pushed, often outside the container that has the secrets: a missing secret is
/// no fault there, a broken one is.
pub fn rehearse(settings: &Settings) -> anyhow::Result<Vec<String>> {
    let mut notes = settings.warnings();
    let gate = Gate::load(&settings.keys.file, &settings.auth, None)?;
    notes.extend_from_slice(gate.notes());
    for upstream in settings.upstream.iter() {
        let file = &upstream.key_file;
        if !is_key_there(file)? {
            notes.push(format!(
                "no upstream key in {} here: it would not be ready",
                file.display()
            ));
        }
        match &upstream.ca_file {
            Some(file) if !file.exists() => notes.push(missing("ca_file", file, "not start")),
            ca_file => drop(trust(ca_file.as_deref())?),
        }
    }
    let password = settings.cache.redis_password_file.as_ref();
    if let Some(file) = password.filter(|file| !file.exists()) {
        notes.push(missing("redis_password_file", file, "serve without Redis"));
    }
    let folder = settings.audit.folder.as_ref();
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        notes.push(format!(
            "no folder {} here: audit records would be lost, and counted",
            folder.display()
        ));
    }
    Ok(notes)
}

fn missing(key: &str, file: &Path, what: &str) -> String {
    format!("no {key} {} here: it would {what}", file.display())
}
