//! Keys and tokens that were taken back before their time.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::caller::Fingerprint;
use super::keyring::unhex;

/// What is revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    ids: HashSet<String>,
    marks: HashSet<Fingerprint>,
}

/// Tells one version of a file from the next.
pub(super) type Version = Option<(u64, i64, i64, u64)>;

impl Revoked {
    /// Reads one revocation per line: `jti:<id>` or `key:<fingerprint>` (16 to 64 hexadecimal digits of the SHA-256
    /// of a key or a whole token), then optionally `until=<unix seconds>`, after which the line means nothing. Empty
    /// lines and those that begin with `#` are skipped. Also returns the numbers of lines that cannot be read.
    pub fn parse(text: &str, now: u64) -> (Self, Vec<usize>) {
        let mut revoked = Self::default();
        let mut bad = Vec::new();
        for (number, line) in text.lines().map(str::trim).enumerate() {
            let is_read =
                line.is_empty() || line.starts_with('#') || revoked.add(line, now).is_some();
            if !is_read {
                bad.push(number + 1);
            }
        }
        (revoked, bad)
    }

    /// How many keys and tokens are revoked.
    pub fn len(&self) -> usize {
        self.ids.len() + self.marks.len()
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a key or token is.
    pub(super) fn holds(&self, fingerprint: Fingerprint, id: Option<&str>) -> bool {
        self.marks.contains(&fingerprint) || id.is_some_and(|id| self.ids.contains(id))
    }

    /// Adds what the other holds.
    pub(super) fn join(mut self, other: &Self) -> Self {
        self.ids.extend(other.ids.iter().cloned());
        self.marks.extend(&other.marks);
        self
    }

    fn add(&mut self, line: &str, now: u64) -> Option<()> {
        let mut words = line.split_whitespace();
        let what = words.next()?;
        let is_over = match words.next() {
            Some(word) => word.strip_prefix("until=")?.parse::<u64>().ok()? < now,
            None => false,
        };
        if words.next().is_some() {
            return None;
        }
        if let Some(id) = what.strip_prefix("jti:").filter(|id| !id.is_empty()) {
            if !is_over {
                self.ids.insert(id.to_owned());
            }
            return Some(());
        }
        let digits = what.strip_prefix("key:")?;
        if !(16..=64).contains(&digits.len()) || !digits.is_ascii() {
            return None;
        }
        // The rest is looked at too: half a digest with a slip in it is no digest.
        unhex(&digits[..digits.len() & !1])?;
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&unhex(&digits[..16])?);
        if !is_over {
            self.marks.insert(Fingerprint::of(&digest));
        }
        Some(())
    }
}

/// The version of a file that is there now; `None` if there is none.
pub(super) fn version(file: &Path) -> io::Result<Version> {
    match fs::metadata(file) {
        Ok(meta) => Ok(Some((
            meta.ino(),
            meta.mtime(),
            meta.mtime_nsec(),
            meta.size(),
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_keys_are_taken_back() {
        let text = "# lost laptop\njti:a-1\njti:a-2 until=99\njti:a-3 until=100\nkey:00112233445566778899\n\n\
                    key:ffffffffffffffff until=12\n";
        let (revoked, bad) = Revoked::parse(text, 100);
        assert_eq!((revoked.len(), bad), (3, vec![]));
        let mut digest = [0xab; 32];
        assert!(revoked.holds(Fingerprint::of(&digest), Some("a-1")));
        assert!(revoked.holds(Fingerprint::of(&digest), Some("a-3")));
        assert!(!revoked.holds(Fingerprint::of(&digest), Some("a-2")));
        assert!(!revoked.holds(Fingerprint::of(&digest), None));
        digest[..8].copy_from_slice(&[0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77]);
        assert!(revoked.holds(Fingerprint::of(&digest), None));
    }

    #[test]
    fn bad_lines_are_counted_and_the_others_hold() {
        let text = "jti:\nkey:00\njti:good\nkey:zz112233445566778899\nall\njti:a until=soon\njti:a until=1 more\nkey:üüüüüüüü";
        let (revoked, bad) = Revoked::parse(text, 0);
        assert_eq!(bad, [1, 2, 4, 5, 6, 7, 8]);
        assert_eq!(revoked.len(), 1);
    }
}
