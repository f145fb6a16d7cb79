//! The address that the operator's machine has on the internet, as a service out there sees it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use http_body_util::Full;
use hyper::header::HOST;
use hyper::{Request, StatusCode, Uri};

use super::exchange::{Destination, Patience, exchange, tls_trusting, web_roots};

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
    let destination = Destination {
        address: service.locate().await?,
        tls: service
            .is_tls
            .then(|| (tls_trusting(web_roots()), service.host.clone())),
    };
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

/// The parts of the service's URL.
struct Service {
    is_tls: bool,
    host: String,
    port: u16,
    authority: String,
    path: String,
}

impl Service {
    fn parse(url: &str) -> Result<Self> {
        let uri: Uri = url.parse().context("it is no URL")?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(anyhow!("the URL must start with https:// or http://")),
        };
        let authority = uri.authority().context("the URL names no host")?;
        // An IPv6 address stands in brackets in a URL and nowhere else.
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let port = authority
            .port_u16()
            .unwrap_or(if is_tls { 443 } else { 80 });
        let path = uri
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned();
        Ok(Self {
            is_tls,
            host,
            port,
            authority: authority.to_string(),
            path,
        })
    }

    async fn locate(&self) -> Result<SocketAddr> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found = found.with_context(|| format!("cannot find `{}`", self.host))?;
        found
            .min_by_key(SocketAddr::is_ipv6)
            .with_context(|| format!("`{}` has no address", self.host))
    }
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

    #[test]
    fn an_address_in_brackets_is_a_host() {
        let service = Service::parse("http://[::1]:8080/x").unwrap();
        assert_eq!(
            (
                service.host.as_str(),
                service.port,
                service.authority.as_str()
            ),
            ("::1", 8080, "[::1]:8080")
        );
    }
}
