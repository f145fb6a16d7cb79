//! What guard and limits cost per request, with ten thousand keys, tokens and addresses. Prints a table.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a measurement prints, and stops when it cannot go on"
)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dsline_gateway::config::{Auth, Quota};
use dsline_gateway::guard::{Gate, survive};
use dsline_gateway::limit::{Allowance, Demand, Limiter, tokens};
use http::{HeaderMap, HeaderValue};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::digest::{SHA256, digest};
use serde_json::json;

const MANY: usize = 10_000;
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn main() {
    // Signing first would choose the library's slow backend for this process; the gateway never signs.
    survive(b"");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        guard().await;
        limits().await;
    });
}

fn show(what: &str, times: usize, took: Duration) {
    println!(
        "{what:<58} {:>10.3} µs",
        took.as_secs_f64() * 1e6 / times as f64
    );
}

fn bearer(text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::try_from(format!("Bearer {text}")).unwrap();
    headers.insert("authorization", value);
    headers.insert("x-real-ip", HeaderValue::from_static("203.0.113.77"));
    headers
}

/// Admits each once; whether they got in.
async fn admit_all(gate: &Gate, all: &[HeaderMap], expected: bool) -> Duration {
    let began = Instant::now();
    for headers in all {
        let address = gate.client(HERE, headers);
        let admitted = gate.admit(address, headers).await;
        assert_eq!(black_box(admitted).is_ok(), expected);
    }
    began.elapsed()
}

async fn guard() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let keys: Vec<String> = (0..MANY).map(|n| format!("dsl-{n:040}")).collect();
    let line = |key: &String| {
        let hash = digest(&SHA256, key.as_bytes());
        let hex: String = hash
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("sha256:{hex} name=n tenant=t rpm=1000\n")
    };
    std::fs::write(path("keys"), keys.iter().map(line).collect::<String>()).unwrap();
    let revoked: String = (0..MANY).map(|n| format!("jti:revoked-{n}\n")).collect();
    std::fs::write(path("revoked"), revoked).unwrap();
    std::fs::write(path("secret"), "5a".repeat(32)).unwrap();
    let signers = signers();
    let public: Vec<Jwk> = signers[1..]
        .iter()
        .map(|(algorithm, key)| Jwk::from_encoding_key(key, *algorithm).unwrap())
        .collect();
    std::fs::write(path("jwks"), json!({ "keys": public }).to_string()).unwrap();
    let place = folder.path().display();
    let auth: Auth = toml::from_str(&format!(
        "revoked_file = '{place}/revoked'\nallow = ['203.0.113.0/24', '10.0.0.0/8', '2001:db8::/32']\n[jwt]\n\
         issuers = ['dsline']\naudiences = ['chat']\nalgorithms = ['HS256', 'RS256', 'ES256', 'EdDSA']\n\
         secret_file = '{place}/secret'\njwks_file = '{place}/jwks'"
    ))
    .unwrap();
    let began = Instant::now();
    let gate = Gate::load(&path("keys"), &auth, None).unwrap();
    println!(
        "load {:?}: {} ms",
        gate.counts(),
        began.elapsed().as_millis()
    );

    let known: Vec<_> = keys.iter().map(|key| bearer(key)).collect();
    let unknown: Vec<_> = (0..MANY).map(|n| bearer(&format!("no-{n:041}"))).collect();
    admit_all(&gate, &known, true).await;
    show(
        "API key, 10,000 known, address and allowlist",
        MANY,
        admit_all(&gate, &known, true).await,
    );
    show(
        "unknown API key",
        MANY,
        admit_all(&gate, &unknown, false).await,
    );
    for (algorithm, key) in &signers {
        let count = if *algorithm == Algorithm::RS256 {
            500
        } else {
            2000
        };
        let all: Vec<_> = (0..count)
            .map(|n| bearer(&token(*algorithm, key, n)))
            .collect();
        let cold = admit_all(&gate, &all, true).await;
        show(&format!("token {algorithm:?}, first time"), count, cold);
        let warm = admit_all(&gate, &all, true).await;
        show(&format!("token {algorithm:?}, seen before"), count, warm);
    }
    let (_, secret) = &signers[0];
    let all: Vec<_> = (0..MANY)
        .map(|n| bearer(&token(Algorithm::HS256, secret, MANY + n)))
        .collect();
    admit_all(&gate, &all, true).await;
    // The shelves were full of the others: what was put out comes back now.
    admit_all(&gate, &all, true).await;
    show(
        "token HS256, seen before, 10,000 of them",
        MANY,
        admit_all(&gate, &all, true).await,
    );
}

