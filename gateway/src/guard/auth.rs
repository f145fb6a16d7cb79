//! API keys of clients: known by their hashes only, compared in constant time.

use std::fmt;
use std::path::Path;

use anyhow::Context;
use http::HeaderValue;
use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq;

/// The hashes of all accepted keys; an empty ring admits nobody.
#[derive(Default)]
pub struct KeyRing(Vec<[u8; 32]>);

/// A line of the key file that is no hash. The line itself is not shown: it may be a key that somebody pasted.
#[derive(Debug, PartialEq, Eq)]
pub struct BadKeyLine(usize);

impl fmt::Display for BadKeyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {} is not `sha256:` with 64 hexadecimal digits",
            self.0
        )
    }
}

impl std::error::Error for BadKeyLine {}

impl KeyRing {
    /// Reads a key file; `None` if there is none.
    pub fn load(file: &Path) -> anyhow::Result<Option<Self>> {
        let place = || format!("client keys {}", file.display());
        match std::fs::read_to_string(file) {
            Ok(text) => Self::parse(&text).map(Some).with_context(place),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(place),
        }
    }

    /// Reads one hash per line; empty lines and those that begin with `#` are skipped.
    pub fn parse(text: &str) -> Result<Self, BadKeyLine> {
        let lines = text.lines().map(str::trim).enumerate();
        let entries = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        entries
            .map(|(number, line)| hash(line).ok_or(BadKeyLine(number + 1)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether nobody gets in.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many keys are accepted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The fingerprint (for logs) of the key that an `Authorization` header carries, if it is an accepted one.
    pub fn admit(&self, authorization: Option<&HeaderValue>) -> Option<String> {
        let key = bearer(authorization?.as_bytes())?;
        let asked = digest(&SHA256, key);
        // Every hash is compared to its end, so that the time tells nothing about which one was close.
        let is_known = self.0.iter().fold(subtle::Choice::from(0), |found, known| {
            found | known.ct_eq(asked.as_ref())
        });
        bool::from(is_known).then(|| {
            asked.as_ref()[..4]
                .iter()
                .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
        })
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(7)?;
    let key = key.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !key.is_empty()).then_some(key)
}

fn hash(line: &str) -> Option<[u8; 32]> {
    let digits = line.strip_prefix("sha256:")?;
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a key that no test sends.
    const HASH: &str = "sha256:d8a928b2043db77e340b523547bf16cb4aa483f0645fe0a290ed1f20aab76257";

    fn admitted(ring: &KeyRing, header: &'static str) -> Option<String> {
        ring.admit(Some(&HeaderValue::from_static(header)))
    }

    #[test]
    fn only_a_known_key_gets_in() {
        let hex = digest(&SHA256, b"secret-1")
            .as_ref()
            .iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02X}"));
        let ring = KeyRing::parse(&format!("# two keys\n\n{HASH}\n  sha256:{hex}  \n")).unwrap();
        assert_eq!(ring.len(), 2);
        assert_eq!(
            admitted(&ring, "Bearer secret-1"),
            Some(hex[..8].to_lowercase())
        );
        assert!(admitted(&ring, "bearer  secret-1").is_some());
        for wrong in [
            "Bearer secret-2",
            "Bearer ",
            "Bearer",
            "Basic secret-1",
            "secret-1",
            "",
        ] {
            assert_eq!(admitted(&ring, wrong), None, "{wrong}");
        }
        assert_eq!(ring.admit(None), None);
    }

    #[test]
    fn an_empty_ring_admits_nobody() {
        let ring = KeyRing::parse("# none yet\n").unwrap();
        assert!(ring.is_empty());
        assert_eq!(admitted(&ring, "Bearer x"), None);
    }

    #[test]
    fn a_pasted_key_is_refused_and_not_repeated() {
        for bad in [
            "sk-pasted-by-mistake",
            "sha256:abc",
            "sha256:+1a928b2043db77e340b523547bf16cb4aa483f0645fe0a290ed1f20aab76257",
        ] {
            let error = KeyRing::parse(&format!("{HASH}\n{bad}")).err().unwrap();
            assert_eq!(error, BadKeyLine(2));
            assert!(!error.to_string().contains("pasted"));
        }
    }
}
