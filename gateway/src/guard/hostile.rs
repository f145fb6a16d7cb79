//! Arbitrary bytes at every place where a stranger's bytes arrive: the entry for fuzzers, which must return.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::address::Proxies;
use super::credential::Credential;
use super::keyring::KeyRing;
use super::keyset::{Key, key_set, public_keys, secrets};
use super::revoked::Revoked;
use super::token::Demands;
use crate::config::{AddressHeader, Auth, Cidr};

/// Keys of every algorithm; the private halves are in no file.
const KEYS: &[u8] = br#"{"keys":[
{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
{"kty":"RSA","e":"AQAB","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}]}"#;

static JUDGE: LazyLock<(Demands, Vec<Key>, Proxies)> = LazyLock::new(|| {
    let auth: Auth = toml::from_str(
        "address_header = 'x-forwarded-for'\n[jwt]\nissuers = ['a']\naudiences = ['b']\n\
         algorithms = ['HS256', 'RS256', 'ES256', 'EdDSA']",
    )
    .expect("these settings are complete");
    let jwt = auth.jwt.as_ref().expect("these settings have tokens");
    let mut keys = key_set(KEYS).expect("this set is complete");
    keys.extend(secrets(&"5a".repeat(32)).expect("this secret is long enough"));
    let proxies = Proxies::new(&auth.trusted_proxies, AddressHeader::ForwardedFor);
    (Demands::new(jwt, None), keys, proxies)
});

/// Takes any bytes for a credential, a token, addresses, and each file; panics only on a defect.
pub fn survive(data: &[u8]) {
    let (demands, keys, proxies) = &*JUDGE;
    if let Ok(value) = HeaderValue::from_bytes(data) {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.clone());
        headers.insert(HeaderName::from_static("x-forwarded-for"), value);
        proxies.client(IpAddr::V4(Ipv4Addr::LOCALHOST), &headers);
        let _ = Credential::find(&headers).map(|credential| credential.digest);
    }
    if let Ok(credential) = Credential::of(data) {
        let verified = demands.verify(&credential, keys, 0);
        assert!(verified.is_err(), "nobody can sign for these keys");
    }
    let _ = key_set(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = (KeyRing::parse(text, None), Revoked::parse(text, 0));
        let _ = (
            secrets(text),
            public_keys(text),
            Cidr::try_from(text.to_owned()),
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes(data in prop::collection::vec(any::<u8>(), 0..2000)) {
            survive(&data);
        }

        #[test]
        fn bytes_that_look_like_a_token(header in "\\PC{0,80}", claims in "\\PC{0,200}", signature in "[A-Za-z0-9_=-]{0,600}") {
            survive(format!("{}.{}.{signature}", base64(&header), base64(&claims)).as_bytes());
        }

        #[test]
        fn headers_that_name_an_algorithm(
            algorithm in "none|None|HS256|RS256|ES256|EdDSA|PS256|HS512",
            more in "(,\"(kid|crit|jwk|x5c|b64|typ)\":(\"a\"|null|\\[\\]|\\{\\}|1|\\[\"b64\"\\]))?",
            signature in "[A-Za-z0-9_-]{0,700}",
        ) {
            let header = format!("{{\"alg\":\"{algorithm}\"{more}}}");
            survive(format!("{}.{}.{signature}", base64(&header), base64("{\"sub\":\"a\"}")).as_bytes());
        }

        #[test]
        fn key_sets_with_odd_members(x in "[A-Za-z0-9_-]{0,50}", kind in "OKP|EC|RSA|oct", curve in "Ed25519|P-256|P-521") {
            survive(format!(r#"{{"keys":[{{"kty":"{kind}","crv":"{curve}","x":"{x}","y":"{x}","n":"{x}","e":"AQAB","k":"{x}"}}]}}"#).as_bytes());
        }
    }

    fn base64(text: &str) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let group = |bytes: &[u8]| {
            let bits = (0..3).fold(0, |bits, at| {
                bits << 8 | usize::from(*bytes.get(at).unwrap_or(&0))
            });
            let letters = [18, 12, 6, 0].map(|shift| char::from(LETTERS[bits >> shift & 63]));
            letters[..=bytes.len()].iter().collect::<String>()
        };
        text.as_bytes().chunks(3).map(group).collect()
    }
}