fn signers() -> [(Algorithm, EncodingKey); 4] {
    let random = ring::rand::SystemRandom::new();
    let curve = &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let p256 = ring::signature::EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap();
    let head = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    let ed25519 = [&head[..], &[7; 32]].concat();
    let rsa = include_bytes!("../tests/keys/rsa-2048.test.pem");
    [
        (Algorithm::HS256, EncodingKey::from_secret(&[0x5a; 32])),
        (Algorithm::RS256, EncodingKey::from_rsa_pem(rsa).unwrap()),
        (Algorithm::ES256, EncodingKey::from_ec_der(p256.as_ref())),
        (Algorithm::EdDSA, EncodingKey::from_ed_der(&ed25519)),
    ]
}

fn token(algorithm: Algorithm, key: &EncodingKey, number: usize) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let claims = json!({
        "iss": "dsline", "aud": "chat", "sub": format!("user-{number}"), "tenant": "team-a",
        "exp": now + 3600, "nbf": now, "iat": now, "jti": format!("0123456789abcdef-{number}"),
    });
    encode(&Header::new(algorithm), &claims, key).unwrap()
}

async fn limits() {
    let quota: Quota =
        toml::from_str("requests_per_minute = 1000000\naddress_requests_per_minute = 1000000")
            .unwrap();
    let limiter = Limiter::new(&quota);
    let account = |n: usize| {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        id
    };
    let plain = Demand {
        tokens: tokens(2000, None),
        stream: false,
    };
    let all = Demand {
        stream: true,
        ..plain
    };
    let none = Allowance::default();
    let with_tokens = Allowance {
        tpm: Some(1_000_000_000),
        ..none
    };
    for (what, allowance, demand) in [
        ("limits of a key: requests, 10,000 keys", none, plain),
        (
            "limits of a key: requests, tokens, streams, settled",
            with_tokens,
            all,
        ),
    ] {
        let mut took = Duration::ZERO;
        for _ in 0..3 {
            let began = Instant::now();
            for n in 0..MANY {
                let mut ticket = limiter.admit(account(n), &allowance, demand).ok().unwrap();
                ticket.settle(700);
            }
            took = began.elapsed();
        }
        show(what, MANY, took);
    }
    let hungry = Allowance {
        rpm: Some(1),
        ..none
    };
    drop(limiter.admit(account(MANY), &hungry, plain));
    let began = Instant::now();
    for _ in 0..MANY {
        assert!(limiter.admit(account(MANY), &hungry, plain).is_err());
    }
    show("a request over its limit", MANY, began.elapsed());
    let address = |n: u32| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + n));
    let mut took = Duration::ZERO;
    for _ in 0..3 {
        let began = Instant::now();
        (0..10_000).for_each(|n| limiter.address(address(n)).unwrap());
        took = began.elapsed();
    }
    show("limit of an address, 10,000 of them", MANY, took);
    let began = Instant::now();
    (0..300_000).for_each(|n| limiter.address(address(n)).unwrap());
    show(
        "limit of an address, a flood of 300,000",
        300_000,
        began.elapsed(),
    );
    permits(&limiter).await;
    let began = Instant::now();
    limiter.tidy();
    show("tidying all of it, once a minute", 1, began.elapsed());
    println!("{:?}", limiter.figures());
}

async fn permits(limiter: &Arc<Limiter>) {
    let tenant: Arc<str> = "team-a".into();
    let began = Instant::now();
    for _ in 0..MANY {
        drop(limiter.permit(&tenant).await.ok().unwrap());
    }
    show("an upstream permit that is free", MANY, began.elapsed());
}
