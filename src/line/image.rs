//! Which image a new node boots.

use serde::{Deserialize, Serialize};

/// An image: a distribution by name, an id, or an owner and name pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ImageChoice {
    /// The newest image of a publisher whose name fits a pattern with `*`.
    Newest {
        /// The publisher's account.
        owner: String,
        /// The name pattern.
        pattern: String,
        /// What the profile said.
        written: String,
    },
    /// One image, which exists in one region only.
    Id(String),
}

impl TryFrom<String> for ImageChoice {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        let newest = |owner: &str, pattern: &str| {
            Ok(Self::Newest {
                owner: owner.to_owned(),
                pattern: pattern.to_owned(),
                written: written.clone(),
            })
        };
        match written.as_str() {
            // Publishers' accounts: Debian's and Canonical's own.
            "debian-13" => newest("136693071363", "debian-13-amd64-*"),
            "debian-12" => newest("136693071363", "debian-12-amd64-*"),
            "ubuntu-24.04" => newest(
                "099720109477",
                "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*",
            ),
            id if id.starts_with("ami-") => Ok(Self::Id(written)),
            other => match other.split_once(':') {
                Some((owner, pattern))
                    if owner.len() == 12 && owner.bytes().all(|b| b.is_ascii_digit()) =>
                {
                    newest(owner, pattern)
                }
                _ => Err(format!(
                    "`{other}` is no image: write debian-13, debian-12, ubuntu-24.04, an `ami-...` id, or `<owner account>:<name pattern>`"
                )),
            },
        }
    }
}

impl From<ImageChoice> for String {
    fn from(choice: ImageChoice) -> Self {
        match choice {
            ImageChoice::Newest { written, .. } => written,
            ImageChoice::Id(id) => id,
        }
    }
}
