//! Tells a web service what happened, as JSON by POST.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http_body_util::Full;
use hyper::Request;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};

use super::exchange::{Patience, exchange};
use super::service::Service;

/// Sends a JSON document to a URL; anything but an answer of 2xx in time is an error, which names the host only: the rest
/// of the URL may be a secret.
pub async fn post_webhook(url: &str, json: String, timeout: Duration) -> Result<()> {
    let service = Service::parse(url)?;
    let host = service.host.clone();
    let sent = tokio::time::timeout(timeout, send(&service, json, timeout)).await;
    sent.map_err(|_| anyhow::anyhow!("it did not answer within {} s", timeout.as_secs()))
        .and_then(|sent| sent)
        .with_context(|| format!("the webhook at {host} was not told"))
}

async fn send(service: &Service, json: String, timeout: Duration) -> Result<()> {
    let destination = service.destination().await?;
    let request = Request::post(&service.path)
        .header(HOST, &service.authority)
        .header(USER_AGENT, concat!("dsline/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(json))?;
    let patience = Patience {
        connect: timeout,
        total: timeout,
    };
    let reply = exchange(&destination, request, patience).await?;
    ensure!(reply.status.is_success(), "it answered {}", reply.status);
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const DOCUMENT: &str = r#"{"kind":"repair"}"#;
    const PATIENCE: Duration = Duration::from_mins(1);

    /// A receiver that answers one request; returns its URL, and what it was sent.
    async fn receiver(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook/s3cret?x=1", listener.local_addr().unwrap());
        let received = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut got = String::new();
            while !got.ends_with(DOCUMENT) {
                let mut part = [0; 1024];
                let length = stream.read(&mut part).await.unwrap();
                got.push_str(&String::from_utf8_lossy(&part[..length]));
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            if answer.is_empty() {
                // It hangs until the sender has lost its patience.
                let _ = stream.read(&mut [0; 8]).await;
            }
            got
        });
        (url, received)
    }

    #[tokio::test]
    async fn a_receiver_gets_the_document_by_post() {
        let (url, received) = receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
        post_webhook(&url, DOCUMENT.to_owned(), PATIENCE)
            .await
            .unwrap();
        let got = received.await.unwrap();
        assert!(
            got.starts_with("POST /hook/s3cret?x=1 HTTP/1.1\r\nhost: 127.0.0.1:"),
            "{got}"
        );
        assert!(got.contains("content-type: application/json\r\n"), "{got}");
    }

    #[tokio::test]
    async fn a_refusal_and_silence_are_errors_without_the_path() {
        let gone = "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n";
        for (answer, time, told) in [
            (gone, PATIENCE, "it answered 410 Gone"),
            ("", Duration::from_millis(300), "did not answer"),
        ] {
            let (url, _received) = receiver(answer).await;
            let error = post_webhook(&url, DOCUMENT.to_owned(), time)
                .await
                .unwrap_err();
            let error = format!("{error:#}");
            assert!(
                error.starts_with("the webhook at 127.0.0.1 was not told: "),
                "{error}"
            );
            assert!(error.contains(told) && !error.contains("s3cret"), "{error}");
        }
        let error = post_webhook("http://127.0.0.1:9/", String::new(), PATIENCE).await;
        assert!(error.is_err());
    }
}
