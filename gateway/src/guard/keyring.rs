//! API keys of clients: known by their hashes only, compared in constant time.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context;
use subtle::ConstantTimeEq;

use super::caller::{Caller, Digest, Fingerprint, account_of};
use super::denial::Denial;
use crate::limit::Allowance;

/// The longest name or tenant.
const LONGEST_WORD: usize = 128;

/// All accepted keys; an empty ring admits nobody.
pub struct KeyRing {
    /// A key's bucket is told by its hash under a number that nobody outside knows, so that the time a comparison
    /// takes tells nothing about the hashes, and ten thousand keys are as quick as ten.
    buckets: Vec<Vec<Entry>>,
    bucket_of: RandomState,
    count: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    hash: Digest,
    expires: Option<u64>,
    caller: Arc<Caller>,
}

/// A line of the key file that cannot be read. The line itself is not shown: it may be a key that somebody pasted.
#[derive(Debug, PartialEq, Eq)]
pub struct BadKeyLine {
    line: usize,
    why: String,
}

impl fmt::Display for BadKeyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} {}", self.line, self.why)
    }
}

impl std::error::Error for BadKeyLine {}

impl Default for KeyRing {
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl KeyRing {
    /// Reads a key file, with a tenant for keys that name none; `None` if there is no file.
    pub(super) fn read(file: &Path, default_tenant: Option<&str>) -> anyhow::Result<Option<Self>> {
        let place = || format!("client keys {}", file.display());
        match std::fs::read_to_string(file) {
            Ok(text) => Self::parse(&text, default_tenant)
                .map(Some)
                .with_context(place),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(place),
        }
    }

    /// Reads one key per line: `sha256:<hex>`, then any of `name=`, `tenant=`, `rpm=`, `tpm=`, `streams=` and
    /// `expires=` (a day that is the key's last, or a time as in RFC 3339; UTC). Empty lines and those that begin with
    /// `#` are skipped.
    pub fn parse(text: &str, default_tenant: Option<&str>) -> Result<Self, BadKeyLine> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut hashes = HashSet::new();
        for (number, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = |why| BadKeyLine {
                line: number + 1,
                why,
            };
            let entry = entry(line, default_tenant).map_err(bad)?;
            if hashes.insert(entry.hash) {
                entries.push(entry);
            } else if !entries.contains(&entry) {
                return Err(bad(
                    "says otherwise about a key that stands above".to_owned()
                ));
            }
        }
        Ok(Self::of(entries))
    }

    /// Whether nobody gets in.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many keys there are, expired ones included.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whose key has this digest; `None` if nobody's.
    pub(super) fn find(&self, digest: &Digest, now: u64) -> Option<Result<Arc<Caller>, Denial>> {
        let bucket = &self.buckets[self.bucket(digest)];
        let mut found = None;
        // Every hash of the bucket is compared to its end, whether one before it fitted or not.
        for entry in bucket {
            if bool::from(entry.hash.ct_eq(digest)) {
                found = Some(entry);
            }
        }
        let entry = found?;
        if entry.expires.is_some_and(|expires| expires <= now) {
            return Some(Err(Denial::Expired));
        }
        Some(Ok(Arc::clone(&entry.caller)))
    }

    fn of(entries: Vec<Entry>) -> Self {
        let mut ring = Self {
            buckets: vec![Vec::new(); entries.len().next_power_of_two()],
            bucket_of: RandomState::new(),
            count: entries.len(),
        };
        for entry in entries {
            let bucket = ring.bucket(&entry.hash);
            ring.buckets[bucket].push(entry);
        }
        ring
    }

    fn bucket(&self, digest: &Digest) -> usize {
        let hash = self.bucket_of.hash_one(digest);
        usize::try_from(hash & (self.buckets.len() as u64 - 1)).expect("a bucket's number fits")
    }
}

