//! Streams: each event at once, an honest end, and nobody working for a client that left.

use tokio::sync::mpsc::unbounded_channel;

use crate::stage::{Gateway, Wire, request, soon, upstream};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// Nothing goes down before the first token: until then another upstream may have to be asked.
const EVENTS: [&str; 4] = [
    "data: {\"n\":1}\n\n",
    ": keep-alive\n\n",
    "data: {\"n\":2}\n\n",
    "data: [DONE]\n\n",
];

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

async fn ask(gateway: &Gateway, path: &str) -> (Wire, String) {
    let mut client = Wire::to(&gateway.clients).await;
    client
        .send(request(&format!("POST {path}"), "", "{\"stream\":true}"))
        .await;
    let head = client.head().await.expect("no answer");
    (client, head)
}

#[tokio::test]
async fn each_event_arrives_before_the_next_is_made() {
    let (go_on, gate) = unbounded_channel::<()>();
    let gate = std::sync::Arc::new(tokio::sync::Mutex::new(gate));
    let address = upstream(move |mut wire| {
        let gate = gate.clone();
        async move {
            wire.message().await;
            wire.send(HEAD).await;
            for event in EVENTS {
                wire.send(chunk(event)).await;
                gate.lock().await.recv().await;
            }
            wire.send("0\r\n\r\n").await;
        }
    })
    .await;
    let mut gateway = Gateway::before(&address).await;
    let (mut client, head) = ask(&gateway, "/v1/chat/completions").await;
    assert!(head.contains("x-accel-buffering: no\r\n"), "{head}");
    for event in EVENTS {
        assert_eq!(client.chunk().await.unwrap().unwrap(), event.as_bytes());
        go_on.send(()).unwrap();
    }
    assert_eq!(client.chunk().await, Ok(None));
    assert!(
        gateway
            .logged("\"event\":\"request\"")
            .await
            .contains("\"end\":\"complete\"")
    );
}

#[tokio::test]
async fn a_cut_stream_ends_in_an_error_and_never_cleanly() {
    for (sent, last, clean) in [
        ("data: {\"n\":1}\n\n", "data: {\"error\":", true),
        ("data: {\"n\":1}\n\n", "data: {\"error\":", false),
        (
            "data: {\"n\":1}\n\ndata: {\"half",
            "\n\ndata: {\"error\":",
            false,
        ),
    ] {
        let address = upstream(move |mut wire| async move {
            wire.message().await;
            wire.send(HEAD.to_owned() + &chunk(sent)).await;
            if clean {
                wire.send("0\r\n\r\n").await;
            }
        })
        .await;
        let mut gateway = Gateway::before(&address).await;
        let (mut client, _) = ask(&gateway, "/v1/chat/completions").await;
        assert_eq!(client.chunk().await.unwrap().unwrap(), sent.as_bytes());
        let event = String::from_utf8(client.chunk().await.unwrap().expect("a clean end")).unwrap();
        assert!(
            event.starts_with(last) && event.contains("upstream_cut") && event.ends_with("}}\n\n"),
            "{event:?}"
        );
        assert!(client.chunk().await.is_err(), "a clean end after the error");
        assert!(
            gateway
                .logged("\"event\":\"request\"")
                .await
                .contains("\"end\":\"upstream_cut\"")
        );
    }
}

#[tokio::test]
async fn a_silent_stream_is_cut_as_well() {
    let address = upstream(|mut wire| async move {
        wire.message().await;
        wire.send(HEAD.to_owned() + &chunk("data: {\"n\":1}\n\n"))
            .await;
        wire.until_closed().await;
    })
    .await;
    let gateway = Gateway::with_timeout(&address, "idle_timeout_seconds = 1").await;
    let (mut client, _) = ask(&gateway, "/v1/chat/completions").await;
    client.chunk().await.unwrap();
    let event = String::from_utf8(client.chunk().await.unwrap().unwrap()).unwrap();
    assert!(event.contains("fell silent"), "{event}");
}

#[tokio::test]
async fn streams_with_other_end_marks_may_end_cleanly() {
    let address = upstream(|mut wire| async move {
        wire.message().await;
        wire.send(
            HEAD.to_owned() + &chunk("event: response.completed\ndata: {}\n\n") + "0\r\n\r\n",
        )
        .await;
    })
    .await;
    let gateway = Gateway::before(&address).await;
    let (mut client, _) = ask(&gateway, "/v1/responses").await;
    assert!(client.chunk().await.unwrap().is_some());
    assert_eq!(client.chunk().await, Ok(None));
}

#[tokio::test]
async fn a_client_that_leaves_cancels_upstream_before_and_within_the_answer() {
    for is_answering in [false, true] {
        let (gone, mut cancelled) = unbounded_channel();
        let (started, mut running) = unbounded_channel();
        let address = upstream(move |mut wire| {
            let (gone, started) = (gone.clone(), started.clone());
            async move {
                wire.message().await;
                if is_answering {
                    wire.send(HEAD.to_owned() + &chunk("data: {\"n\":1}\n\n"))
                        .await;
                }
                started.send(()).unwrap();
                wire.until_closed().await;
                gone.send(()).unwrap();
            }
        })
        .await;
        let mut gateway = Gateway::before(&address).await;
        let mut client = Wire::to(&gateway.clients).await;
        client
            .send(request(
                "POST /v1/chat/completions",
                "",
                if is_answering {
                    "{\"stream\":true}"
                } else {
                    "{}"
                },
            ))
            .await;
        running.recv().await;
        if is_answering {
            client.head().await.unwrap();
            client.chunk().await.unwrap();
        }
        drop(client);
        soon(cancelled.recv()).await.unwrap();
        assert!(
            gateway
                .logged("\"event\":\"request\"")
                .await
                .contains("\"end\":\"client_gone\"")
        );
    }
}
