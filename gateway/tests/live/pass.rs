//! What goes through, what does not, and what changes on the way.

use tokio::net::TcpSocket;
use tokio::sync::mpsc::unbounded_channel;

use crate::stage::{Gateway, KEY, json, request, upstream};

#[tokio::test]
async fn bytes_go_through_as_they_came_both_ways() {
    let question = "{ \"model\" :\t\"deepseek-flash\",\n  \"odd_field\": [1.50, 1e3, \"\\u00e9é\"] , \"messages\":[]}  ";
    let answer = "\n\n{\"id\" : \"x\",   \"usage\":{\"prompt_cache_hit_tokens\": 1.0}}\n";
    let (seen, mut saw) = unbounded_channel();
    let address = upstream(move |mut wire| {
        let seen = seen.clone();
        async move {
            while let Some(message) = wire.message().await {
                seen.send(message).unwrap();
                let more = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nalt-svc: h3\r\nconnection: x-hop\r\nx-hop: 1\r\nx-upstream: kept\r\n";
                wire.send(format!("{more}content-length: {}\r\n\r\n{answer}", answer.len())).await;
            }
        }
    })
    .await;
    let mut gateway = Gateway::before(&address).await;

    let more = "x-request-id: from-nginx-1\r\nx-real-ip: 203.0.113.9\r\ncookie: a=b\r\nte: trailers\r\nx-client: kept\r\n";
    let reply = gateway
        .ask(request(
            "POST /v1/chat/completions?a=%20b&&c",
            more,
            question,
        ))
        .await;
    assert_eq!((reply.status(), reply.text()), (200, answer));
    assert_eq!(reply.header("x-dsline-node"), Some("eu-west-1/1"));
    assert_eq!(reply.header("x-request-id"), Some("from-nginx-1"));
    assert_eq!(reply.header("x-upstream"), Some("kept"));
    for gone in ["alt-svc", "x-hop", "connection"] {
        assert_eq!(reply.header(gone), None, "{gone}");
    }

    let up = saw.recv().await.unwrap();
    assert!(
        up.head
            .starts_with("POST /base/v1/chat/completions?a=%20b&&c HTTP/1.1\r\n"),
        "{}",
        up.head
    );
    assert_eq!(up.text(), question);
    assert_eq!(up.header("host"), Some(address.as_str()));
    assert_eq!(
        up.header("authorization"),
        Some("Bearer sk-upstream-canary")
    );
    assert_eq!(up.header("x-request-id"), Some("from-nginx-1"));
    assert_eq!(up.header("x-client"), Some("kept"));
    for gone in ["x-real-ip", "cookie", "te"] {
        assert_eq!(up.header(gone), None, "{gone}");
    }

    let line = gateway.logged("\"event\":\"request\"").await;
    for part in [
        "from-nginx-1",
        "/v1/chat/completions\"",
        "\"status\":200",
        "\"end\":\"complete\"",
        &format!("\"bytes_in\":{}", question.len()),
    ] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    assert!(
        !line.contains("canary") && !line.contains("odd_field"),
        "{line}"
    );
}

#[tokio::test]
async fn every_path_under_v1_is_passed_and_chunked_uploads_stream() {
    let (seen, mut saw) = unbounded_channel();
    let address = upstream(move |mut wire| {
        let seen = seen.clone();
        async move {
            let head = wire.head().await.unwrap();
            assert!(head.starts_with("PUT /base/v1/files/7 "), "{head}");
            seen.send(wire.chunk().await.unwrap().unwrap()).unwrap();
            while wire.chunk().await.unwrap().is_some() {}
            wire.send(json("201 Created", "{}")).await;
        }
    })
    .await;
    let gateway = Gateway::before(&address).await;
    let mut client = crate::stage::Wire::to(&gateway.clients).await;
    client.send(format!("PUT /v1/files/7 HTTP/1.1\r\nhost: x\r\nauthorization: {KEY}\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")).await;
    assert_eq!(
        saw.recv().await.unwrap(),
        b"first",
        "the first chunk waits for the last"
    );
    client.send("4\r\nlast\r\n0\r\n\r\n").await;
    assert_eq!(client.message().await.unwrap().status(), 201);
}

