//! Tests: forged, stale and misdirected tokens at the gate, and the genuine ones beside them.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::caller::Caller;
use super::credential::hash;
use super::denial::Denial;
use super::gate::{Gate, Report};
use super::signature::use_ring;
use crate::config::Auth;
use crate::limit::Allowance;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SECRET: [u8; 32] = [0x5a; 32];
const RSA: &[u8] = include_bytes!("../../tests/keys/rsa-2048.test.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("../../tests/keys/rsa-2048.pub.pem");

/// A private key for each algorithm.
static SIGNERS: LazyLock<[(Algorithm, EncodingKey); 4]> = LazyLock::new(|| {
    use_ring();
    let random = SystemRandom::new();
    let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    [
        (Algorithm::HS256, EncodingKey::from_secret(&SECRET)),
        (Algorithm::RS256, EncodingKey::from_rsa_pem(RSA).unwrap()),
        (Algorithm::ES256, EncodingKey::from_ec_der(ec.as_ref())),
        (Algorithm::EdDSA, ed25519(7)),
    ]
});

/// A private key in the form of RFC 8410, which is not the form that `ring` writes.
fn ed25519(seed: u8) -> EncodingKey {
    let head = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    EncodingKey::from_ed_der(&[&head[..], &[seed; 32]].concat())
}

/// A node's files.
struct Stage(TempDir);

impl Stage {
    fn new() -> Self {
        let stage = Self(tempfile::tempdir().unwrap());
        let mut keys = Vec::new();
        for (algorithm, key) in &SIGNERS[1..] {
            let mut jwk =
                serde_json::to_value(Jwk::from_encoding_key(key, *algorithm).unwrap()).unwrap();
            jwk["kid"] = json!(format!("{algorithm:?}"));
            keys.push(jwk);
        }
        stage.write("jwks", &json!({ "keys": keys }).to_string());
        stage.write("secret", &format!("HS256 {}", "5a".repeat(32)));
        let hex: String = hash(b"sk-1")
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        stage.write("keys", &format!("sha256:{hex} name=alice tenant=team"));
        stage
    }

    fn write(&self, name: &str, text: &str) {
        let new = self.0.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.0.path().join(name)).unwrap();
    }

    fn gate(&self, pinned: &str, more: &str) -> Gate {
        let folder = self.0.path().display();
        let auth: Auth = toml::from_str(&format!(
            "revoked_file = '{folder}/revoked'\n{more}\n[jwt]\nissuers = ['dsline']\naudiences = ['chat']\n\
             algorithms = [{pinned}]\nsecret_file = '{folder}/secret'\njwks_file = '{folder}/jwks'\nleeway_seconds = 30"
        ))
        .unwrap();
        Gate::load(&self.0.path().join("keys"), &auth, None).unwrap()
    }
}

const ALL: &str = "'HS256', 'RS256', 'ES256', 'EdDSA'";

fn claims() -> Value {
    let now = get_current_timestamp();
    json!({"iss": "dsline", "aud": "chat", "sub": "bob", "exp": now + 600, "nbf": now - 5, "jti": "t-1"})
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[key] = value;
    claims
}

fn signed(algorithm: Algorithm, header: Header, claims: &Value) -> String {
    let (_, key) = SIGNERS
        .iter()
        .find(|(known, _)| *known == algorithm)
        .unwrap();
    encode(
        &Header {
            alg: algorithm,
            ..header
        },
        claims,
        key,
    )
    .unwrap()
}

fn genuine(algorithm: Algorithm) -> String {
    signed(
        algorithm,
        Header {
            kid: Some(format!("{algorithm:?}")),
            ..Header::default()
        },
        &claims(),
    )
}

fn admit(gate: &Gate, token: &str) -> Result<Arc<Caller>, Denial> {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    headers.insert(http::header::AUTHORIZATION, value);
    gate.admit_at(HERE, &headers, get_current_timestamp())
}

