//! Two hundred clients of one answer: one call, the same bytes, and nobody waits for anybody.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::play::{END, HEAD, Slow, chunk, goodbye, token};
use crate::stage::{Gateway, Wire, request, soon};

const BODY: &str =
    r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"the same"}]}"#;

async fn ask(gateway: &Gateway) -> Wire {
    let mut wire = Wire::to(&gateway.clients).await;
    wire.send(request("POST /v1/chat/completions", "", BODY))
        .await;
    wire
}

fn counted(gateway_status: &str, name: &str) -> usize {
    let (_, after) = gateway_status.split_once(&format!("\"{name}\":")).unwrap();
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// Waits until exactly so many requests are inside the gateway.
async fn inside(gateway: &Gateway, count: usize) {
    soon(async {
        loop {
            let status = gateway.operate("GET", "/status").await;
            if counted(status.text(), "in_flight") == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_who_ask_the_same_share_one_call_from_its_first_byte() {
    let mut upstream = Slow::start().await;
    // Whatever is between two events here is the upstream's.
    let quiet = "[streams]\nheartbeat_seconds = 3600\n";
    let gateway = Gateway::with(&upstream.address, quiet).await;
    let mut crowd = JoinSet::new();
    for _ in 0..200 {
        let mut wire = ask(&gateway).await;
        crowd.spawn(async move { wire.message().await.unwrap() });
    }
    inside(&gateway, 200).await;
    upstream.say(HEAD.to_owned() + &chunk(&token("one")));
    // A client that reads a byte now and then: it takes its head and sleeps.
    let mut lazy = ask(&gateway).await;
    lazy.bytes(1).await;
    // The first one leaves in the middle.
    let mut hasty = ask(&gateway).await;
    hasty.head().await.unwrap();
    inside(&gateway, 202).await;
    drop(hasty);
    inside(&gateway, 201).await;
    for number in 0..50 {
        upstream.say(chunk(&token(&format!(
            "word-{number} {}",
            "x".repeat(2000)
        ))));
    }
    // Half-time: this one missed the beginning and gets it all the same.
    let mut late = ask(&gateway).await;
    inside(&gateway, 202).await;
    upstream.say(chunk(&goodbye()));
    upstream.say(END.to_owned());
    // All of them come to their end before the lazy one reads on.
    let late = late.message().await.unwrap();
    assert_eq!(late.header("x-dsline-cache"), Some("coalesced"));
    let mut roles = [0, 0];
    while let Some(answer) = soon(crowd.join_next()).await {
        let answer = answer.unwrap();
        assert!(answer.body == late.body, "somebody got other bytes");
        roles[usize::from(answer.header("x-dsline-cache") == Some("coalesced"))] += 1;
    }
    assert!(late.text().starts_with("data: ") && late.text().ends_with("data: [DONE]\n\n"));
    assert!(late.text().contains("\"one\"") && late.text().contains("word-49"));
    assert_eq!(roles, [1, 199]);
    assert_eq!(upstream.calls(), 1);
    assert!(!upstream.is_cancelled());
    // The lazy one still gets all of it: it is behind, not cut off.
    let mut left = late.body.len();
    while left > 1000 {
        left = left.saturating_sub(lazy.bytes(16 * 1024).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_one_to_leave_cancels_upstream_and_nobody_before() {
    for has_begun in [false, true] {
        let mut upstream = Slow::start().await;
        let gateway = Gateway::before(&upstream.address).await;
        if has_begun {
            upstream.say(HEAD.to_owned() + &chunk(&token("one")));
        }
        let mut crowd = Vec::new();
        for _ in 0..10 {
            let mut wire = ask(&gateway).await;
            if has_begun {
                wire.head().await.unwrap();
                wire.chunk().await.unwrap();
            }
            crowd.push(wire);
        }
        inside(&gateway, 10).await;
        let last = crowd.pop().unwrap();
        drop(crowd);
        inside(&gateway, 1).await;
        assert!(!upstream.is_cancelled(), "nine of ten left");
        drop(last);
        upstream.cancelled().await;
        assert_eq!(upstream.calls(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_must_not_share_asks_alone_and_one_at_a_time_is_a_hit() {
    let upstream = Slow::start().await;
    let gateway = Gateway::before(&upstream.address).await;
    upstream.say(HEAD.to_owned() + &chunk(&(token("one") + &goodbye())));
    upstream.say(END.to_owned());
    let said = async |more: &str| {
        let reply = gateway
            .ask(request("POST /v1/chat/completions", more, BODY))
            .await;
        assert!(
            reply.text().ends_with("data: [DONE]\n\n"),
            "{}",
            reply.text()
        );
        reply.header("x-dsline-cache").unwrap().to_owned()
    };
    assert_eq!(said("").await, "miss");
    gateway.shows("/status", "\"entries\":1,").await;
    assert_eq!(said("").await, "hit");
    assert_eq!(upstream.calls(), 1);
    assert_eq!(said("cache-control: no-store\r\n").await, "bypass");
    assert_eq!(said("x-dsline-regenerate: true\r\n").await, "bypass");
    assert_eq!(upstream.calls(), 3);
    assert_eq!(said("").await, "hit");
    // The same answer in one piece.
    let body = BODY.replace("true", "false");
    let whole = gateway
        .ask(request("POST /v1/chat/completions", "", &body))
        .await;
    assert_eq!(whole.header("x-dsline-cache"), Some("hit"));
    assert!(
        whole.text().contains("\"content\":\"one\""),
        "{}",
        whole.text()
    );
    assert_eq!(upstream.calls(), 3);
}
