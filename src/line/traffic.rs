//! The sections of a profile about users' traffic, which the gateways follow; `profiles/default.toml` describes every key.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::secret_source::SecretSource;

/// `[[upstream.others]]`: one more API behind the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherUpstream {
    /// What logs, metrics and status call it.
    pub name: String,
    /// Where `/v1/...` is found.
    pub base_url: String,
    /// The API key.
    pub key: SecretSource,
    /// Its share beside the others; 0 is a standby, asked when no other can be.
    #[serde(default = "one")]
    pub weight: u16,
    /// What a model is called there: the client's name to the upstream's.
    #[serde(default)]
    pub models: BTreeMap<String, String>,
    /// Whether only models that stand in `models` are asked of it.
    #[serde(default)]
    pub only_listed_models: bool,
}

const fn one() -> u16 {
    1
}

/// `[retry]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// The most attempts for one request, the first included.
    pub attempts: u32,
    /// Retries in a hundred requests; more would feed an outage.
    pub budget_percent: u32,
    /// From a request's arrival to the first token, all attempts together.
    pub deadline_seconds: u32,
}

/// `[cache]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// Whether answers are kept at all.
    pub enabled: bool,
    /// How long an answer is given again.
    pub ttl_seconds: u32,
    /// How much longer it may be given while the upstream is down; 0 is never.
    pub stale_if_error_seconds: u32,
    /// Room for answers in the gateway itself, in MiB; Redis has more.
    pub memory_mib: u32,
    /// A longer answer is not kept, in KiB.
    pub answer_kib: u32,
    /// The longest wait for Redis.
    pub redis_timeout_ms: u32,
    /// Callers whose answers are never kept.
    pub except: Vec<String>,
}

/// `[merge]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Merge {
    /// Whether identical requests share one upstream call.
    pub enabled: bool,
    /// How long a complete answer can still be joined; 0 for not at all.
    pub window_seconds: u32,
    /// Which requests are the same.
    #[serde(rename = "match")]
    pub matching: Matching,
}

/// Which requests are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    /// Those that mean the same, value for value.
    Exact,
    /// Those whose first ten words are the same in any case and order: one user may get another question's answer.
    Loose,
}

impl Matching {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Loose => "loose",
        }
    }
}

/// `[quota]`; a limit of 0 is none, except for the upstream's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quota {
    /// Requests a minute of one key or token subject, at each node.
    pub requests_per_minute: u32,
    /// Requests a minute of one address, all keys together.
    pub address_requests_per_minute: u32,
    /// Tokens in any minute of one key or token subject.
    pub tokens_per_minute: u32,
    /// Streams at the same time of one key or token subject.
    pub streams: u32,
    /// Upstream calls at the same time of the whole line; each node has its share.
    pub account_permits: u32,
    /// Requests that may wait for a permit, at each node.
    pub queue_length: u32,
    /// The longest wait for a permit.
    pub queue_wait_seconds: u32,
}

impl Quota {
    /// A node's share of the upstream calls that the account may have at the same time.
    pub fn permits_of_node(&self, nodes: usize) -> u32 {
        let nodes = u32::try_from(nodes.max(1)).expect("a line has fewer nodes than that");
        (self.account_permits / nodes).max(1)
    }
}

/// `[auth]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Only these networks may ask, with a key or token all the same; empty lets every address ask.
    pub allow: Vec<IpNet>,
    /// Epochs of the line's own API key that are let in; the last is the one in use.
    pub key_epochs: Vec<u32>,
    /// Epochs of tokens that are still let in beside the one in use.
    pub old_token_epochs: Vec<u32>,
    /// Raised by one, it makes every token void that `dsline token issue` ever made.
    pub token_epoch: u32,
    /// Tokens of somebody else's making.
    pub issuer: Option<Issuer>,
}

impl Auth {
    /// The epoch of the API key that the line's users are given.
    pub fn key_epoch(&self) -> u32 {
        *self
            .key_epochs
            .last()
            .expect("a profile without one is refused")
    }

    /// Epochs of all tokens that are let in.
    pub fn token_epochs(&self) -> impl Iterator<Item = u32> + '_ {
        let old = self.old_token_epochs.iter().copied();
        old.chain([self.token_epoch])
    }
}

/// `[auth.issuer]`: whose tokens are accepted beside the line's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Its name, the token's `iss`.
    pub name: String,
    /// The token's `aud` must be this.
    pub audience: String,
    /// Where its JSON Web Key Set is.
    pub jwks_url: String,
    /// The only signatures that are looked at: `RS256`, `ES256`, `EdDSA`.
    pub algorithms: Vec<SigningAlgorithm>,
}

/// A signature of another issuer's; HS256 would need its secret on the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl SigningAlgorithm {
    /// As RFC 7518 and RFC 8037 write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }
}

/// `[cors]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    /// Origins like `https://app.example.com`, or `*` alone.
    pub origins: Vec<String>,
    /// How long a browser need not ask again.
    pub max_age_seconds: u32,
}

/// `[conversation]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Conversation {
    /// Whether there is a simple chat.
    pub enabled: bool,
    /// The model that answers when a client names none.
    pub model: String,
    /// How long a caller's conversation is kept after its last answer.
    pub ttl_seconds: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            budget_percent: 20,
            deadline_seconds: 660,
        }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            enabled: true,
            ttl_seconds: 3600,
            stale_if_error_seconds: 86_400,
            memory_mib: 16,
            answer_kib: 1024,
            redis_timeout_ms: 30,
            except: Vec::new(),
        }
    }
}

impl Default for Merge {
    fn default() -> Self {
        Self {
            enabled: true,
            window_seconds: 30,
            matching: Matching::Exact,
        }
    }
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            requests_per_minute: 1000,
            address_requests_per_minute: 6000,
            tokens_per_minute: 0,
            streams: 1000,
            account_permits: 500,
            queue_length: 1000,
            queue_wait_seconds: 10,
        }
    }
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            key_epochs: vec![1],
            old_token_epochs: Vec::new(),
            token_epoch: 1,
            issuer: None,
        }
    }
}

impl Default for Cors {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            max_age_seconds: 600,
        }
    }
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            enabled: true,
            model: "deepseek-chat".to_owned(),
            ttl_seconds: 3600,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_s_permits_are_split_and_never_none() {
        let quota = Quota::default();
        assert_eq!(quota.permits_of_node(3), 166);
        assert_eq!(quota.permits_of_node(0), 500);
        assert_eq!(quota.permits_of_node(1000), 1);
    }
}
