//! Keys that tokens are signed with, each bound to the one algorithm it may be used for.

use jsonwebtoken::{DecodingKey, DecodingKeyKind};
use serde::Deserialize;

use super::keyring::unhex;
use crate::config::Algorithm;

/// More keys than any issuer has.
const MOST: usize = 64;

/// The shortest HS256 key: as long as its hash (RFC 7518 §3.2).
const SHORTEST_SECRET: usize = 32;

/// RSA moduli from 2048 to 8192 bits, in bytes.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// A 2048-bit RSA key in its shortest DER form, in bytes.
const SHORTEST_RSA: usize = 262;

/// A key, its algorithm, and its name if it has one.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    /// Of an HS256 key this is the secret itself.
    pub(super) public: DecodingKey,
}

/// HS256 keys: one `[id] <hex>` a line. Errors show no part of a line.
pub(super) fn secrets(text: &str) -> Result<Vec<Key>, String> {
    let mut keys = Vec::new();
    for (number, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let (id, digits) = match words[..] {
            [digits] => (None, digits),
            [id, digits] => (Some(id.to_owned()), digits),
            _ => return Err(format!("line {} is not `[id] <hex>`", number + 1)),
        };
        let secret = unhex(digits)
            .filter(|secret| secret.len() >= SHORTEST_SECRET)
            .ok_or_else(|| {
                format!(
                    "line {} does not end in 64 or more hexadecimal digits",
                    number + 1
                )
            })?;
        let key = DecodingKey::from_secret(&secret);
        keys.push(Key {
            id,
            algorithm: Algorithm::HS256,
            public: key,
        });
    }
    Ok(keys)
}

/// Public keys in PEM, one after the other.
pub(super) fn public_keys(text: &str) -> Result<Vec<Key>, String> {
    let mut keys = Vec::new();
    for (number, block) in text.split("-----BEGIN ").skip(1).enumerate() {
        let what = |why: &str| format!("PEM block {} {why}", number + 1);
        if !(block.starts_with("PUBLIC KEY-----") || block.starts_with("RSA PUBLIC KEY-----")) {
            return Err(what(
                "is no `PUBLIC KEY`; a private key does not belong on a node",
            ));
        }
        let pem = format!("-----BEGIN {block}");
        let pem = pem.as_bytes();
        let found = if let Ok(key) = DecodingKey::from_ec_pem(pem) {
            (Algorithm::ES256, key)
        } else if let Ok(key) = DecodingKey::from_ed_pem(pem) {
            (Algorithm::EdDSA, key)
        } else if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
            (Algorithm::RS256, key)
        } else {
            return Err(what("cannot be read"));
        };
        let (algorithm, key) = found;
        if !fits(algorithm, &key) {
            return Err(what(
                "is neither RSA of 2048 bits or more, nor P-256, nor Ed25519",
            ));
        }
        keys.push(Key {
            id: None,
            algorithm,
            public: key,
        });
    }
    Ok(keys)
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a JSON Web Key Set that can verify one of our algorithms; others in it are no fault.
pub(super) fn key_set(bytes: &[u8]) -> Result<Vec<Key>, String> {
    let set: Set = serde_json::from_slice(bytes).map_err(|_| "is no JSON Web Key Set")?;
    let keys = set.keys.into_iter().take(MOST);
    let read = keys.filter_map(|value| serde_json::from_value(value).ok());
    let usable: Vec<Key> = read.filter_map(|jwk: Jwk| usable(&jwk)).collect();
    if usable.is_empty() {
        return Err("holds no public key for RS256, ES256 or EdDSA".into());
    }
    Ok(usable)
}

