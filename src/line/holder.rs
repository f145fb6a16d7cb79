//! Who holds a line's lock, sealed so that only those with the line secret read it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::secret::LineSecret;

/// Bytes of the plain text: all the same length, so that the length tells nothing. With nonce and tag sealed and in
/// base64 it fits one string of a TXT record (255 characters, RFC 1035, 3.3.14) beside the lease's other words.
const LENGTH: usize = 112;

/// A holder as the operators of a line may know him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// User and machine: `ann@laptop`.
    pub who: String,
    /// What is run: `up`.
    pub command: String,
    /// Since when.
    pub since: Timestamp,
}

impl Holder {
    /// Seals it; `nonce` must be random, and makes the seal unlike every other.
    pub fn seal(&self, secret: &LineSecret, nonce: [u8; NONCE_LEN]) -> String {
        let mut text = format!("{} {} {}", self.since.as_second(), self.command, self.who);
        text.truncate(text.floor_char_boundary(LENGTH));
        let mut bytes = text.into_bytes();
        bytes.resize(LENGTH, b' ');
        key(secret)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::empty(),
                &mut bytes,
            )
            .expect("a short text can be sealed");
        URL_SAFE_NO_PAD.encode([&nonce[..], &bytes].concat())
    }

    /// Reads a seal; `None` when it was made with another secret, or is none.
    pub fn open(secret: &LineSecret, seal: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(seal).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let plain = key(secret)
            .open_in_place(nonce, Aad::empty(), &mut sealed)
            .ok()?;
        let text = std::str::from_utf8(plain).ok()?.trim_end();
        let mut words = text.splitn(3, ' ');
        Some(Self {
            since: Timestamp::from_second(words.next()?.parse().ok()?).ok()?,
            command: words.next()?.to_owned(),
            who: words.next()?.to_owned(),
        })
    }
}

fn key(secret: &LineSecret) -> LessSafeKey {
    let bytes = secret.derive("lease", 1, "");
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &bytes).expect("the key has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> Holder {
        Holder {
            who: "ann@laptop".to_owned(),
            command: "up".to_owned(),
            since: "2026-11-22T10:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn only_the_lines_own_secret_opens_a_seal() {
        let secret = LineSecret::from_bytes([1; 32]);
        let seal = ann().seal(&secret, [7; NONCE_LEN]);
        assert_eq!(Holder::open(&secret, &seal), Some(ann()));
        assert_eq!(Holder::open(&LineSecret::from_bytes([2; 32]), &seal), None);
        assert_eq!(Holder::open(&secret, "no seal"), None);
        assert!(!seal.contains("ann") && seal.len() == 187, "{}", seal.len());
    }

    #[test]
    fn seals_differ_and_long_names_are_cut() {
        let secret = LineSecret::from_bytes([1; 32]);
        assert_ne!(
            ann().seal(&secret, [1; NONCE_LEN]),
            ann().seal(&secret, [2; NONCE_LEN])
        );
        let long = Holder {
            who: "ü".repeat(300),
            ..ann()
        };
        let seal = long.seal(&secret, [3; NONCE_LEN]);
        let opened = Holder::open(&secret, &seal).unwrap();
        assert!(long.who.starts_with(&opened.who) && opened.who.len() > 80);
    }
}
