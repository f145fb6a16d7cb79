//! The life of the process: health, drain, reload, stop.

use tokio::sync::mpsc::unbounded_channel;

use crate::stage::{Gateway, Wire, configure, json, request, soon, upstream};

async fn friendly() -> String {
    upstream(|mut wire| async move {
        while wire.message().await.is_some() {
            wire.send(json("200 OK", "{}")).await;
        }
    })
    .await
}

async fn health(gateway: &Gateway, path: &str) -> (u16, String) {
    let reply = gateway
        .ask(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
        .await;
    let operators = gateway.operate("GET", path).await;
    assert_eq!(
        (reply.status(), &reply.body),
        (operators.status(), &operators.body),
        "the two sides disagree"
    );
    (reply.status(), reply.text().trim().to_owned())
}

#[tokio::test]
async fn a_drain_fails_health_and_serves_on() {
    let gateway = Gateway::before(&friendly().await).await;
    assert_eq!(health(&gateway, "/healthz").await, (200, "ok".into()));
    assert_eq!(health(&gateway, "/readyz").await, (200, "ok".into()));
    assert!(
        gateway
            .operate("POST", "/drain")
            .await
            .text()
            .contains("\"draining\":true")
    );
    assert_eq!(health(&gateway, "/healthz").await, (503, "draining".into()));
    assert_eq!(health(&gateway, "/readyz").await, (503, "draining".into()));
    assert_eq!(
        gateway
            .ask(request("GET /v1/models", "", ""))
            .await
            .status(),
        200
    );
    assert!(
        gateway
            .operate("GET", "/metrics")
            .await
            .text()
            .contains("\ndsline_draining 1\n")
    );
    assert_eq!(gateway.operate("DELETE", "/drain").await.status(), 200);
    assert_eq!(health(&gateway, "/healthz").await, (200, "ok".into()));
}

#[tokio::test]
async fn the_operator_sees_what_goes_on() {
    let gateway = Gateway::before(&friendly().await).await;
    gateway.ask(request("GET /v1/models", "", "")).await;
    gateway
        .ask("GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    let status = gateway.shows("/status", "\"in_flight\":0").await;
    for part in [
        "\"node\":\"eu-west-1/1\"",
        "\"line\":\"test\"",
        "\"release\":null",
        "\"draining\":false",
        "\"uptime_seconds\":",
    ] {
        assert!(
            status.text().contains(part),
            "{part} is not in {}",
            status.text()
        );
    }
    for line in [
        "dsline_requests_total{class=\"2xx\"} 1",
        "dsline_requests_total{class=\"4xx\"} 1",
        "dsline_in_flight 0",
    ] {
        gateway.shows("/metrics", line).await;
    }
    assert_eq!(gateway.operate("GET", "/drain").await.status(), 405);
    assert_eq!(gateway.operate("GET", "/v1/models").await.status(), 404);
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight() {
    let (started, mut running) = unbounded_channel();
    let (go_on, gate) = unbounded_channel::<()>();
    let gate = std::sync::Arc::new(tokio::sync::Mutex::new(gate));
    let address = upstream(move |mut wire| {
        let (started, gate) = (started.clone(), gate.clone());
        async move {
            wire.message().await;
            started.send(()).unwrap();
            gate.lock().await.recv().await;
            wire.send(json("200 OK", "{\"late\":1}")).await;
        }
    })
    .await;
    let mut gateway = Gateway::before(&address).await;
    let mut client = Wire::to(&gateway.clients).await;
    client
        .send(request("POST /v1/chat/completions", "", "{}"))
        .await;
    running.recv().await;
    gateway.signal("-TERM");
    assert!(
        gateway
            .logged("\"stopping\"")
            .await
            .contains("1 requests in flight")
    );
    assert!(
        tokio::net::TcpStream::connect(&gateway.clients)
            .await
            .is_err(),
        "new connections are still taken"
    );
    go_on.send(()).unwrap();
    assert_eq!(client.message().await.unwrap().text(), "{\"late\":1}");
    gateway.logged("\"stopped\"").await;
    assert_eq!(soon(gateway.process.wait()).await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_reload_takes_new_keys_and_refuses_broken_files() {
    let mut gateway = Gateway::before(&friendly().await).await;
    let keys = gateway.folder.path().join("client_keys");
    let good = std::fs::read_to_string(&keys).unwrap();
    for (text, event, status) in [
        ("sk-pasted\n", "reload_refused", 200),
        ("", "reloaded", 401),
        (&good, "reloaded", 200),
    ] {
        std::fs::write(&keys, text).unwrap();
        gateway.signal("-HUP");
        let line = gateway.logged(&format!("\"{event}\"")).await;
        assert!(!line.contains("pasted"), "{line}");
        assert_eq!(
            gateway
                .ask(request("GET /v1/models", "", ""))
                .await
                .status(),
            status,
            "{line}"
        );
    }
    std::fs::write(gateway.folder.path().join("upstream_key"), "").unwrap();
    gateway.signal("-HUP");
    gateway.logged("\"reloaded\"").await;
    assert_eq!(
        health(&gateway, "/readyz").await,
        (503, "no upstream key".into())
    );
    assert_eq!(
        gateway
            .ask(request("GET /v1/models", "", ""))
            .await
            .status(),
        503
    );

    configure(gateway.folder.path(), &friendly().await, "");
    gateway.signal("-HUP");
    gateway.logged("\"reloaded\"").await;
    assert_eq!(
        gateway
            .ask(request("GET /v1/models", "", ""))
            .await
            .status(),
        200
    );
}