/// A token whose header is any text, with a signature of ours over it.
fn header_of(text: &str) -> String {
    let (_, key) = &SIGNERS[0];
    let header: Value = serde_json::from_str(text).unwrap();
    // An odd header cannot be encoded by the library: it is swapped in, and signed by hand.
    let plain = genuine(Algorithm::HS256);
    let claims = plain.split('.').nth(1).unwrap();
    let odd = encode(&Header::default(), &header, key).unwrap();
    let message = format!("{}.{claims}", odd.split('.').nth(1).unwrap());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

#[test]
fn every_algorithm_is_accepted_when_it_is_pinned_and_refused_when_not() {
    let stage = Stage::new();
    let gate = stage.gate(ALL, "");
    for (algorithm, _) in SIGNERS.iter() {
        let caller = admit(&gate, &genuine(*algorithm)).unwrap();
        assert_eq!((&*caller.subject, &*caller.tenant), ("bob", "dsline/bob"));
        let nameless = signed(*algorithm, Header::default(), &claims());
        assert_eq!(admit(&gate, &nameless).unwrap().account, caller.account);
        let one = stage.gate(&format!("'{algorithm:?}'"), "");
        for (other, _) in SIGNERS.iter().filter(|(other, _)| other != algorithm) {
            assert_eq!(
                admit(&one, &genuine(*other)),
                Err(Denial::Unknown),
                "{other:?}"
            );
        }
    }
}

#[test]
fn no_key_serves_another_algorithm() {
    let gate = Stage::new().gate(ALL, "");
    // The classic: HS256 under the text of a public key, which everybody has.
    for public in [RSA_PUBLIC, RSA_PUBLIC.trim_ascii(), b"", &[0; 32]] {
        for kid in [None, Some("RS256"), Some("HS256"), Some("ES256")] {
            let header = Header {
                kid: kid.map(str::to_owned),
                ..Header::default()
            };
            let forged = encode(&header, &claims(), &EncodingKey::from_secret(public)).unwrap();
            assert!(admit(&gate, &forged).is_err());
        }
    }
    // A genuine key under another one's name.
    for kid in ["RS256", "ES256", "EdDSA", "../../secret", "' OR 1=1", ""] {
        let header = Header {
            kid: Some(kid.to_owned()),
            ..Header::default()
        };
        let denial = admit(&gate, &signed(Algorithm::HS256, header, &claims())).unwrap_err();
        assert_eq!(denial, Denial::UnknownSigner, "{kid}");
    }
    for (algorithm, key) in &SIGNERS[1..] {
        for other in [
            Algorithm::RS384,
            Algorithm::PS256,
            Algorithm::ES384,
            Algorithm::HS256,
        ] {
            if let Ok(forged) = encode(&Header::new(other), &claims(), key) {
                assert!(admit(&gate, &forged).is_err(), "{algorithm:?} as {other:?}");
            }
        }
    }
}

#[test]
fn no_signature_is_no_signature() {
    let gate = Stage::new().gate(ALL, "");
    let plain = genuine(Algorithm::HS256);
    let (message, signature) = plain.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let mut forged = vec![
        format!("{message}."),
        format!("{message}.AA"),
        format!("{message}.{signature}="),
        format!("{message}.{}", &signature[1..]),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        "..".to_owned(),
        "ey..".to_owned(),
        format!("{plain}.{signature}"),
        format!(
            "{header}.{}.{signature}",
            genuine(Algorithm::RS256)
                .split('.')
                .nth(1)
                .unwrap()
                .replacen("eyJ", "eyK", 1)
        ),
    ];
    for algorithm in ["none", "None", "NONE", "nOnE", "", "HS999", "hs256"] {
        let odd = header_of(&format!("{{\"alg\":\"{algorithm}\"}}"));
        forged.push(format!("{}.", odd.rsplit_once('.').unwrap().0));
        forged.push(odd);
    }
    for token in forged {
        assert!(admit(&gate, &token).is_err(), "{token}");
    }
}

#[test]
fn odd_headers_are_refused_or_change_nothing() {
    let gate = Stage::new().gate(ALL, "");
    for refused in [
        r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
        r#"{"alg":"HS256","crit":[]}"#,
        r#"{"alg":"HS256","b64":false}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"typ":"JWT"}"#,
        r#"{"alg":"HS256","kid":7}"#,
    ] {
        assert!(admit(&gate, &header_of(refused)).is_err(), "{refused}");
    }
    let long = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "x".repeat(257));
    assert_eq!(admit(&gate, &header_of(&long)), Err(Denial::Malformed));
    // Keys and addresses that a token brings along are not looked at.
    let own = ed25519(8);
    let jwk = Jwk::from_encoding_key(&own, Algorithm::EdDSA).unwrap();
    for kid in [None, Some("EdDSA".to_owned())] {
        let header = Header {
            alg: Algorithm::EdDSA,
            kid,
            jwk: Some(jwk.clone()),
            jku: Some("https://evil.example/keys".into()),
            ..Header::default()
        };
        assert_eq!(
            admit(&gate, &encode(&header, &claims(), &own).unwrap()),
            Err(Denial::Unknown)
        );
    }
}

