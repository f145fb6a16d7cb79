//! The two levels of the cache against a real Redis: healthy, stopped, killed, full, and with another password.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod redis_server;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use dsline_gateway::cache::{
    Breaker, Endpoint, Entry, Expected, Form, Hit, Key, Level, Need, Observer, Policy, Question,
    RedisPlace, RedisSetup, Scope, Setup, Store, Verdict,
};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use redis_server::RedisServer;

const NEED: Need = Need {
    form: Form::Json,
    wants_usage: false,
};

/// What a request may wait for a Redis that answers; the client library waits no longer than that.
const LONG_BUDGET: Duration = Duration::from_millis(500);

/// The same for one that does not.
const SHORT_BUDGET: Duration = Duration::from_millis(30);

/// The short budget, and what a busy machine does of its own.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

fn key(question: &str) -> Key {
    let body = format!(r#"{{"messages":[{{"role":"user","content":"{question}"}}]}}"#);
    let question = Question::read(Endpoint::Chat, Bytes::from(body)).unwrap();
    let scope = Scope {
        tenant: "t",
        model: "m",
        path: "/v1/chat/completions",
    };
    Key::exact(&scope, &question).unwrap()
}

fn entry(key: Key, text: &str) -> Entry {
    let body = format!(
        r#"{{"choices":[{{"index":0,"message":{{"content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":2,"completion_tokens":3}}}}"#
    );
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let expected = Expected {
        key,
        endpoint: Endpoint::Chat,
        choices: 1,
        longest: 1 << 20,
    };
    let mut observer = Observer::new(expected, StatusCode::OK, &headers);
    observer.feed(body.as_bytes());
    match observer.finish(true, SystemTime::now()) {
        Verdict::Admit(entry) => entry,
        Verdict::Skip(skip) => panic!("was not admitted: {skip:?}"),
    }
}

fn setup(redis: Option<RedisSetup>) -> Setup {
    Setup {
        near_bytes: 1 << 20,
        longest: 1 << 18,
        ttl: Duration::from_hours(1),
        stale: Duration::from_hours(1),
        redis,
    }
}

fn redis_at(server: &RedisServer, budget: Duration) -> RedisSetup {
    RedisSetup {
        place: RedisPlace::Socket(server.socket()),
        database: 0,
        username: None,
        password_file: Some(server.password_file()),
        budget,
    }
}

async fn find(store: &Store, key: &Key) -> (Option<Hit>, Duration) {
    let began = Instant::now();
    let hit = store.find(key, NEED, &Policy::ON, SystemTime::now()).await;
    (hit, began.elapsed())
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited a minute for: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn linked(server: &RedisServer) -> Store {
    linked_with(server, LONG_BUDGET).await
}

async fn linked_with(server: &RedisServer, budget: Duration) -> Store {
    let store = Store::start(setup(Some(redis_at(server, budget))));
    until("a link", || store.counts().breaker == Breaker::Closed).await;
    store
}

/// Keeps an entry until Redis has it: a write that takes too long is dropped, and nobody waits for it.
async fn keep_in_redis(store: &Store, entry: &Entry) {
    let ended = || {
        let counts = store.counts();
        (counts.redis_written, counts.redis_dropped)
    };
    loop {
        let before = ended();
        store.keep(entry.clone());
        until("the write", || ended() != before).await;
        if ended().0 > before.0 {
            return;
        }
    }
}

#[tokio::test]
async fn an_answer_outlives_the_process_in_redis() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let (store, key) = (linked(&server).await, key("a"));
    let kept = entry(key, "hello");
    keep_in_redis(&store, &kept).await;
    assert_eq!(find(&store, &key).await.0.unwrap().level, Level::Near);
    server.holds(1).await;
    let lives = server.time_to_live().await;
    assert!((7100..=7200).contains(&lives), "lives {lives} s");
    drop(store);

    let next = linked(&server).await;
    let hit = find(&next, &key).await.0.unwrap();
    assert_eq!((hit.level, hit.entry.body()), (Level::Far, kept.body()));
    assert_eq!(find(&next, &key).await.0.unwrap().level, Level::Near);
    let counts = next.counts();
    assert_eq!(
        (counts.hits_far, counts.hits_near, counts.saved.prompt),
        (1, 1, 4)
    );
    server.spoil_everything().await;
    let last = linked(&server).await;
    assert!(find(&last, &key).await.0.is_none());
    assert_eq!(last.counts().redis_unreadable, 1);
}

#[tokio::test]
async fn a_stopped_redis_is_given_up_and_comes_back() {
    stop_and_continue().await;
}

/// The same with what it costs.
#[tokio::test]
#[ignore = "real time: tests/run.sh --full"]
async fn a_stopped_redis_costs_little_and_then_nothing() {
    let Some(mut waits) = stop_and_continue().await else {
        return;
    };
    waits.sort();
    let (usual, longest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    assert!(longest <= LONGEST_WAIT, "waited {longest:?}");
    assert!(
        usual < Duration::from_millis(1),
        "with the breaker open one waited {usual:?}"
    );
}

/// How long each of many waited while Redis was stopped. Nothing where there is no Redis.
async fn stop_and_continue() -> Option<Vec<Duration>> {
    let server = RedisServer::start()?;
    let (store, key) = (linked_with(&server, SHORT_BUDGET).await, key("b"));
    keep_in_redis(&store, &entry(key, "hello")).await;
    let others: Vec<Key> = (0..40).map(|n| self::key(&format!("other {n}"))).collect();
    server.signal("STOP");
    let mut waits = Vec::new();
    for other in &others {
        let (hit, wait) = find(&store, other).await;
        assert!(hit.is_none());
        waits.push(wait);
    }
    // The others were not even asked.
    let counts = store.counts();
    assert_eq!((counts.redis_timeouts, counts.redis_trips), (3, 1));
    assert_ne!(counts.breaker, Breaker::Closed);
    assert!(find(&store, &key).await.0.is_some(), "memory serves on");
    server.signal("CONT");
    until("recovery", || store.counts().breaker == Breaker::Closed).await;
    let fresh = linked(&server).await;
    assert_eq!(find(&fresh, &key).await.0.unwrap().level, Level::Far);
    Some(waits)
}

#[tokio::test]
async fn two_hundred_at_once_give_a_stopped_redis_up_once() {
    two_hundred_at_once().await;
}

/// The same with how long they wait.
#[tokio::test]
#[ignore = "real time: tests/run.sh --full"]
async fn two_hundred_at_once_wait_no_longer_than_one() {
    let Some((waits, all)) = two_hundred_at_once().await else {
        return;
    };
    for wait in waits {
        assert!(wait <= 2 * LONGEST_WAIT, "waited {wait:?}");
    }
    assert!(all <= 3 * LONGEST_WAIT, "all took {all:?}");
}

/// How long each waited for a stopped Redis, and all of them together. Nothing where there is no Redis.
async fn two_hundred_at_once() -> Option<(Vec<Duration>, Duration)> {
    let server = RedisServer::start()?;
    let store = Arc::new(linked_with(&server, SHORT_BUDGET).await);
    server.signal("STOP");
    let began = Instant::now();
    let asked: Vec<_> = (0..200)
        .map(|n| {
            let (store, key) = (Arc::clone(&store), key(&format!("c {n}")));
            tokio::spawn(async move { find(&store, &key).await })
        })
        .collect();
    let mut waits = Vec::new();
    for one in asked {
        let (hit, wait) = one.await.unwrap();
        assert!(hit.is_none());
        waits.push(wait);
    }
    assert_eq!(store.counts().redis_trips, 1);
    Some((waits, began.elapsed()))
}

#[tokio::test]
async fn a_killed_redis_is_done_without_and_found_again() {
    let Some(mut server) = RedisServer::start() else {
        return;
    };
    let (store, key) = (linked(&server).await, key("d"));
    server.kill();
    for _ in 0..20 {
        assert!(find(&store, &key).await.0.is_none());
    }
    store.keep(entry(key, "hello"));
    assert_eq!(find(&store, &key).await.0.unwrap().level, Level::Near);
    let counts = store.counts();
    assert_eq!((counts.redis_dropped, counts.redis_trips), (1, 1));
    assert!(store.redis_trouble().is_some());
    server.start_again();
    until("recovery", || store.counts().breaker == Breaker::Closed).await;
    assert_eq!(store.redis_trouble(), None);
    keep_in_redis(&store, &entry(key, "hello")).await;
}

#[tokio::test]
async fn a_full_redis_is_still_read() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let (store, key) = (linked(&server).await, key("e"));
    keep_in_redis(&store, &entry(key, "hello")).await;
    server.fill().await;
    let before = store.counts().redis_dropped;
    for n in 0..20 {
        store.keep(entry(self::key(&format!("f {n}")), &"x".repeat(1000)));
    }
    until("the refusals", || {
        store.counts().redis_dropped - before == 20
    })
    .await;
    let counts = store.counts();
    assert_eq!((counts.redis_errors, counts.breaker), (20, Breaker::Closed));
    let fresh = linked(&server).await;
    assert_eq!(find(&fresh, &key).await.0.unwrap().level, Level::Far);
}

#[tokio::test]
async fn a_wrong_password_is_told_without_the_password() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    std::fs::write(server.password_file(), "canary-wrong\n").unwrap();
    let store = Store::start(setup(Some(redis_at(&server, LONG_BUDGET))));
    until("the refusal", || store.redis_trouble().is_some()).await;
    let trouble = store.redis_trouble().unwrap();
    assert!(
        trouble.contains("Password") && !trouble.contains("canary"),
        "{trouble}"
    );
    server.write_password();
    until("recovery", || store.counts().breaker == Breaker::Closed).await;
}

