//! The address that the operator's machine has on the internet, as a service out there sees it.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http_body_util::Full;
use hyper::header::HOST;
use hyper::{Request, StatusCode};

use super::exchange::{Patience, exchange};
use super::service::Service;

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(5),
};

/// Asks a service for the caller's address: an `http` or `https` URL that answers with it as plain text.
///
/// Nodes are reached over IPv4, so the service is asked over IPv4 when it can be.
pub async fn operator_address(service_url: &str) -> Result<IpAddr> {
    ask(service_url).await.with_context(|| {
        format!("cannot learn this machine's address from {service_url}; name your network in `ssh.allow`, or another `ssh.address_service`")
    })
}

async fn ask(service_url: &str) -> Result<IpAddr> {
    let service = Service::parse(service_url)?;
    let destination = service.destination().await?;
    let request = Request::get(&service.path)
        .header(HOST, &service.authority)
        .body(Full::default())?;
    let reply = exchange(&destination, request, PATIENCE).await?;
    ensure!(
        reply.status == StatusCode::OK,
        "it answered {}",
        reply.status
    );
    let text: String = String::from_utf8_lossy(&reply.body)
        .trim()
        .chars()
        .take(60)
        .collect();
    text.parse()
        .ok()
        .with_context(|| format!("it answered `{text}`, which is no address"))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    async fn asked_of(answer: &'static str) -> Result<IpAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ip?v=4", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 1024];
            let length = stream.read(&mut asked).await.unwrap();
            assert!(asked[..length].starts_with(b"GET /ip?v=4 HTTP/1.1\r\nhost: 127.0.0.1:"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let address = operator_address(&url).await;
        served.await.unwrap();
        address
    }

    #[tokio::test]
    async fn the_services_word_is_taken_and_nonsense_is_not() {
        let address = asked_of("HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n198.51.100.7\n")
            .await
            .unwrap();
        assert_eq!(address.to_string(), "198.51.100.7");
        let message = format!(
            "{:#}",
            asked_of("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
                .await
                .unwrap_err()
        );
        assert!(
            message.ends_with("it answered `hello`, which is no address"),
            "{message}"
        );
        let message = format!(
            "{:#}",
            asked_of("HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap_err()
        );
        assert!(message.ends_with("it answered 302 Found"), "{message}");
    }

    #[tokio::test]
    async fn a_wrong_url_is_told() {
        for (url, why) in [
            ("ftp://a.example", "must start with"),
            ("checkip", "must start with"),
            ("http://", "no URL"),
        ] {
            let message = format!("{:#}", operator_address(url).await.unwrap_err());
            assert!(
                message.contains(why) && message.contains("ssh.address_service"),
                "{message}"
            );
        }
    }
}