#[test]
fn genuine_tokens_must_be_for_us_and_in_time() {
    let gate = Stage::new().gate(ALL, "");
    let now = get_current_timestamp();
    let cases = [
        (with("exp", json!(now - 31)), Err(Denial::Expired)),
        (with("exp", json!(now - 20)), Ok(())),
        (with("exp", json!(u64::MAX)), Ok(())),
        (with("exp", json!("soon")), Err(Denial::Unfit)),
        (with("exp", json!(-1)), Err(Denial::Unfit)),
        (with("exp", Value::Null), Err(Denial::Unfit)),
        (with("nbf", json!(now + 60)), Err(Denial::Early)),
        (with("nbf", json!(now + 20)), Ok(())),
        (with("nbf", json!("never")), Err(Denial::Unfit)),
        (with("aud", json!("other")), Err(Denial::Unfit)),
        (with("aud", json!(["other", "chat"])), Ok(())),
        (with("aud", json!([])), Err(Denial::Unfit)),
        (with("aud", Value::Null), Err(Denial::Unfit)),
        (with("iss", json!("evil")), Err(Denial::Unfit)),
        (with("iss", json!(["dsline", "evil"])), Err(Denial::Unfit)),
        (with("iss", Value::Null), Err(Denial::Unfit)),
        (with("sub", Value::Null), Err(Denial::Unfit)),
        (with("sub", json!("")), Err(Denial::Unfit)),
        (with("sub", json!(7)), Err(Denial::Unfit)),
        (with("sub", json!("a\nb")), Err(Denial::Unfit)),
        (with("sub", json!("\u{1b}[2J")), Err(Denial::Unfit)),
        (with("sub", json!("x".repeat(257))), Err(Denial::Unfit)),
        (with("sub", json!("Jürgen 王")), Ok(())),
        (with("tenant", json!(["a"])), Err(Denial::Unfit)),
        (with("jti", json!({})), Err(Denial::Unfit)),
        (with("limits", json!({"rpm": "many"})), Err(Denial::Unfit)),
        (with("limits", json!({"rps": 1})), Err(Denial::Unfit)),
    ];
    for (claims, expected) in cases {
        let got = admit(&gate, &signed(Algorithm::HS256, Header::default(), &claims));
        assert_eq!(got.map(drop), expected, "{claims}");
    }
    let nested = with("x", (0..200).fold(json!(1), |inner, _| json!([inner])));
    assert!(admit(&gate, &signed(Algorithm::HS256, Header::default(), &nested)).is_err());
    let huge = with("x", json!("y".repeat(9000)));
    assert_eq!(
        admit(&gate, &signed(Algorithm::HS256, Header::default(), &huge)),
        Err(Denial::Malformed)
    );
}

#[test]
fn claims_say_tenant_and_limits_and_one_subject_has_one_account() {
    let gate = Stage::new().gate(ALL, "");
    let token = |claims: &Value| {
        admit(&gate, &signed(Algorithm::HS256, Header::default(), claims)).unwrap()
    };
    let mut first = with("tenant", json!("team"));
    first["limits"] = json!({"rpm": 5, "streams": 2});
    let caller = token(&first);
    assert_eq!(&*caller.tenant, "team");
    assert_eq!(
        caller.allowance,
        Allowance {
            rpm: Some(5),
            tpm: None,
            streams: Some(2)
        }
    );
    first["jti"] = json!("t-2");
    let again = token(&first);
    assert_eq!(again.account, caller.account);
    assert_ne!(again.fingerprint, caller.fingerprint);
    first["tenant"] = json!("other");
    assert_ne!(token(&first).account, caller.account);
    let shared = Stage::new().gate(ALL, "default_tenant = 'home'");
    assert_eq!(
        &*admit(&shared, &genuine(Algorithm::EdDSA)).unwrap().tenant,
        "home"
    );
}