#[tokio::test]
async fn entries_age_as_they_should_in_memory_alone() {
    let (store, key) = (Store::start(setup(None)), key("g"));
    store.keep(entry(key, "hello"));
    let soon = SystemTime::now() + Duration::from_secs(90);
    let hour = Duration::from_hours(1);
    let find = async |policy: Policy, now| store.find(&key, NEED, &policy, now).await.is_some();
    let recent = Policy {
        max_age: Some(Duration::from_mins(1)),
        ..Policy::ON
    };
    assert!(find(Policy::ON, soon).await);
    assert!(!find(recent, soon).await);
    assert!(!find(Policy::OFF, soon).await);
    assert!(!find(Policy::ON.anew(), soon).await);
    assert!(!find(Policy::ON, soon + hour).await);
    assert!(
        store
            .find_stale(&key, NEED, &Policy::ON, soon + hour)
            .await
            .is_some()
    );
    assert!(
        store
            .find_stale(&key, NEED, &Policy::ON, soon + 2 * hour)
            .await
            .is_none()
    );
    let counts = store.counts();
    assert_eq!(
        (
            counts.hits_near,
            counts.misses,
            counts.stale,
            counts.breaker
        ),
        (1, 2, 1, Breaker::Absent)
    );
}

#[tokio::test]
async fn an_answer_can_be_observed_after_its_end() {
    let (store, key) = (Store::start(setup(None)), key("i"));
    let body = entry(key, "hello").body();
    for (cleanly, kept) in [(false, 0), (true, 1)] {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let expected = Expected {
            key,
            endpoint: Endpoint::Chat,
            choices: 1,
            longest: 1 << 20,
        };
        let observer = Observer::new(expected, StatusCode::OK, &headers);
        let chunks = (0..body.len()).map(|at| body.slice(at..=at));
        store.review(observer, chunks, cleanly).await;
        assert_eq!(store.counts().kept, kept);
    }
    assert!(store.counts().skipped.contains(&("cut", 1)));
    assert_eq!(find(&store, &key).await.0.unwrap().entry.body(), body);
}

#[tokio::test]
async fn memory_stays_within_its_bound() {
    let store = Store::start(setup(None));
    for n in 0..2000 {
        store.keep(entry(key(&format!("h {n}")), &"x".repeat(10_000)));
    }
    let bytes = store.counts().near_bytes;
    assert!(bytes <= 1 << 20, "{bytes} bytes");
    assert!(bytes > 1 << 19, "{bytes} bytes");
}
