//! Questions to one node: is it well, and what does it answer to a chat message.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Request, StatusCode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};

use super::exchange::{Destination, Patience, exchange, tls_trusting, web_roots};
use crate::line::Secret;

const HEALTH: Patience = Patience {
    connect: Duration::from_secs(3),
    total: Duration::from_secs(3),
};
/// Someone waits in front of a terminal; a provider that needs longer is worth telling about.
const CHAT: Patience = Patience {
    connect: Duration::from_secs(5),
    total: Duration::from_mins(2),
};
/// How much of a refusal is worth repeating.
const REFUSAL_CHARS: usize = 500;

/// A client of lines: whom it trusts.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(super) tls: Arc<ClientConfig>,
    port: u16,
}

/// A chat question for one node.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The name to call the node by, in TLS and HTTP: the line's host name, or the node's address on a line without a domain.
    pub host: &'a str,
    /// The key to call with.
    pub api_key: &'a Secret,
    /// The model to ask for.
    pub model: &'a str,
    /// What to say.
    pub text: &'a str,
}

/// What a node answered to a question, refusals included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The assistant's words; with a status other than 200 what the refusal said, cut short.
    pub text: String,
    /// The node that answered, as it calls itself (`x-dsline-node`).
    pub node: Option<String>,
    /// What the cache had to do with it (`x-dsline-cache`).
    pub cache: Option<String>,
    /// Milliseconds from connecting to the first byte of the answer.
    pub first_byte_ms: u64,
    /// Milliseconds from connecting to the last byte of the answer.
    pub total_ms: u64,
}

/// A node's answer to the question that Route 53's checkers ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The HTTP status; 200 is healthy.
    pub status: u16,
    /// Milliseconds from connecting to the end of the answer.
    pub millis: u64,
}

impl Health {
    /// Whether Route 53 would count the answer as healthy (2xx or 3xx).
    pub fn is_healthy(self) -> bool {
        (200..400).contains(&self.status)
    }
}

impl Caller {
    /// A caller that trusts the authorities in a PEM text and no others.
    pub fn trusting(pem: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.context("the authority's certificate is no PEM")?;
            roots
                .add(certificate)
                .context("the authority's certificate cannot be used")?;
        }
        anyhow::ensure!(
            !roots.is_empty(),
            "the authority's PEM text holds no certificate"
        );
        Ok(Self {
            tls: tls_trusting(roots),
            port: 443,
        })
    }

    /// A caller that trusts the authorities that browsers trust.
    pub fn public() -> Self {
        Self {
            tls: tls_trusting(web_roots()),
            port: 443,
        }
    }
}

/// Asks a node `GET /healthz` over plain HTTP on port 80, within 3 seconds.
pub async fn healthz(address: Ipv4Addr) -> Result<Health> {
    healthz_at(address, 80).await
}

/// Asks a node `GET /healthz` as its users reach it: over TLS on port 443, by the line's host name, within 3 seconds.
pub async fn healthz_by_tls(caller: &Caller, address: Ipv4Addr, host: &str) -> Result<Health> {
    let destination = Destination {
        address: (address, caller.port).into(),
        tls: Some((caller.tls.clone(), host.to_owned())),
    };
    health_of(&destination, host).await
}

async fn healthz_at(address: Ipv4Addr, port: u16) -> Result<Health> {
    let destination = Destination {
        address: (address, port).into(),
        tls: None,
    };
    health_of(&destination, &address.to_string()).await
}

async fn health_of(destination: &Destination, host: &str) -> Result<Health> {
    let request = Request::get("/healthz")
        .header(HOST, host)
        .body(Full::default())
        .with_context(|| format!("`{host}` is no host name"))?;
    let reply = exchange(destination, request, HEALTH).await?;
    Ok(Health {
        status: reply.status.as_u16(),
        millis: millis(reply.total),
    })
}