fn usable(jwk: &Jwk) -> Option<Key> {
    let signs = jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
        && jwk
            .key_ops
            .as_ref()
            .is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    // A symmetric key in a public set would let everybody sign: `oct` is not among these.
    let (algorithm, name, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => {
            let key = DecodingKey::from_rsa_components(jwk.n.as_ref()?, jwk.e.as_ref()?);
            (Algorithm::RS256, "RS256", key)
        }
        ("EC", Some("P-256")) => {
            let key = DecodingKey::from_ec_components(jwk.x.as_ref()?, jwk.y.as_ref()?);
            (Algorithm::ES256, "ES256", key)
        }
        ("OKP", Some("Ed25519")) => (
            Algorithm::EdDSA,
            "EdDSA",
            DecodingKey::from_ed_components(jwk.x.as_ref()?),
        ),
        _ => return None,
    };
    let key = key.ok()?;
    let is_named_right = jwk.alg.as_deref().is_none_or(|alg| alg == name);
    (signs && is_named_right && fits(algorithm, &key)).then(|| Key {
        id: jwk.kid.clone(),
        algorithm,
        public: key,
    })
}

/// Whether a key has the size its algorithm wants. The library checks this late, and panics on a short Ed25519 key.
fn fits(algorithm: Algorithm, key: &DecodingKey) -> bool {
    match (algorithm, key.kind()) {
        (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            let zeros = n.iter().take_while(|byte| **byte == 0).count();
            MODULUS.contains(&(n.len() - zeros)) && (1..=8).contains(&e.len())
        }
        (Algorithm::RS256, DecodingKeyKind::SecretOrDer(der)) => der.len() >= SHORTEST_RSA,
        (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => {
            point.len() == 65 && point[0] == 4
        }
        (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(x)) => x.len() == 32,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_public_key_gets_its_one_algorithm() {
        let all = concat!(
            include_str!("../../tests/keys/rsa-2048.pub.pem"),
            include_str!("../../tests/keys/p256.pub.pem"),
            include_str!("../../tests/keys/ed25519.pub.pem"),
        );
        let found: Vec<Algorithm> = public_keys(all)
            .unwrap()
            .iter()
            .map(|key| key.algorithm)
            .collect();
        assert_eq!(
            found,
            [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]
        );
        assert!(public_keys("").unwrap().is_empty());
    }

    #[test]
    fn weak_foreign_and_private_keys_are_refused() {
        for (pem, why) in [
            (
                include_str!("../../tests/keys/rsa-1024.pub.pem"),
                "2048 bits",
            ),
            (include_str!("../../tests/keys/p384.pub.pem"), "P-256"),
            (
                include_str!("../../tests/keys/rsa-2048.test.pem"),
                "private key",
            ),
            (
                "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
                "cannot be read",
            ),
        ] {
            let error = public_keys(pem).err().unwrap();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn secrets_have_names_and_enough_bits() {
        let text = format!(
            "# epoch 2 and the one before\n2 {}\n1 {}\n",
            "ab".repeat(32),
            "CD".repeat(64)
        );
        let ids: Vec<_> = secrets(&text)
            .unwrap()
            .into_iter()
            .map(|key| key.id.unwrap())
            .collect();
        assert_eq!(ids, ["2", "1"]);
        for bad in [
            "ab".repeat(31),
            "zz".repeat(32),
            "a".repeat(65),
            format!("1 2 {}", "ab".repeat(32)),
        ] {
            let error = secrets(&bad).err().unwrap();
            assert!(
                error.starts_with("line 1 ") && !error.contains("abab"),
                "{error}"
            );
        }
    }

    #[test]
    fn of_a_foreign_set_only_what_fits_is_taken() {
        const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let kept = |members: &str| {
            let jwk = format!("{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{X}\"{members}}}");
            let set = format!("{{\"keys\":[1,{{}},{jwk}]}}");
            key_set(set.as_bytes()).map_or(0, |keys| keys.len())
        };
        assert_eq!(kept(""), 1);
        assert_eq!(
            kept(",\"use\":\"sig\",\"alg\":\"EdDSA\",\"key_ops\":[\"verify\"],\"x5c\":[]"),
            1
        );
        assert_eq!(kept(",\"use\":\"enc\""), 0);
        assert_eq!(kept(",\"alg\":\"HS256\""), 0);
        assert_eq!(kept(",\"key_ops\":[\"encrypt\"]"), 0);
        for odd in [
            "{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
            "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}",
            "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
            "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}",
        ] {
            assert!(
                key_set(format!("{{\"keys\":[{odd}]}}").as_bytes()).is_err(),
                "{odd}"
            );
        }
    }
}
