//! The values of single keys, parsed into what cannot be wrong.

use std::time::Duration;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use serde::Deserialize;

/// A short name that is safe in a header, a log line and a metric label.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Label(String);

impl Label {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Label {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/:-".contains(c);
        if text.is_empty() || text.len() > 128 || !text.chars().all(is_plain) {
            return Err("must be 1 to 128 letters, digits, or any of . _ / : -".into());
        }
        Ok(Self(text))
    }
}

/// A duration of at least one second, written as a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct Seconds(u64);

impl Seconds {
    /// So many seconds, for defaults.
    pub const fn new(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The same as a [`Duration`].
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl TryFrom<u64> for Seconds {
    type Error = String;

    fn try_from(seconds: u64) -> Result<Self, String> {
        if (1..=86_400).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err("must be 1 to 86400 seconds".into())
        }
    }
}

/// Where the upstream API lives; a client's `/v1/...` is appended to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    prefix: String,
}

impl BaseUrl {
    /// The upstream's address for a client's path and query, which stay byte for byte what they were.
    pub fn join(&self, path: &PathAndQuery) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path}", self.prefix))
            .build()
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let shape = "must look like https://api.deepseek.com";
        let uri: Uri = text.parse().map_err(|error| format!("{shape} ({error})"))?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(shape.into());
        };
        if scheme != Scheme::HTTPS && scheme != Scheme::HTTP {
            return Err(format!("{shape}; `{scheme}` is neither http nor https"));
        }
        if authority.as_str().contains('@') {
            return Err("must not carry a user or password; the key belongs in key_file".into());
        }
        let path = parts
            .path_and_query
            .unwrap_or_else(|| PathAndQuery::from_static("/"));
        if path.query().is_some() {
            return Err("must not carry a query".into());
        }
        let prefix = path.path().trim_end_matches('/').to_owned();
        if prefix.ends_with("/v1") {
            return Err(
                "must not end in /v1: the path a client asks for, /v1/..., is appended to it"
                    .into(),
            );
        }
        Ok(Self {
            scheme,
            authority,
            prefix,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(base: &str, path: &str) -> String {
        BaseUrl::try_from(base.to_owned())
            .unwrap()
            .join(&path.parse().unwrap())
            .unwrap()
            .to_string()
    }

    #[test]
    fn a_path_is_appended_as_it_came() {
        assert_eq!(
            joined("https://api.deepseek.com", "/v1/models"),
            "https://api.deepseek.com/v1/models"
        );
        assert_eq!(
            joined("https://api.deepseek.com/", "/v1/a%20b?x=1&&y"),
            "https://api.deepseek.com/v1/a%20b?x=1&&y"
        );
        assert_eq!(
            joined("http://10.0.0.1:8000/openai/", "/v1/models"),
            "http://10.0.0.1:8000/openai/v1/models"
        );
    }

    #[test]
    fn odd_base_urls_are_refused() {
        for odd in [
            "",
            "api.deepseek.com",
            "/v1",
            "ftp://x",
            "https://u:p@x",
            "https://x?y",
            "https://x/v1",
            "https://x/v1/",
        ] {
            assert!(
                BaseUrl::try_from(odd.to_owned()).is_err(),
                "{odd} was accepted"
            );
        }
    }

    #[test]
    fn labels_stay_header_safe() {
        assert!(Label::try_from("ap-southeast-1/1".to_owned()).is_ok());
        for odd in ["", "a b", "a\nb", "ü"] {
            assert!(
                Label::try_from(odd.to_owned()).is_err(),
                "{odd:?} was accepted"
            );
        }
    }
}