/// Asks a node one chat question over TLS on port 443, whatever DNS says about the host name.
///
/// A refusal is an [`Answer`] with its status; an error means that no answer came, or one that is no chat completion.
pub async fn chat(caller: &Caller, address: Ipv4Addr, question: &Question<'_>) -> Result<Answer> {
    let tls = Some((caller.tls.clone(), question.host.to_owned()));
    let destination = Destination {
        address: (address, caller.port).into(),
        tls,
    };
    let reply = exchange(&destination, request_of(question)?, CHAT).await?;
    let text = match reply.status {
        StatusCode::OK => words_of(&reply.body)
            .with_context(|| format!("{address} answered 200 but no chat completion"))?,
        _ => String::from_utf8_lossy(&reply.body)
            .trim()
            .chars()
            .take(REFUSAL_CHARS)
            .collect(),
    };
    Ok(Answer {
        status: reply.status.as_u16(),
        text,
        node: header(&reply.headers, "x-dsline-node"),
        cache: header(&reply.headers, "x-dsline-cache"),
        first_byte_ms: millis(reply.first_byte),
        total_ms: millis(reply.total),
    })
}

fn request_of(question: &Question<'_>) -> Result<Request<Full<Bytes>>> {
    let body = json!({ "model": question.model, "messages": [{ "role": "user", "content": question.text }] });
    let bearer = format!("Bearer {}", question.api_key.expose());
    let mut bearer = HeaderValue::from_str(&bearer)
        .ok()
        .context("the API key has characters that no header may carry")?;
    bearer.set_sensitive(true);
    Request::post("/v1/chat/completions")
        .header(HOST, question.host)
        .header(AUTHORIZATION, bearer)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(body.to_string()))
        .with_context(|| format!("`{}` is no host name", question.host))
}

fn words_of(body: &[u8]) -> Result<String> {
    let body: Value = serde_json::from_slice(body).context("the body is no JSON")?;
    let words = body
        .pointer("/choices/0/message/content")
        .and_then(Value::as_str);
    Ok(words
        .context("`choices[0].message.content` is missing")?
        .to_owned())
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("bounded by minutes")
}