#[tokio::test]
async fn nobody_gets_in_without_a_key() {
    let address = upstream(|_| async { panic!("an unauthorised request went up") }).await;
    let gateway = Gateway::before(&address).await;
    for authorization in [
        "",
        "authorization: Bearer sk-wrong\r\n",
        "authorization: sk-client-canary\r\n",
    ] {
        let reply = gateway
            .ask(format!(
                "GET /v1/models HTTP/1.1\r\nhost: x\r\n{authorization}\r\n"
            ))
            .await;
        assert_eq!(reply.status(), 401);
        assert!(
            reply.text().contains("\"code\":\"invalid_api_key\""),
            "{}",
            reply.text()
        );
        let id = reply.header("x-request-id").unwrap();
        assert!(
            id.len() == 32 && reply.text().contains(id),
            "{}",
            reply.text()
        );
    }
}

#[tokio::test]
async fn other_paths_are_not_found_and_dots_do_not_climb() {
    let address = upstream(|_| async { panic!("it went up") }).await;
    let gateway = Gateway::before(&address).await;
    for path in [
        "/",
        "/v1",
        "/v2/models",
        "/v1/../user/balance",
        "/v1/%2e%2e/user/balance",
        "/metrics",
        "/drain",
    ] {
        assert_eq!(
            gateway
                .ask(request(&format!("GET {path}"), "", ""))
                .await
                .status(),
            404,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_announced_or_not() {
    let address = upstream(|mut wire| async move { wire.until_closed().await }).await;
    let gateway = Gateway::before(&address).await;
    let announced = gateway
        .ask(request("POST /v1/files", "", &"x".repeat(100_001)))
        .await;
    assert_eq!(announced.status(), 413);
    assert!(
        announced.text().contains("100000 bytes"),
        "{}",
        announced.text()
    );

    let chunks = format!("C351\r\n{}\r\n", "x".repeat(50_001)).repeat(2);
    let start = format!(
        "POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: {KEY}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    assert_eq!(gateway.ask(start + &chunks).await.status(), 413);
}

#[tokio::test]
async fn an_upstream_in_trouble_becomes_an_honest_error() {
    // Bound and not listening: it refuses, and nobody else can be given its port.
    let unused = TcpSocket::new_v4().unwrap();
    unused.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = unused.local_addr().unwrap().to_string();
    let broken = upstream(|mut wire| async move { drop(wire.message().await) }).await;
    let silent = upstream(|mut wire| async move { wire.until_closed().await }).await;
    let refusing = upstream(|mut wire| async move {
        wire.message().await;
        wire.send(json(
            "401 Unauthorized",
            "{\"error\":{\"message\":\"Your api key: ****nary is invalid\"}}",
        ))
        .await;
    })
    .await;
    let silence = Gateway::with_timeout(&silent, "read_timeout_seconds = 1").await;
    for (gateway, status, code) in [
        (Gateway::before(&closed).await, 502, "upstream_unreachable"),
        (Gateway::before(&broken).await, 502, "upstream_broke_off"),
        (silence, 504, "upstream_timeout"),
        (
            Gateway::before(&refusing).await,
            502,
            "upstream_key_refused",
        ),
    ] {
        let reply = gateway
            .ask(request("POST /v1/chat/completions", "", "{}"))
            .await;
        assert_eq!(reply.status(), status, "{code}: {}", reply.text());
        assert!(reply.text().contains(code), "{}", reply.text());
        assert!(reply.header("retry-after").is_some(), "{code}");
        assert!(
            !reply.text().contains("nary") && !reply.text().contains("127.0.0.1"),
            "{}",
            reply.text()
        );
    }
}

#[tokio::test]
async fn the_upstreams_other_errors_are_its_own() {
    let words = "{\"error\":{\"message\":\"unknown parameter\"}}";
    let address = upstream(move |mut wire| async move {
        wire.message().await;
        wire.send(json("422 Unprocessable Entity", words)).await;
    })
    .await;
    let gateway = Gateway::before(&address).await;
    let reply = gateway
        .ask(request("POST /v1/chat/completions", "", "{}"))
        .await;
    assert_eq!((reply.status(), reply.text()), (422, words));
}
