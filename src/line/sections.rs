//! The sections of a profile with their defaults; `profiles/default.toml` describes every key.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::image::ImageChoice;
use super::place::Place;
use super::region::Region;
use super::secret_source::SecretSource;
use super::traffic::OtherUpstream;

/// `[nodes]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nodes {
    /// Nodes per region.
    pub per_region: u16,
    /// Preferred instance types, best first; the first that the account is offered free in a region is taken.
    pub instance_types: Vec<String>,
    /// Which image a new node boots.
    pub image: ImageChoice,
    /// Whether a type that is not offered free may be launched.
    pub allow_paid: bool,
    /// Root volume in GiB.
    pub volume_gib: u16,
    /// Swap file in MiB; 0 for none.
    pub swap_mib: u32,
}

/// `[ssh]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ssh {
    /// The user that first boot makes on a node.
    pub user: String,
    /// Networks that may reach port 22, beside the operator's own address.
    pub allow: Vec<IpNet>,
    /// Whether a node's own firewall, too, lets only `allow` reach port 22.
    pub only_allowed: bool,
    /// Public keys (text, or a file) that may log in; empty means the operator's own.
    pub keys: Vec<String>,
    /// The private key to log in with; empty means the SSH agent and the usual files.
    pub identity: Option<PathBuf>,
    /// A URL that answers with the caller's address as plain text.
    pub address_service: String,
}

/// `[dns]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// The host name that users call; empty for a line without a domain.
    pub host: String,
    /// The hosted zone, by name or id; empty means the zone whose name ends `host`.
    pub zone: String,
    /// Seconds that resolvers keep an answer.
    pub ttl: u32,
    /// How quickly Route 53 notices a dead node.
    pub checks: CheckSpeed,
    /// Which region serves a continent, a country, a state of the United States, or everyone else (`*`).
    ///
    /// A continent that is not named goes to the line's region there, else to everyone else's; that is the first region.
    pub places: BTreeMap<Place, Region>,
    /// DNS server to ask when looking at answers, as `address:port`; empty means the zone's own servers.
    pub resolver: String,
}

/// How quickly Route 53 notices a dead node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckSpeed {
    /// Every 30 seconds: free for the first 50 checks of AWS addresses.
    Standard,
    /// Every 10 seconds: $1 a month per check.
    Fast,
}

impl CheckSpeed {
    /// Seconds between two questions; Route 53 cannot change it on an existing check.
    pub fn interval_seconds(self) -> i32 {
        match self {
            Self::Standard => 30,
            Self::Fast => 10,
        }
    }

    /// The settings that a check's caller reference stands for.
    pub fn settings(self) -> String {
        format!(
            "HTTP:80/healthz every {}s, 3 failures",
            self.interval_seconds()
        )
    }
}

/// `[upstream]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upstream {
    /// What logs, metrics and status call it.
    pub name: String,
    /// Where `/v1/...` is found.
    pub base_url: String,
    /// The API key.
    pub key: SecretSource,
    /// Seconds to wait for a connection.
    pub connect_timeout_seconds: u32,
    /// Seconds to wait for the next byte of an answer.
    pub read_timeout_seconds: u32,
    /// Its share beside the others; 0 is a standby, asked when no other can be.
    pub weight: u16,
    /// What a model is called there: the client's name to the upstream's.
    pub models: BTreeMap<String, String>,
    /// More APIs, asked beside it or in its place.
    pub others: Vec<OtherUpstream>,
}

/// `[gateway]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gateway {
    /// Memory the gateway's container may use, in MiB.
    pub memory_mib: u32,
    /// Largest request body, in MiB.
    pub body_limit_mib: u32,
}

/// `[nginx]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nginx {
    /// Oldest TLS version that is spoken.
    pub tls_min: TlsMinimum,
    /// Requests per second and address.
    pub requests_per_second: u32,
    /// Requests above that rate that are let through at once.
    pub burst: u32,
    /// Requests of one address at the same time.
    pub connections: u32,
}

