//! Secrets that do not print themselves, and the one line secret from which the others derive.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;

use super::name::{Generation, Slot};

/// A text that must not reach a log: `Debug` masks it and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The plain text; every call is a place where a secret may leave.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The 256 bits from which every other secret of a line derives (HKDF-SHA256, RFC 5869).
#[derive(Clone)]
pub struct LineSecret([u8; 32]);

/// A one-way fingerprint of a line secret: tells two secrets apart and reveals neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyId(String);

impl KeyId {
    /// Wraps a fingerprint read from a tag.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Sixteen hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl LineSecret {
    /// Takes 32 random bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits, with space around them; the error does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!(
                "a line secret is 64 hexadecimal digits; this one has {} characters",
                text.len()
            ));
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).expect("hexadecimal digits are ASCII");
            *byte = u8::from_str_radix(pair, 16).expect("checked to be hexadecimal");
        }
        Ok(Self(bytes))
    }

    /// The secret as 64 hexadecimal digits, for the file it is kept in.
    pub fn to_hex(&self) -> Secret {
        Secret(hex(&self.0))
    }

    /// 32 bytes for a purpose; `info` separates uses, `epoch` lets one of them be rotated alone.
    pub fn derive(&self, purpose: &str, epoch: u32, info: &str) -> [u8; 32] {
        let mut bytes = [0; 32];
        Hkdf::<Sha256>::new(Some(b"dsline/1"), &self.0)
            .expand(format!("{purpose}/{epoch}/{info}").as_bytes(), &mut bytes)
            .expect("32 bytes are a valid HKDF length");
        bytes
    }

    /// 32 bytes for a purpose on one machine: a slot in one generation.
    pub fn derive_for(&self, purpose: &str, slot: &Slot, generation: Generation) -> [u8; 32] {
        self.derive(purpose, 1, &format!("{slot}/{generation}"))
    }

    /// The password of the Redis on every node, 64 hexadecimal digits.
    pub fn redis_password(&self, epoch: u32) -> Secret {
        Secret(hex(&self.derive("redis", epoch, "")))
    }

    /// The API key that `dsline` itself, and a single user, call the line with.
    pub fn first_api_key(&self, epoch: u32) -> Secret {
        Secret(format!(
            "dsl-{}",
            &hex(&self.derive("api-key", epoch, "first"))[..40]
        ))
    }

    /// What a Prometheus shows to read the metrics of every node; it opens nothing else.
    pub fn metrics_token(&self) -> Secret {
        Secret(format!(
            "dslm-{}",
            &hex(&self.derive("metrics", 1, ""))[..40]
        ))
    }

    /// The key under which a file's digest is taken, so that a digest of a secret file reveals nothing.
    pub fn digest_key(&self) -> [u8; 32] {
        self.derive("digest", 1, "")
    }

    /// The fingerprint that nodes and groups are tagged with.
    pub fn key_id(&self) -> KeyId {
        KeyId(hex(&self.derive("fingerprint", 1, ""))[..16].to_owned())
    }
}

impl fmt::Debug for LineSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LineSecret([secret])")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_epochs_and_machines_never_share_bytes() {
        let secret = LineSecret::from_bytes([7; 32]);
        let slot: Slot = "us-east-1/1".parse().unwrap();
        let all = [
            secret.derive("a", 1, ""),
            secret.derive("b", 1, ""),
            secret.derive("a", 2, ""),
            secret.derive_for("a", &slot, Generation(1)),
            secret.derive_for("a", &slot, Generation(2)),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|other| other != one));
        }
    }

    #[test]
    fn hexadecimal_goes_there_and_back_and_debug_masks() {
        let secret = LineSecret::from_bytes([0xa5; 32]);
        let again = LineSecret::parse(secret.to_hex().expose()).unwrap();
        assert_eq!(again.key_id(), secret.key_id());
        assert!(!format!("{secret:?} {:?}", secret.to_hex()).contains("a5"));
        assert!(LineSecret::parse("abc").is_err());
    }
}