#[cfg(test)]
mod tests {
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpSocket};
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::line::{Authority, LineSecret};

    const HOST_NAME: &str = "llm.example.com";

    fn authority(byte: u8) -> Authority {
        Authority::new(
            &"home".parse().unwrap(),
            &LineSecret::from_bytes([byte; 32]),
        )
    }

    fn acceptor() -> TlsAcceptor {
        let now = jiff::Timestamp::now();
        let issued = authority(1).issue(&[HOST_NAME.to_owned(), "127.0.0.1".to_owned()], now);
        let chain = CertificateDer::pem_slice_iter(issued.chain_pem.as_bytes())
            .map(Result::unwrap)
            .collect();
        let key = PrivateKeyDer::from_pem_slice(issued.key_pem.expose().as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        TlsAcceptor::from(Arc::new(
            config
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .unwrap(),
        ))
    }

    /// Answers one connection with a fixed text; returns its port and, when it is done, what it was asked.
    async fn serve_once(tls: bool, answer: String) -> (u16, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            if !tls {
                return reply(tcp, &answer).await;
            }
            match acceptor().accept(tcp).await {
                Ok(stream) => reply(stream, &answer).await,
                Err(error) => error.to_string(),
            }
        });
        (port, served)
    }

    async fn reply(
        mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
        answer: &str,
    ) -> String {
        let mut asked = vec![0; 4096];
        let mut length = 0;
        while !String::from_utf8_lossy(&asked[..length]).contains("\r\n\r\n") {
            length += stream.read(&mut asked[length..]).await.unwrap();
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        String::from_utf8_lossy(&asked[..length]).into_owned()
    }

    fn response(head: &str, body: &str) -> String {
        format!(
            "HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    async fn ask(trusted: u8, host: &str, answer: String) -> (Result<Answer>, String) {
        let (port, served) = serve_once(true, answer).await;
        let caller = Caller {
            port,
            ..Caller::trusting(&authority(trusted).certificate_pem()).unwrap()
        };
        let api_key = Secret::new("dsl-secret");
        let question = Question {
            host,
            api_key: &api_key,
            model: "deepseek-chat",
            text: "hello",
        };
        let answer = chat(&caller, Ipv4Addr::LOCALHOST, &question).await;
        (answer, served.await.unwrap())
    }

    #[tokio::test]
    async fn a_chat_goes_to_the_given_address_under_the_lines_name() {
        let body = r#"{"choices":[{"message":{"role":"assistant","content":"hi"}}]}"#;
        let head = "200 OK\r\nx-dsline-node: us-east-1/1\r\nx-dsline-cache: miss";
        for host in [HOST_NAME, "127.0.0.1"] {
            let (answer, asked) = ask(1, host, response(head, body)).await;
            let answer = answer.unwrap();
            assert_eq!((answer.status, answer.text.as_str()), (200, "hi"));
            assert_eq!(
                (answer.node.as_deref(), answer.cache.as_deref()),
                (Some("us-east-1/1"), Some("miss"))
            );
            assert!(answer.first_byte_ms <= answer.total_ms);
            assert!(
                asked.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
                "{asked}"
            );
            assert!(
                asked.contains(&format!("host: {host}\r\n"))
                    && asked.contains("authorization: Bearer dsl-secret\r\n"),
                "{asked}"
            );
        }
    }

    #[tokio::test]
    async fn a_refusal_is_an_answer_and_nonsense_an_error() {
        let (answer, _) = ask(
            1,
            HOST_NAME,
            response("429 Too Many Requests", "slow down\n"),
        )
        .await;
        let answer = answer.unwrap();
        assert_eq!(
            (answer.status, answer.text.as_str(), answer.node),
            (429, "slow down", None)
        );
        let (answer, _) = ask(1, HOST_NAME, response("200 OK", "<html>")).await;
        let message = format!("{:#}", answer.unwrap_err());
        assert!(
            message
                .starts_with("127.0.0.1 answered 200 but no chat completion: the body is no JSON"),
            "{message}"
        );
    }

    #[tokio::test]
    async fn a_certificate_of_someone_else_or_for_another_name_is_refused() {
        let (answer, _) = ask(2, HOST_NAME, String::new()).await;
        let message = format!("{:#}", answer.unwrap_err());
        assert!(
            message.contains("as `llm.example.com` failed: invalid peer certificate"),
            "{message}"
        );
        let (answer, _) = ask(1, "other.example.com", String::new()).await;
        assert!(
            format!("{:#}", answer.unwrap_err())
                .contains("as `other.example.com` failed: invalid peer certificate")
        );
        assert!(Caller::trusting("nothing").is_err());
    }

    #[tokio::test]
    async fn health_is_told_with_its_status_and_a_closed_port_by_name() {
        let (port, served) =
            serve_once(false, response("503 Service Unavailable", "draining")).await;
        let health = healthz_at(Ipv4Addr::LOCALHOST, port).await.unwrap();
        assert!(health.status == 503 && !health.is_healthy());
        assert!(
            served
                .await
                .unwrap()
                .starts_with("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n")
        );
        // Bound and not listening: nobody else can have it.
        let closed = TcpSocket::new_v4().unwrap();
        closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = closed.local_addr().unwrap().port();
        let message = format!(
            "{:#}",
            healthz_at(Ipv4Addr::LOCALHOST, port).await.unwrap_err()
        );
        assert!(
            message.starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")),
            "{message}"
        );
    }

    #[tokio::test]
    async fn silence_ends_with_the_patience() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let destination = Destination {
            address: listener.local_addr().unwrap(),
            tls: None,
        };
        let patience = Patience {
            connect: Duration::from_mins(1),
            total: Duration::from_millis(50),
        };
        let request = Request::get("/").body(Full::default()).unwrap();
        let message = exchange(&destination, request, patience)
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(
            message.contains("did not answer in full within 50ms"),
            "{message}"
        );
    }
}
