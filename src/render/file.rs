//! One file of a node: where it lies in its part, who may read it, what it says and what may be shown of it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use askama::Template;
use sha2::{Digest, Sha256};

/// User and group, by number, of the gateway's container; no node has a user of this number.
pub const CONTAINER_ID: u32 = 65_532;

/// Who owns a file on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// `root:root`.
    Root,
    /// `root` and a group that a package made.
    RootAnd(&'static str),
    /// The gateway's container, [`CONTAINER_ID`] as user and group.
    Container,
}

impl fmt::Display for Owner {
    /// As `chown` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root:root"),
            Self::RootAnd(group) => write!(f, "root:{group}"),
            Self::Container => write!(f, "{CONTAINER_ID}:{CONTAINER_ID}"),
        }
    }
}

/// Bytes that are shared, not copied, and hashed once.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    bytes: Arc<[u8]>,
    sha256: [u8; 32],
}

impl Content {
    /// Takes the bytes and hashes them.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let sha256 = Sha256::digest(&bytes).into();
        Self { bytes, sha256 }
    }

    /// SHA-256 of the bytes.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A file of a part.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Path inside the part, such as `tls/key.pem`.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Who owns it.
    pub owner: Owner,
    /// What it says.
    pub content: Content,
    /// Whether the content must not be shown.
    pub is_secret: bool,
    shown: Option<String>,
}

impl File {
    /// A file that everyone may see.
    pub fn new(path: &str, mode: u32, owner: Owner, content: Content) -> Self {
        Self {
            path: path.to_owned(),
            mode,
            owner,
            content,
            is_secret: false,
            shown: None,
        }
    }

    /// A file of root's that everyone on the node may read, out of a template.
    pub(super) fn of_template(path: &str, template: &impl Template) -> Self {
        Self::new(
            path,
            0o644,
            Owner::Root,
            Content::new(filled(template).into_bytes()),
        )
    }

    /// The same file as a secret of which `shown` may be seen.
    #[must_use]
    pub fn hidden_as(self, shown: impl Into<String>) -> Self {
        Self {
            is_secret: true,
            shown: Some(shown.into()),
            ..self
        }
    }

    /// The text that may be shown: secrets masked, a binary described.
    pub fn shown(&self) -> Cow<'_, str> {
        match (&self.shown, std::str::from_utf8(&self.content)) {
            (Some(shown), _) => Cow::Borrowed(shown),
            (None, Ok(text)) => Cow::Borrowed(text),
            (None, Err(_)) => Cow::Owned(format!("[binary, {} bytes]\n", self.content.len())),
        }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "File({} {:04o} {}, {} bytes",
            self.path,
            self.mode,
            self.owner,
            self.content.len()
        )?;
        f.write_str(if self.is_secret { ", [secret])" } else { ")" })
    }
}

/// A template's text, with the newline at its end that askama cuts off.
pub(super) fn filled(template: &impl Template) -> String {
    template
        .render()
        .expect("writing to a string does not fail")
        + "\n"
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_and_shown_tell_no_secret() {
        let content = Content::new(*b"sk-very-secret");
        let file = File::new("secrets/upstream_key", 0o400, Owner::Container, content)
            .hidden_as("[secret]\n");
        assert_eq!(
            format!("{file:?}"),
            "File(secrets/upstream_key 0400 65532:65532, 14 bytes, [secret])"
        );
        assert_eq!(file.shown(), "[secret]\n");
    }

    #[test]
    fn a_binary_is_described() {
        let file = File::new(
            "dsline-gateway",
            0o755,
            Owner::Root,
            Content::new(*b"\x7fELF\xff"),
        );
        assert_eq!(file.shown(), "[binary, 5 bytes]\n");
    }
}
