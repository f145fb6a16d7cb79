//! A Redis that dies, is stopped or is full costs no request, and nobody waits long for it.

use std::time::{Duration, Instant};

use crate::play::{completion, quick};
use crate::redis_server::RedisServer;
use crate::stage::{Gateway, Wire, request};

/// What Redis in trouble may add, and what a busy machine does of its own.
const ADDED: Duration = Duration::from_millis(50);

/// The median and the longest of these times.
fn summed_up(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() - 1])
}

/// Waits until Redis is used.
async fn linked(gateway: &Gateway) {
    gateway.shows("/status", "\"redis\":\"closed\"").await;
}

/// Asks questions that nobody has asked; none may fail.
async fn ask(gateway: &Gateway, name: &str, count: usize) -> Vec<Duration> {
    let mut wire = Wire::to(&gateway.clients).await;
    let mut times = Vec::new();
    for number in 0..count {
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"{name} {number}"}}]}}"#
        );
        let begun = Instant::now();
        wire.send(request("POST /v1/chat/completions", "", &body))
            .await;
        let reply = wire.message().await.unwrap();
        times.push(begun.elapsed());
        assert_eq!(reply.status(), 200, "{name} {number}: {}", reply.text());
    }
    times
}

/// Asks while Redis is well, stopped, full and dead, then lets it come back; how long each request took. Nothing where
/// there is no Redis.
async fn through_trouble() -> Option<[(&'static str, Vec<Duration>); 4]> {
    let mut redis = RedisServer::start()?;
    let (address, _) = quick(completion("yes")).await;
    let sections = format!(
        "[cache]\nredis = \"{}\"\nredis_password_file = \"{}\"\n",
        redis.socket().display(),
        redis.password_file().display()
    );
    let gateway = Gateway::with(&address, &sections).await;
    linked(&gateway).await;
    let well = ask(&gateway, "well", 60).await;
    redis.signal("STOP");
    let stopped = ask(&gateway, "stopped", 60).await;
    // It was given up, and not waited for sixty times.
    let status = gateway.operate("GET", "/status").await;
    assert!(
        !status.text().contains("\"redis\":\"closed\""),
        "{}",
        status.text()
    );
    redis.signal("CONT");
    redis.fill().await;
    let full = ask(&gateway, "full", 60).await;
    redis.kill();
    let dead = ask(&gateway, "dead", 60).await;
    let status = gateway.operate("GET", "/status").await;
    assert!(
        !status.text().contains("\"redis\":\"closed\""),
        "{}",
        status.text()
    );
    // It comes back, and is used again.
    redis.start_again();
    linked(&gateway).await;
    Some([
        ("well", well),
        ("stopped", stopped),
        ("full", full),
        ("dead", dead),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_in_trouble_fails_no_request() {
    through_trouble().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "real time: tests/run.sh --full"]
async fn a_redis_in_trouble_adds_little() {
    let Some([(_, well), in_trouble @ ..]) = through_trouble().await else {
        return;
    };
    let (well, _) = summed_up(well);
    for (name, times) in in_trouble {
        let (median, longest) = summed_up(times);
        println!("redis {name}: median {median:?}, longest {longest:?}; well: {well:?}");
        assert!(
            median < well + ADDED,
            "{name}: median {median:?}, {well:?} when well"
        );
        assert!(longest < well + 4 * ADDED, "{name}: longest {longest:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_keeps_outlives_the_gateway() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let (address, calls) = quick(completion("yes")).await;
    let sections = format!(
        "[cache]\nredis = \"{}\"\nredis_password_file = \"{}\"\nredis_timeout_ms = 1000\n",
        redis.socket().display(),
        redis.password_file().display()
    );
    let body = r#"{"model":"m","messages":[{"role":"user","content":"once"}]}"#;
    let question = request("POST /v1/chat/completions", "", body);
    let chat = request(
        "POST /api/deepseek/v1/chat",
        "",
        r#"{"messages":[{"role":"user","content":"hello"}]}"#,
    );
    let said = {
        let gateway = Gateway::with(&address, &sections).await;
        linked(&gateway).await;
        gateway.ask(&question).await;
        let said = gateway.ask(&chat).await;
        assert_eq!(said.status(), 200, "{}", said.text());
        // Two answers and the conversation.
        redis.holds(3).await;
        said
    };
    let gateway = Gateway::with(&address, &sections).await;
    linked(&gateway).await;
    let reply = gateway.ask(&question).await;
    assert_eq!(
        (reply.status(), reply.header("x-dsline-cache")),
        (200, Some("hit"))
    );
    let now = gateway
        .ask(request("GET /api/deepseek/v1/chat", "", ""))
        .await;
    assert_eq!(now.text(), said.text());
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 2);
}
