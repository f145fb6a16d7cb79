//! Odd requests and odd bodies: what is fine goes through untouched, what is not gets an error in the API's shape.

use std::sync::atomic::Ordering;

use tokio::sync::mpsc::unbounded_channel;

use crate::play::{completion, quick};
use crate::stage::{Gateway, KEY, json, request, upstream};

/// Everything that a filter in front of an LLM might take for an attack.
const NASTY: &str = r"'; DROP TABLE users; -- <script>alert(1)</script> ${jndi:ldap://x} {{7*7}} ../../etc/passwd \u0000 \ud83d\ude00 é";

#[tokio::test(flavor = "multi_thread")]
async fn nasty_and_large_prompts_go_up_byte_for_byte() {
    let (seen, mut saw) = unbounded_channel();
    let address = upstream(move |mut wire| {
        let seen = seen.clone();
        async move {
            while let Some(message) = wire.message().await {
                seen.send(message.body).unwrap();
                wire.send(json("200 OK", &completion("ok"))).await;
            }
        }
    })
    .await;
    let gateway = Gateway::with(&address, "").await;
    let file = gateway.folder.path().join("gateway.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("100000", "4000000")).unwrap();
    gateway.signal("-HUP");
    let mut gateway = gateway;
    gateway.logged("\"reloaded\"").await;
    for prompt in [NASTY.to_owned(), NASTY.repeat(9_000)] {
        let body = format!(
            "{{ \"model\":\"m\", \"odd\":[1.50,1e3], \"messages\":[{{\"role\":\"user\",\"content\":\"{prompt}\"}}]}}"
        );
        let reply = gateway
            .ask(request("POST /v1/chat/completions", "", &body))
            .await;
        assert_eq!(reply.status(), 200, "{}", reply.text());
        assert!(
            saw.recv().await.unwrap() == body.as_bytes(),
            "{} bytes",
            body.len()
        );
    }
}

#[tokio::test]
async fn bad_bodies_get_the_apis_own_shape() {
    let (address, calls) = quick(completion("no")).await;
    let gateway = Gateway::before(&address).await;
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(100_000));
    for (body, status, code) in [
        ("{\"model\":", 400, "invalid_request_body"),
        ("[]", 400, "invalid_request_body"),
        (&*large, 413, "request_too_large"),
    ] {
        for path in ["/v1/chat/completions", "/api/deepseek/v1/chat"] {
            let reply = gateway
                .ask(request(
                    &format!("POST {path}"),
                    "x-request-id: mine-7\r\n",
                    body,
                ))
                .await;
            assert_eq!(reply.status(), status, "{}", reply.text());
            for part in [
                code,
                "\"message\":",
                "\"type\":\"invalid_request_error\"",
                "\"request_id\":\"mine-7\"",
            ] {
                assert!(reply.text().contains(part), "{part}: {}", reply.text());
            }
            assert_eq!(reply.header("x-request-id"), Some("mine-7"));
        }
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_limit_says_whose_it_is_and_when_to_come_back() {
    let (address, _) = quick(completion("yes")).await;
    let gateway = Gateway::with(&address, "[quota]\nrequests_per_minute = 2\n").await;
    let ask = |number: usize| {
        let body =
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{number}"}}]}}"#);
        request("POST /v1/chat/completions", "", &body)
    };
    let mut refused = None;
    for number in 0..10 {
        let reply = gateway.ask(ask(number)).await;
        if reply.status() == 429 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("ten of two a minute");
    assert!(
        refused.text().contains("\"code\":\"key_requests\""),
        "{}",
        refused.text()
    );
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(refused.header("x-should-retry"), Some("true"));
    gateway
        .shows("/metrics", "dsline_refused_total{kind=\"key_requests\"} 1")
        .await;
}

#[tokio::test]
async fn the_simple_chat_answers_remembers_and_shares() {
    let (address, calls) = quick(completion("Paris")).await;
    let gateway = Gateway::with(&address, "[cors]\norigins = [\"https://app.example\"]\n").await;
    let preflight = gateway
        .ask("OPTIONS /api/deepseek/v1/chat HTTP/1.1\r\nhost: x\r\norigin: https://app.example\r\naccess-control-request-method: POST\r\n\r\n")
        .await;
    assert_eq!(preflight.status(), 204, "{}", preflight.head);
    assert_eq!(
        preflight.header("access-control-allow-origin"),
        Some("https://app.example")
    );
    let recall = || gateway.ask(request("GET /api/deepseek/v1/chat", "", ""));
    assert_eq!(recall().await.text(), "{\"messages\":[]}");
    let body = r#"{"messages":[{"role":"user","content":"capital of France?"}]}"#;
    let post = |body: &str| {
        let origin = "origin: https://app.example\r\n";
        gateway.ask(request("POST /api/deepseek/v1/chat", origin, body))
    };
    let first = post(body).await;
    let expected = r#"{"messages":[{"role":"user","content":"capital of France?"},{"content":"Paris","role":"assistant"}]}"#;
    assert_eq!((first.status(), first.text()), (200, expected));
    assert_eq!(
        first.header("access-control-allow-origin"),
        Some("https://app.example")
    );
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(first.header("x-dsline-cache"), Some("miss"));
    assert_eq!(recall().await.text(), expected);
    let again = post(body).await;
    assert_eq!(again.text(), expected);
    assert!(["hit", "coalesced"].contains(&again.header("x-dsline-cache").unwrap()));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    let anew = post(&body.replace("]}", "],\"regenerate\":true}")).await;
    assert_eq!((anew.text(), calls.load(Ordering::SeqCst)), (expected, 2));
    let nobody = gateway
        .ask("GET /api/deepseek/v1/chat HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert_eq!(nobody.status(), 401);
    let reply = gateway
        .ask(request("DELETE /api/deepseek/v1/chat", "", ""))
        .await;
    assert_eq!(reply.status(), 405);
}

#[tokio::test]
async fn a_dead_upstream_is_stood_in_for_by_what_is_stale() {
    let (address, _) = quick(completion("old")).await;
    let sections = "[cache]\nttl_seconds = 1\n[merge]\nwindow_seconds = 0\n";
    let mut gateway = Gateway::with(&address, sections).await;
    let body = r#"{"model":"m","messages":[{"role":"user","content":"q"}]}"#;
    let question = request("POST /v1/chat/completions", "", body);
    let first = gateway.ask(&question).await;
    assert_eq!(first.header("x-dsline-cache"), Some("miss"));
    gateway.shows("/status", "\"entries\":1,").await;
    let file = gateway.folder.path().join("gateway.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&address, "127.0.0.1:1")).unwrap();
    gateway.signal("-HUP");
    gateway.logged("\"reloaded\"").await;
    // Past its life; it may be as old as it likes.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let stale = gateway.ask(&question).await;
    assert_eq!(
        (stale.status(), stale.header("x-dsline-cache")),
        (200, Some("stale"))
    );
    assert_eq!(stale.text(), first.text());
    let other = request("POST /v1/chat/completions", "", &body.replace('q', "other"));
    assert_eq!(gateway.ask(other).await.status(), 502);
    let never = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: {KEY}\r\ncache-control: only-if-cached\r\ncontent-length: {}\r\n\r\n{}",
        body.len(),
        body.replace('q', "x")
    );
    assert_eq!(gateway.ask(never).await.status(), 504);
}

#[tokio::test]
async fn a_tenant_is_told_upstream_when_asked_for_and_never_by_name() {
    let (seen, mut saw) = unbounded_channel();
    let address = upstream(move |mut wire| {
        let seen = seen.clone();
        async move {
            while let Some(message) = wire.message().await {
                seen.send(message.text().to_owned()).unwrap();
                wire.send(json("200 OK", &completion("ok"))).await;
            }
        }
    })
    .await;
    let sections = "[auth]\nsend_user_id = true\ndefault_tenant = \"team-a\"\n";
    let gateway = Gateway::with(&address, sections).await;
    let body = r#"{"user_id":"forged","model":"m",  "messages":[]}"#;
    gateway
        .ask(request("POST /v1/chat/completions", "", body))
        .await;
    let up = saw.recv().await.unwrap();
    let (before, after) = up.split_once("\"user_id\":\"").unwrap();
    let (id, rest) = after.split_once('"').unwrap();
    assert_eq!((before, rest), ("{", r#","model":"m",  "messages":[]}"#));
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
}