/// Oldest TLS version that a node speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsMinimum {
    /// TLS 1.2.
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    Tls13,
}

/// `[redis]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redis {
    /// Memory for cached answers, in MiB.
    pub max_memory_mib: u32,
    /// Raised by one, it changes the password between the gateway and Redis.
    pub password_epoch: u32,
}

/// `[lock]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lock {
    /// Seconds without a sign of life after which others may take the lock; its holder gives one each third of it.
    pub ttl_seconds: u32,
}

/// `[push]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Push {
    /// Seconds in which a new release must be confirmed over a new SSH connection; otherwise the node goes back.
    pub confirm_seconds: u32,
}

/// `[logs]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logs {
    /// Daily files of the audit trail that are kept.
    pub keep_days: u32,
    /// Whether the audit trail holds what users ask.
    pub prompts: bool,
    /// Where nodes also send the trail, by RELP over TLS (rsyslog's imrelp), as `host:port`; empty for nowhere.
    pub forward: String,
    /// The authority that the receiver's certificate comes from, a PEM file; otherwise those that the system trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward_ca: Option<PathBuf>,
}

impl Logs {
    /// Host and port of the receiver; `None` when there is none, or it cannot be read.
    pub fn receiver(&self) -> Option<(&str, u16)> {
        let (host, port) = self.forward.rsplit_once(':')?;
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        let is_name = !host.is_empty() && host.bytes().all(is_host);
        let port = port.parse().ok().filter(|port| *port != 0)?;
        is_name.then_some((host, port))
    }
}

/// `[budget]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// The most dollars a month that the line may cost; 0 for no ceiling.
    pub month_usd: u64,
    /// DNS queries a month that are reckoned with.
    pub queries: u64,
    /// GB of traffic out a month that are reckoned with.
    pub traffic_gb: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            month_usd: 0,
            queries: 100_000,
            traffic_gb: 10,
        }
    }
}

impl Default for Push {
    fn default() -> Self {
        Self {
            confirm_seconds: 60,
        }
    }
}

impl Default for Nodes {
    fn default() -> Self {
        Self {
            per_region: 1,
            instance_types: ["t3.micro", "t2.micro", "t3.small"]
                .map(str::to_owned)
                .to_vec(),
            image: "debian-13"
                .to_owned()
                .try_into()
                .expect("a known distribution"),
            allow_paid: false,
            volume_gib: 8,
            swap_mib: 1024,
        }
    }
}

impl Default for Ssh {
    fn default() -> Self {
        Self {
            user: "dsline".to_owned(),
            allow: Vec::new(),
            only_allowed: false,
            keys: Vec::new(),
            identity: None,
            address_service: "https://checkip.amazonaws.com".to_owned(),
        }
    }
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            host: String::new(),
            zone: String::new(),
            ttl: 60,
            checks: CheckSpeed::Standard,
            places: BTreeMap::new(),
            resolver: String::new(),
        }
    }
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            name: "upstream".to_owned(),
            base_url: "https://api.deepseek.com".to_owned(),
            key: SecretSource::Env("DEEPSEEK_API_KEY".to_owned()),
            connect_timeout_seconds: 5,
            read_timeout_seconds: 660,
            weight: 1,
            models: BTreeMap::new(),
            others: Vec::new(),
        }
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            memory_mib: 192,
            body_limit_mib: 32,
        }
    }
}

impl Default for Nginx {
    fn default() -> Self {
        Self {
            tls_min: TlsMinimum::Tls13,
            requests_per_second: 100,
            burst: 200,
            connections: 2000,
        }
    }
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            max_memory_mib: 256,
            password_epoch: 1,
        }
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self { ttl_seconds: 60 }
    }
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            keep_days: 30,
            prompts: false,
            forward: String::new(),
            forward_ca: None,
        }
    }
}