fn entry(line: &str, default_tenant: Option<&str>) -> Result<Entry, String> {
    let mut words = line.split_whitespace();
    let hash = words
        .next()
        .and_then(digest)
        .ok_or("is not `sha256:` with 64 hexadecimal digits")?;
    let fingerprint = Fingerprint::of(&hash);
    let (mut name, mut tenant, mut expires) = (None, None, None);
    let mut allowance = Allowance::default();
    for word in words {
        let (key, value) = word
            .split_once('=')
            .ok_or("has a word that is no `key=value`")?;
        let is_new = match key {
            "name" => name.replace(plain(key, value)?).is_none(),
            "tenant" => tenant.replace(plain(key, value)?).is_none(),
            "rpm" => allowance.rpm.replace(number(key, value)?).is_none(),
            "tpm" => allowance.tpm.replace(number(key, value)?).is_none(),
            "streams" => allowance.streams.replace(number(key, value)?).is_none(),
            "expires" => expires.replace(time(value)?).is_none(),
            _ => {
                return Err("has a key other than name, tenant, rpm, tpm, streams, expires".into());
            }
        };
        if !is_new {
            return Err(format!("has `{key}` twice"));
        }
    }
    let subject: Arc<str> = name.map_or_else(|| format!("key-{fingerprint}").into(), Arc::from);
    let tenant = tenant.or(default_tenant);
    Ok(Entry {
        hash,
        expires,
        caller: Arc::new(Caller {
            tenant: tenant.map_or_else(|| format!("key-{fingerprint}").into(), Arc::from),
            subject,
            fingerprint,
            account: account_of(&hash),
            allowance,
        }),
    })
}

fn plain<'a>(key: &str, value: &'a str) -> Result<&'a str, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/:@+-".contains(c);
    if value.is_empty() || value.len() > LONGEST_WORD || !value.chars().all(is_plain) {
        return Err(format!(
            "has a `{key}` that is not 1 to {LONGEST_WORD} letters, digits, or any of . _ / : @ + -"
        ));
    }
    Ok(value)
}

fn number(key: &str, value: &str) -> Result<u32, String> {
    value
        .parse()
        .map_err(|_| format!("has a `{key}` that is no whole number"))
}

fn time(value: &str) -> Result<u64, String> {
    let (at, more) = if value.len() == 10 {
        (format!("{value}T00:00:00Z"), Duration::from_hours(24))
    } else {
        (value.to_owned(), Duration::ZERO)
    };
    humantime::parse_rfc3339(&at)
        .ok()
        .and_then(|time| (time + more).duration_since(UNIX_EPOCH).ok())
        .map(|since| since.as_secs())
        .ok_or_else(|| {
            "has an `expires` that is neither 2026-12-31 nor 2026-12-31T12:00:00Z".into()
        })
}

/// The hash of `sha256:` and 64 hexadecimal digits.
pub(super) fn digest(word: &str) -> Option<Digest> {
    let digits = word.strip_prefix("sha256:")?;
    if digits.len() != 64 {
        return None;
    }
    unhex(digits)?.try_into().ok()
}

