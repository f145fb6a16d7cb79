//! Complaints about secrets that leak and doors that open.

use crate::client::{Client, KEY, chat, question, request};
use crate::stage::{Gateway, until};
use crate::upstream::{Act, SSE, Upstream, chunk, events, good_json, refusal};

const SECRETS: [&str; 4] = [
    "sk-upstream-canary",
    "sk-client-canary",
    "prompt-canary",
    "sk-stranger-canary",
];

#[test]
fn secrets_in_logs() {
    // An upstream that repeats what it was sent, as some do in their errors.
    let echo = r#"{"error":{"message":"Incorrect API key provided: sk-upstream-canary"}}"#;
    let begun = SSE.to_owned() + &chunk(&events(3));
    let upstream = Upstream::play([
        refusal(401, "", echo),
        refusal(403, "", echo),
        Act::Break(String::new()),
        Act::Break(begun),
        good_json("a"),
    ]);
    let gateway = Gateway::before(&[&upstream], "");
    let body = question("prompt-canary", true);
    let mut answers = String::new();
    for _ in 0..3 {
        answers += &gateway.ask(&chat(&body)).head;
        answers += &gateway.ask(&chat(&body)).body;
    }
    answers += &gateway
        .ask(&request(
            "GET /v1/models?key=sk-stranger-canary",
            "sk-stranger-canary",
            "",
            "",
        ))
        .body;
    answers += &gateway.ask(&chat("{\"prompt-canary\": ")).body;
    until("a line for each request", || {
        gateway.log().matches("\"event\":\"request\"").count() == 8
    });
    for (name, text) in [
        ("log", gateway.log()),
        ("metrics", gateway.metrics()),
        ("answers", answers),
    ] {
        assert!(text.len() > 100, "{name} is empty: {text}");
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} stands in {name}:\n{text}");
        }
    }
}

#[test]
fn auth_path_exploited() {
    let upstream = Upstream::play([good_json("a")]);
    let gateway = Gateway::before(&[&upstream], "[merge]\nenabled = false");
    let hash = "34de9fdf8eaff8f9251a5c80f2f06602f9e846b49e551b830ac3c4a82050552d";
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJvbmUiLCJleHAiOjk5OTk5OTk5OTl9.";
    for key in [
        "' OR '1'='1' --",
        "x'; DROP TABLE keys; --",
        "%27%20OR%201=1",
        "*",
        "\u{7f}",
        "null",
        "sk-client-canar",
        "sk-client-canaryy",
        "SK-CLIENT-CANARY",
        "sk-client-canary,sk-client-canary",
        hash,
        &format!("sha256:{hash}"),
        unsigned,
        &"a".repeat(20_000),
        "",
    ] {
        let answer = gateway.ask(&request("GET /v1/models", key, "", ""));
        // A head that is too large, or none that HTTP knows, is refused before anybody asks for a key.
        assert!(
            matches!(answer.status, 400 | 401 | 431),
            "{key:.60}: {answer:?}"
        );
    }
    for more in [
        "authorization: Bearer sk-wrong\r\n",
        "x-api-key: sk-wrong\r\n",
    ] {
        let twice = gateway.ask(&request("GET /v1/models", KEY, more, ""));
        assert!(
            twice.status == 401 || more.starts_with("x-api-key"),
            "{more}: {twice:?}"
        );
    }
    let before = upstream.asked();
    assert!(before <= 1, "somebody got in");
    for path in ["/v1/../admin", "/v1/%2e%2e/x", "/v1/models\u{0}"] {
        let answer = gateway.ask(&request(&format!("GET {path}"), KEY, "", ""));
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
    }
    let smuggled = "GET /v1/models HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/models HTTP/1.1\r\n";
    assert!(matches!(
        Client::send(gateway.clients, smuggled.as_bytes())
            .whole()
            .status,
        0 | 400 | 401
    ));
    assert_eq!(upstream.asked(), before);
}

/// Keys are looked up in memory, and what is built is what the lock file names.
#[test]
fn supply_chain_without_a_database() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap();
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).unwrap();
    for name in [
        "sqlx",
        "diesel",
        "rusqlite",
        "postgres",
        "tokio-postgres",
        "mysql",
        "sea-orm",
    ] {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name}");
    }
    let sources = lock.lines().filter(|line| line.starts_with("source = "));
    assert!(sources.clone().count() > 100);
    assert!(
        sources.clone().all(|line| line.contains("\"registry+")),
        "a dependency has no checksum"
    );
}
