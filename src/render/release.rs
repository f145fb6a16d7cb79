//! Files grouped into parts, and parts into a release, each named by a digest of what it holds.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::file::{File, hex};

/// The parts of a release: what one daemon reads, and so what is sent and reloaded together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartName {
    /// The gateway's configuration, secrets and Compose file.
    Gateway,
    /// The gateway's binary and Dockerfile.
    Image,
    /// Rotation of the audit trail.
    Logrotate,
    /// The proxy with its certificate.
    Nginx,
    /// The cache.
    Redis,
    /// The audit trail's way to its file.
    Rsyslog,
    /// What systemd, the journal and the kernel read.
    System,
}

impl PartName {
    /// Every part, in order.
    pub const ALL: [Self; 7] = [
        Self::Gateway,
        Self::Image,
        Self::Logrotate,
        Self::Nginx,
        Self::Redis,
        Self::Rsyslog,
        Self::System,
    ];

    /// The name as it stands in paths.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Image => "image",
            Self::Logrotate => "logrotate",
            Self::Nginx => "nginx",
            Self::Redis => "redis",
            Self::Rsyslog => "rsyslog",
            Self::System => "system",
        }
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The files of one part, by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which part it is.
    pub name: PartName,
    /// Its files, sorted by path.
    pub files: Vec<File>,
}

impl Part {
    /// Groups files; their order does not matter.
    pub fn new(name: PartName, mut files: Vec<File>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { name, files }
    }

    /// 32 hexadecimal digits over paths, modes, owners and contents; keyed, so that it says nothing about a secret.
    pub fn digest(&self, key: &[u8; 32]) -> String {
        let mut mac = keyed(key);
        for file in &self.files {
            mac.update(format!("{}\0{:o}\0{}\0", file.path, file.mode, file.owner).as_bytes());
            // The content by its hash: the gateway's binary, the same for every node, is read once and not per node.
            mac.update(file.content.sha256());
        }
        first_digits(mac)
    }
}

/// Everything that one push puts on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its parts, one of each name, sorted by name.
    pub parts: Vec<Part>,
    part_digests: Vec<String>,
    digest: String,
}

impl Release {
    /// Puts parts together; `key` is the line's digest key.
    pub fn new(mut parts: Vec<Part>, key: &[u8; 32]) -> Self {
        parts.sort_by_key(|part| part.name);
        let part_digests: Vec<String> = parts.iter().map(|part| part.digest(key)).collect();
        let mut mac = keyed(key);
        for (part, digest) in parts.iter().zip(&part_digests) {
            mac.update(format!("{} {digest}\n", part.name).as_bytes());
        }
        Self {
            parts,
            part_digests,
            digest: first_digits(mac),
        }
    }

    /// 32 hexadecimal digits over the parts' digests.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// A part by its name.
    pub fn part(&self, name: PartName) -> &Part {
        &self.parts[self.index(name)]
    }

    /// A part's digest: the name of its folder on the node.
    pub fn part_digest(&self, name: PartName) -> &str {
        &self.part_digests[self.index(name)]
    }

    /// Every file with its path in a tree of all parts, such as `nginx/tls/key.pem`.
    pub fn listing(&self) -> impl Iterator<Item = (String, &File)> {
        self.parts.iter().flat_map(|part| {
            part.files
                .iter()
                .map(|file| (format!("{}/{}", part.name, file.path), file))
        })
    }

    /// A file's text by its path in that tree; `None` when there is no such file, or it is no text.
    pub fn text(&self, path: &str) -> Option<&str> {
        let (_, file) = self.listing().find(|(place, _)| place == path)?;
        std::str::from_utf8(&file.content).ok()
    }

    fn index(&self, name: PartName) -> usize {
        self.parts
            .iter()
            .position(|part| part.name == name)
            .expect("a release has a part of each name")
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn first_digits(mac: Hmac<Sha256>) -> String {
    hex(&mac.finalize().into_bytes()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Content, Owner};

    const KEY: [u8; 32] = [9; 32];

    fn file(path: &str, mode: u32, text: &str) -> File {
        File::new(path, mode, Owner::Root, Content::new(text.as_bytes()))
    }

    fn digest(files: Vec<File>) -> String {
        Part::new(PartName::Nginx, files).digest(&KEY)
    }

    #[test]
    fn a_part_digest_sees_everything_but_the_order() {
        let whole = || vec![file("a", 0o644, "1"), file("b", 0o644, "2")];
        let base = digest(whole());
        assert_eq!(base.len(), 32);
        assert_eq!(base, digest(whole().into_iter().rev().collect()));
        let mut owned = whole();
        owned[0].owner = Owner::Container;
        for other in [
            vec![file("a", 0o600, "1"), file("b", 0o644, "2")],
            vec![file("a", 0o644, "1"), file("b", 0o644, "3")],
            vec![file("a", 0o644, "1"), file("c", 0o644, "2")],
            vec![file("a", 0o644, "1")],
            owned,
        ] {
            assert_ne!(base, digest(other));
        }
        assert_ne!(base, Part::new(PartName::Nginx, whole()).digest(&[8; 32]));
    }

    #[test]
    fn a_release_digest_follows_its_parts() {
        let release = |text| {
            let parts = PartName::ALL.map(|name| Part::new(name, vec![file("a", 0o644, text)]));
            Release::new(parts.to_vec(), &KEY)
        };
        assert_eq!(release("1").digest(), release("1").digest());
        assert_ne!(release("1").digest(), release("2").digest());
        assert_eq!(release("1").part(PartName::Redis).name, PartName::Redis);
        assert_eq!(release("1").listing().count(), 7);
    }

    #[test]
    fn part_names_are_ordered_as_they_read() {
        assert!(
            PartName::ALL
                .windows(2)
                .all(|two| two[0] < two[1] && two[0].as_str() < two[1].as_str())
        );
    }
}
