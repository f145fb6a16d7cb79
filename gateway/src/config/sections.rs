//! The short sections: `[keys]`, `[limits]`, `[streams]`, `[audit]`, `[cors]` and `[conversation]`.

use std::path::PathBuf;

use http::{HeaderValue, Uri};
use serde::Deserialize;

use super::field::{Label, Seconds};

/// `[keys]`: who may ask.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// One `sha256:<hex>` of an accepted client key per line, and what that key may.
    pub file: PathBuf,
}

/// `[limits]`: how much a client may send.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The largest request body.
    pub body_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 32 * 1024 * 1024,
        }
    }
}

/// `[streams]`: what keeps a silent stream alive.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Streams {
    /// After so long without a byte a client gets a line that its library ignores; also before the answer has begun.
    pub heartbeat_seconds: Seconds,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            heartbeat_seconds: Seconds::new(15),
        }
    }
}

/// `[audit]`: the trail of requests.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// The spool that the node's syslog reads; without it, requests are lines on standard output.
    pub folder: Option<PathBuf>,
    /// A file of this size is followed by the next.
    pub file_bytes: u64,
    /// More than this is never kept, read or not.
    pub all_bytes: u64,
    /// Whether questions are written down too.
    pub prompts: bool,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            folder: None,
            file_bytes: 8 * 1024 * 1024,
            all_bytes: 1024 * 1024 * 1024,
            prompts: false,
        }
    }
}

/// `[cors]`: which web pages may ask from a browser.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    /// Origins like `https://app.example.com`, or `*` alone; none by default.
    pub origins: Vec<Origin>,
    /// How long a browser need not ask again.
    pub max_age_seconds: Seconds,
}

impl Default for Cors {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            max_age_seconds: Seconds::new(600),
        }
    }
}

/// Scheme, host and port of a web page, as browsers send it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(HeaderValue);

impl Origin {
    /// As it stands in the header.
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("an origin is parsed from text")
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let shape =
            "must look like https://app.example.com (no path, no slash at the end), or be * alone";
        let is_origin = text.parse::<Uri>().is_ok_and(|uri| {
            uri.scheme().is_some() && uri.authority().is_some() && text.matches('/').count() == 2
        });
        // Browsers write it in small letters, and it is compared as it is.
        if text != "*" && (!is_origin || text != text.to_ascii_lowercase()) {
            return Err(shape.into());
        }
        HeaderValue::try_from(text)
            .map(Self)
            .map_err(|_| shape.into())
    }
}

/// `[conversation]`: the simple chat for web and mobile clients.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Conversation {
    /// Whether there is one.
    pub enabled: bool,
    /// The model that answers when a client names none.
    pub model: Label,
    /// How long a caller's conversation is kept after its last answer.
    pub ttl_seconds: Seconds,
    /// A longer conversation is answered and not kept.
    pub entry_bytes: usize,
    /// Room for conversations in this process.
    pub memory_bytes: usize,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            enabled: true,
            model: Label::try_from("deepseek-flash".to_owned()).expect("it is a plain name"),
            ttl_seconds: Seconds::new(3600),
            entry_bytes: 256 * 1024,
            memory_bytes: 8 * 1024 * 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_send_them() {
        for good in [
            "*",
            "https://app.example.com",
            "http://localhost:3000",
            "capacitor://localhost",
        ] {
            assert_eq!(Origin::try_from(good.to_owned()).unwrap().as_str(), good);
        }
        for odd in [
            "",
            "app.example.com",
            "https://a.b/",
            "https://a.b/c",
            "https://A.b",
            "https://*.a.b\n",
        ] {
            assert!(Origin::try_from(odd.to_owned()).is_err(), "{odd:?}");
        }
    }
}
