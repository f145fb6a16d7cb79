//! A Redis that dies, sleeps or is full costs no request, and nobody waits long for it.

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
    let began = Instant::now();
    loop {
        let status = gateway.operate("GET", "/status").await;
        if status.text().contains("\"redis\":\"closed\"") {
            return;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{}",
            status.text()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_in_trouble_fails_no_request_and_adds_little() {
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let (address, _) = quick(completion("yes")).await;
    let sections = format!(
        "[cache]\nredis = \"{}\"\nredis_password_file = \"{}\"\n",
        redis.socket().display(),
        redis.password_file().display()
    );
    let gateway = Gateway::with(&address, &sections).await;
    linked(&gateway).await;
    let (well, _) = summed_up(ask(&gateway, "well", 60).await);
    // One after the other: asleep, awake and full, awake and dead.
    redis.signal("STOP");
    let asleep = ask(&gateway, "asleep", 60).await;
    redis.signal("CONT");
    redis.fill().await;
    let full = ask(&gateway, "full", 60).await;
    redis.kill();
    let dead = ask(&gateway, "dead", 60).await;
    for (name, times) in [("asleep", asleep), ("full", full), ("dead", dead)] {
        let (median, longest) = summed_up(times);
        println!("redis {name}: median {median:?}, longest {longest:?}; well: {well:?}");
        assert!(
            median < well + ADDED,
            "{name}: median {median:?}, {well:?} when well"
        );
        assert!(longest < well + 4 * ADDED, "{name}: longest {longest:?}");
    }
    let status = gateway.operate("GET", "/status").await;
    assert!(
        !status.text().contains("\"redis\":\"closed\""),
        "{}",
        status.text()
    );
    // It comes back, and is used again.
    redis.start_again();
    linked(&gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_keeps_outlives_the_gateway() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let (address, calls) = quick(completion("yes")).await;
    let sections = format!(
        "[cache]\nredis = \"{}\"\nredis_password_file = \"{}\"\n",
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
        while redis.time_to_live().await < 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        said
    };
    let gateway = Gateway::with(&address, &sections).await;
    let began = Instant::now();
    loop {
        let reply = gateway.ask(&question).await;
        assert_eq!(reply.status(), 200);
        if reply.header("x-dsline-cache") == Some("hit") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{}", reply.head);
    }
    let now = gateway
        .ask(request("GET /api/deepseek/v1/chat", "", ""))
        .await;
    assert_eq!(now.text(), said.text());
    assert!(calls.load(std::sync::atomic::Ordering::SeqCst) <= 3);
}
