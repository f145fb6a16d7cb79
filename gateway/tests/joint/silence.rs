//! An upstream that is silent for long before it answers: its client hears of us, and then of it.

use crate::play::{END, HEAD, Slow, chunk, goodbye, token};
use crate::stage::{Gateway, Wire, request};

const BODY: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}"#;

/// Asks, and waits for the head and the first sign of life, while the upstream says nothing.
async fn wait(gateway: &Gateway) -> Wire {
    let mut wire = Wire::to(&gateway.clients).await;
    wire.send(request("POST /v1/chat/completions", "", BODY))
        .await;
    let head = wire.head().await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    for line in [
        "content-type: text/event-stream",
        "x-accel-buffering: no",
        "x-dsline-cache: miss",
        "x-request-id: ",
    ] {
        assert!(head.contains(line), "{line} is not in {head}");
    }
    for _ in 0..2 {
        // One newline: what follows an `id:` with a blank line breaks openai-python.
        assert_eq!(wire.chunk().await.unwrap().unwrap(), b": keep-alive\n");
    }
    wire
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_upstream_does_not_make_a_silent_gateway() {
    let upstream = Slow::start().await;
    let sections = "[streams]\nheartbeat_seconds = 1\n";
    let gateway = Gateway::with(&upstream.address, sections).await;
    let mut wire = wait(&gateway).await;
    upstream.say(HEAD.to_owned() + &chunk(&(token("one") + &goodbye())));
    upstream.say(END.to_owned());
    let mut text = String::new();
    while let Some(chunk) = wire.chunk().await.unwrap() {
        text += std::str::from_utf8(&chunk).unwrap();
    }
    let text = text.replace(": keep-alive\n", "");
    assert_eq!(text, token("one") + &goodbye());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_after_the_first_sign_of_life_is_an_event_and_no_clean_end() {
    let upstream = Slow::start().await;
    let sections = "[streams]\nheartbeat_seconds = 1\n[retry]\nattempts = 1\n";
    let gateway = Gateway::with(&upstream.address, sections).await;
    let mut wire = wait(&gateway).await;
    upstream.say("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n".to_owned());
    let event = loop {
        let chunk = wire.chunk().await.unwrap().expect("a clean end");
        if chunk != b": keep-alive\n" {
            break String::from_utf8(chunk).unwrap();
        }
    };
    assert!(
        event.starts_with("data: {\"error\":") && event.contains("upstream_unwell"),
        "{event}"
    );
    assert!(wire.chunk().await.is_err(), "a clean end after the error");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_an_answer_that_is_late_cancels_it() {
    let mut upstream = Slow::start().await;
    let sections = "[streams]\nheartbeat_seconds = 1\n";
    let gateway = Gateway::with(&upstream.address, sections).await;
    let wire = wait(&gateway).await;
    drop(wire);
    upstream.cancelled().await;
}