#[test]
fn a_token_seen_before_ends_in_time_all_the_same() {
    let gate = Stage::new().gate(ALL, "");
    let token = genuine(Algorithm::EdDSA);
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::try_from(token).unwrap());
    let now = get_current_timestamp();
    assert!(gate.admit_at(HERE, &headers, now).is_ok());
    assert!(gate.admit_at(HERE, &headers, now + 600).is_ok());
    let digest = hash(headers["x-api-key"].as_bytes());
    assert!(gate.remembers(&digest, now + 629) && !gate.remembers(&digest, now + 631));
}

#[test]
fn the_allowlist_is_demanded_beside_the_key() {
    let gate = Stage::new().gate(ALL, "allow = ['203.0.113.0/24', '2001:db8::/32']");
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static("sk-1"));
    headers.insert(
        HeaderName::from_static("x-real-ip"),
        HeaderValue::from_static("203.0.113.5"),
    );
    let from = |peer: &str| {
        let client = gate.client(peer.parse().unwrap(), &headers);
        gate.admit_at(client, &headers, 0)
            .map(|caller| caller.subject.to_string())
    };
    assert_eq!(from("127.0.0.1"), Ok("alice".to_owned()));
    assert_eq!(from("::ffff:203.0.113.7"), Ok("alice".to_owned()));
    assert_eq!(from("2001:db8::7"), Ok("alice".to_owned()));
    assert_eq!(from("198.51.100.1"), Err(Denial::Address));
    let nothing = HeaderMap::new();
    assert_eq!(
        gate.admit_at("203.0.113.1".parse().unwrap(), &nothing, 0),
        Err(Denial::Missing)
    );
    assert_eq!(gate.admit_at(HERE, &nothing, 0), Err(Denial::Address));
}

#[tokio::test(start_paused = true)]
async fn a_revocation_takes_effect_within_seconds_and_is_not_forgotten() {
    let stage = Stage::new();
    let gate = Arc::new(stage.gate(ALL, ""));
    let events: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&events);
    let report: Report = Arc::new(move |event, _| log.lock().unwrap().push(event.to_owned()));
    gate.watch(None, None, &report);
    let token = genuine(Algorithm::HS256);
    assert!(admit(&gate, &token).is_ok() && admit(&gate, "sk-1").is_ok());
    stage.write("revoked", "jti:t-1\n");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(admit(&gate, &token), Err(Denial::Revoked));
    let key = admit(&gate, "sk-1").unwrap().fingerprint;
    stage.write("revoked", &format!("key:{key}\nthis is no line\n"));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(admit(&gate, &token), Err(Denial::Revoked));
    assert_eq!(admit(&gate, "sk-1"), Err(Denial::Revoked));
    assert!(
        events
            .lock()
            .unwrap()
            .contains(&"revocations_unclear".to_owned())
    );
    std::fs::remove_file(stage.0.path().join("revoked")).unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(admit(&gate, "sk-1"), Err(Denial::Revoked));
    stage.write("revoked", "");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(admit(&gate, &token).is_ok() && admit(&gate, "sk-1").is_ok());
}

#[test]
fn what_is_missing_is_noted_and_what_is_broken_is_refused() {
    let auth = |text: &str| toml::from_str::<Auth>(text).unwrap();
    let jwt = "[jwt]\nissuers = ['a']\naudiences = ['b']\nalgorithms = ['HS256']\nsecret_file = '";
    let nowhere = Path::new("/nonexistent/keys");
    let gate = Gate::load(nowhere, &auth(""), None).unwrap();
    assert!(gate.notes()[0].contains("nobody gets in"));
    let gate = Gate::load(nowhere, &auth(&format!("{jwt}/nonexistent/s'")), None).unwrap();
    assert_eq!(gate.notes().len(), 2);
    let stage = Stage::new();
    stage.write("secret", "too-short");
    stage.write("revoked", "everybody");
    let folder = stage.0.path().display();
    for (text, place) in [
        (format!("{jwt}{folder}/secret'"), "auth.jwt.secret_file"),
        (
            format!("revoked_file = '{folder}/revoked'"),
            "auth.revoked_file",
        ),
    ] {
        let error = format!(
            "{:#}",
            Gate::load(nowhere, &auth(&text), None).err().unwrap()
        );
        assert!(
            error.starts_with(place) && !error.contains("too-short"),
            "{error}"
        );
    }
}