/// The bytes of pairs of hexadecimal digits.
pub(super) fn unhex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::credential::hash;
    use super::*;

    /// Of a key that no test sends.
    const HASH: &str = "sha256:d8a928b2043db77e340b523547bf16cb4aa483f0645fe0a290ed1f20aab76257";

    fn line(key: &str) -> String {
        let hex: String = hash(key.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        format!("sha256:{hex}")
    }

    fn find(ring: &KeyRing, key: &str, now: u64) -> Option<Result<Arc<Caller>, Denial>> {
        ring.find(&hash(key.as_bytes()), now)
    }

    #[test]
    fn only_a_known_key_gets_in() {
        let ring = KeyRing::parse(
            &format!("# two\n\n{HASH}\n  {}  \n", line("secret-1")),
            None,
        )
        .unwrap();
        assert_eq!(ring.len(), 2);
        let fingerprint = |key| Some(find(&ring, key, 0)?.unwrap().fingerprint.to_string());
        let expected = line("secret-1")[7..23].to_lowercase();
        assert_eq!(fingerprint("secret-1"), Some(expected));
        assert_eq!(fingerprint("secret-2"), None);
        assert_eq!(fingerprint(""), None);
    }

    #[test]
    fn an_empty_ring_admits_nobody() {
        let ring = KeyRing::parse("# none yet\n", None).unwrap();
        assert!(ring.is_empty());
        assert_eq!(find(&ring, "x", 0), None);
    }

    #[test]
    fn a_line_may_say_whose_key_it_is_and_what_it_may() {
        let text = format!(
            "{} name=alice tenant=team-a rpm=1500 tpm=100000 streams=20 expires=2026-12-31\n{}\n{}",
            line("a"),
            line("b"),
            line("c") + " expires=2026-12-31T12:00:00Z",
        );
        let ring = KeyRing::parse(&text, None).unwrap();
        let last_second = 1_798_761_599;
        let alice = find(&ring, "a", last_second).unwrap().unwrap();
        assert_eq!((&*alice.subject, &*alice.tenant), ("alice", "team-a"));
        let allowance = Allowance {
            rpm: Some(1500),
            tpm: Some(100_000),
            streams: Some(20),
        };
        assert_eq!(alice.allowance, allowance);
        assert_eq!(
            find(&ring, "a", last_second + 1),
            Some(Err(Denial::Expired))
        );
        assert_eq!(find(&ring, "c", 1_798_718_400), Some(Err(Denial::Expired)));
        let plain = find(&ring, "b", u64::MAX).unwrap().unwrap();
        assert_eq!(&*plain.tenant, format!("key-{}", plain.fingerprint));
        assert_eq!(plain.tenant, plain.subject);
        let shared = KeyRing::parse(&text, Some("home")).unwrap();
        assert_eq!(&*find(&shared, "b", 0).unwrap().unwrap().tenant, "home");
    }

    #[test]
    fn ten_thousand_keys_are_told_apart() {
        let text: String = (0..10_000)
            .map(|n| format!("{} name=n{n}\n", line(&n.to_string())))
            .collect();
        let ring = KeyRing::parse(&text, None).unwrap();
        for n in [0, 1, 4_999, 9_999] {
            let caller = find(&ring, &n.to_string(), 0).unwrap().unwrap();
            assert_eq!(&*caller.subject, format!("n{n}"));
        }
        assert_eq!(find(&ring, "10000", 0), None);
        assert!(ring.buckets.iter().all(|bucket| bucket.len() < 16));
    }

    #[test]
    fn bad_lines_are_refused_and_not_repeated() {
        for (bad, why) in [
            ("sk-pasted-by-mistake", "is not `sha256:`"),
            ("sha256:abc", "is not `sha256:`"),
            (
                "sha256:+1a928b2043db77e340b523547bf16cb4aa483f0645fe0a290ed1f20aab76257",
                "is not `sha256:`",
            ),
            (&format!("{} pasted", line("x")), "no `key=value`"),
            (&format!("{} pasted=1", line("x")), "a key other than"),
            (&format!("{} name=", line("x")), "`name` that is not"),
            (&format!("{} name=pästed", line("x")), "`name` that is not"),
            (&format!("{} rpm=-1", line("x")), "no whole number"),
            (&format!("{} rpm=1 rpm=2", line("x")), "`rpm` twice"),
            (
                &format!("{} expires=tomorrow", line("x")),
                "neither 2026-12-31",
            ),
            (
                &format!("{} expires=2026-13-01", line("x")),
                "neither 2026-12-31",
            ),
            (&format!("{HASH} rpm=1"), "says otherwise"),
        ] {
            let error = KeyRing::parse(&format!("{HASH}\n{bad}"), None)
                .err()
                .unwrap()
                .to_string();
            assert!(
                error.starts_with("line 2 ") && error.contains(why),
                "{bad}: {error}"
            );
            assert!(!error.contains("past") && !error.contains("päst"));
        }
        assert_eq!(
            KeyRing::parse(&format!("{HASH}\n{HASH}"), None)
                .unwrap()
                .len(),
            1
        );
    }
}
