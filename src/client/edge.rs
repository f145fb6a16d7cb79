//! A node's edge as strangers see it: which ports answer, which TLS is spoken, what is said to an attack.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::join_all;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{HOST, HeaderMap};
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::exchange::{Destination, Patience, Reply, exchange, tls_trusting};
use crate::line::Outside;

/// What a node might leave open by mistake: file and mail servers, databases, Docker, exporters, our own inner ports.
const DOORS: [u16; 22] = [
    21, 22, 23, 25, 53, 80, 111, 443, 2375, 2376, 3000, 3306, 5432, 6379, 8000, 8080, 8081, 8082,
    8443, 9090, 9100, 11211,
];
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(10),
};
/// A request that every rule set knows.
const ATTACK: &str = "/v1/models?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E";

/// Looks at a node from here; `ports` are tried besides those that are often left open by mistake.
pub async fn edge(address: Ipv4Addr, host: &str, ports: &BTreeSet<u16>) -> Outside {
    let tried: BTreeSet<u16> = DOORS.iter().chain(ports).copied().collect();
    let looks = join_all(tried.iter().map(|port| is_open(address, *port))).await;
    let open: BTreeSet<u16> = tried
        .iter()
        .zip(looks)
        .filter_map(|(port, is_open)| is_open.then_some(*port))
        .collect();
    let (old_tls, attack, plain) = tokio::join!(
        old_tls(address),
        ask(address, host, ATTACK, true),
        ask(address, host, "/", false)
    );
    let header = |headers: &HeaderMap, name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let headers = attack.as_ref().ok().map(|reply| &reply.headers);
    Outside {
        hsts: headers.and_then(|headers| header(headers, "strict-transport-security")),
        server: headers.and_then(|headers| header(headers, "server")),
        attack: attack.as_ref().ok().map(|reply| reply.status.as_u16()),
        plain: plain.ok().map(|reply| reply.status.as_u16()),
        old_tls: open.contains(&443).then_some(old_tls),
        open,
        tried,
    }
}

async fn is_open(address: Ipv4Addr, port: u16) -> bool {
    let connected = timeout(Duration::from_secs(2), TcpStream::connect((address, port)));
    matches!(connected.await, Ok(Ok(_)))
}

/// The versions before 1.3 that a server takes.
async fn old_tls(address: Ipv4Addr) -> BTreeSet<String> {
    let versions = [(1_u8, "1.0"), (2, "1.1"), (3, "1.2")];
    let answers = join_all(
        versions
            .iter()
            .map(|(minor, _)| timeout(Duration::from_secs(5), is_taken(address, *minor))),
    )
    .await;
    versions
        .iter()
        .zip(answers)
        .filter_map(|((_, name), taken)| matches!(taken, Ok(Ok(true))).then(|| (*name).to_owned()))
        .collect()
}

/// Whether a hello of an old version is answered by a hello: a record of type 22 (handshake), not 21 (alert).
async fn is_taken(address: Ipv4Addr, minor: u8) -> Result<bool> {
    let mut stream = TcpStream::connect((address, 443)).await?;
    stream.write_all(&hello(minor)).await?;
    let mut kind = [0];
    stream.read_exact(&mut kind).await?;
    Ok(kind[0] == 22)
}

/// A `ClientHello` of TLS 1.`minor - 1` (RFC 5246, 7.4.1.2) with the suites and curves that old servers know.
///
/// Written by hand since no library of ours speaks a version this old.
fn hello(minor: u8) -> Vec<u8> {
    const SUITES: [u16; 10] = [
        0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca9, 0xc009, 0xc013, 0xc014, 0x002f, 0x0035,
    ];
    // Curves P-256 and X25519, their points uncompressed, and signatures with SHA-256, SHA-384 and SHA-1.
    const EXTENSIONS: [u8; 32] = [
        0, 10, 0, 6, 0, 4, 0, 23, 0, 29, 0, 11, 0, 2, 1, 0, 0, 13, 0, 10, 0, 8, 4, 3, 4, 1, 5, 3,
        2, 1, 0, 0,
    ];
    let mut body = vec![3, minor];
    body.extend([7; 32]);
    body.extend([0, 0, 2 * 10]);
    body.extend(SUITES.iter().flat_map(|suite| suite.to_be_bytes()));
    body.extend([1, 0]);
    body.extend([0, 30]);
    body.extend(&EXTENSIONS[..30]);
    let length = |bytes: &[u8]| {
        u16::try_from(bytes.len())
            .expect("a hello is short")
            .to_be_bytes()
    };
    let mut hello = vec![1, 0];
    hello.extend(length(&body));
    hello.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend(length(&hello));
    record.extend(hello);
    record
}

async fn ask(address: Ipv4Addr, host: &str, target: &str, with_tls: bool) -> Result<Reply> {
    let destination = Destination {
        address: SocketAddr::from((address, if with_tls { 443 } else { 80 })),
        tls: with_tls.then(|| (trusting_anybody(), host.to_owned())),
    };
    let request = Request::get(target)
        .header(HOST, host)
        .body(Full::new(Bytes::new()))
        .context("the question cannot be written")?;
    exchange(&destination, request, PATIENCE).await
}

/// Only what anybody may see is asked for, and no secret is sent; whether the certificate is good is asked elsewhere.
fn trusting_anybody() -> Arc<ClientConfig> {
    let mut config = (*tls_trusting(RootCertStore::empty())).clone();
    config
        .dangerous()
        .set_certificate_verifier(Arc::new(Anybody));
    Arc::new(config)
}

#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_says_how_long_it_is() {
        let hello = hello(3);
        let stated = |at: usize| usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
        assert_eq!(stated(3), hello.len() - 5);
        assert_eq!(stated(7), hello.len() - 9);
        assert_eq!(hello[9..11], [3, 3]);
    }
}
