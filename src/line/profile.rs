//! The profile: what the user wants, parsed into what cannot be wrong; later functions take it as given.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::name::{LineName, Slot};
use super::profile_error::ProfileError;
use super::region::{Continent, Place, Region};

/// A line as it is wanted; `profiles/default.toml` describes every key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// The line's name, unique in the account.
    pub name: LineName,
    /// Its regions; the first is the default for places that the map does not name.
    pub regions: Vec<Region>,
    /// Where the line secret is kept; `None` means a file in the user's configuration folder.
    pub secret: Option<SecretSource>,
    /// The machines.
    pub nodes: Nodes,
    /// How the operator reaches them.
    pub ssh: Ssh,
    /// The name that users call.
    pub dns: Dns,
    /// The API behind the line.
    pub upstream: Upstream,
    /// The gateway on each node.
    pub gateway: Gateway,
    /// The proxy in front of it.
    pub nginx: Nginx,
    /// The cache beside it.
    pub redis: Redis,
    /// The audit trail.
    pub logs: Logs,
}

/// Where a secret comes from; exactly one of the three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file; `~/` is the home folder.
    File(PathBuf),
    /// A shell command that prints it.
    Command(String),
}

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

/// `[ssh]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ssh {
    /// The user that first boot makes on a node.
    pub user: String,
    /// Networks that may reach port 22, beside the operator's own address.
    pub allow: Vec<IpNet>,
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
    /// Which region serves a continent; one that is not named goes to the line's region there, else to the first region.
    pub places: BTreeMap<Continent, Region>,
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
    /// Where `/v1/...` is found.
    pub base_url: String,
    /// The API key.
    pub key: SecretSource,
    /// Seconds to wait for a connection.
    pub connect_timeout_seconds: u32,
    /// Seconds to wait for the next byte of an answer.
    pub read_timeout_seconds: u32,
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
}

/// `[logs]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logs {
    /// Daily files of the audit trail that are kept.
    pub keep_days: u32,
}

impl Profile {
    /// Reads a profile; keys that it leaves out have their defaults.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let profile: Self =
            toml::from_str(text).map_err(|error| ProfileError::of_toml(text, &error))?;
        profile.check().map_err(|error| error.located_in(text))?;
        Ok(profile)
    }

    /// Refuses what the types cannot: empty lists, doubled regions, a map to a region outside the line.
    pub fn check(&self) -> Result<(), ProfileError> {
        let refuse = |key: &str, message: String| Err(ProfileError::of_key(key, message));
        if self.regions.is_empty() {
            return refuse("regions", "a line needs at least one region".to_owned());
        }
        if let Some(twice) = self
            .regions
            .iter()
            .enumerate()
            .find(|(i, r)| self.regions[..*i].contains(r))
        {
            return refuse("regions", format!("`{}` is listed twice", twice.1));
        }
        if !(1..=20).contains(&self.nodes.per_region) {
            return refuse(
                "nodes.per_region",
                format!("{} is outside 1 to 20", self.nodes.per_region),
            );
        }
        if self.nodes.instance_types.is_empty() {
            return refuse(
                "nodes.instance_types",
                "name at least one instance type".to_owned(),
            );
        }
        if let Some((_, region)) = self
            .dns
            .places
            .iter()
            .find(|(_, region)| !self.regions.contains(region))
        {
            return refuse(
                "dns.places",
                format!("`{region}` is not one of the line's regions"),
            );
        }
        if !(1..=86_400).contains(&self.dns.ttl) {
            return refuse(
                "dns.ttl",
                format!("{} is outside 1 to 86400 seconds", self.dns.ttl),
            );
        }
        let is_host =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        if !self.dns.host.chars().all(is_host)
            || self.dns.host.ends_with('.')
            || self.dns.host.starts_with('.')
        {
            return refuse(
                "dns.host",
                format!(
                    "`{}` is no host name: lower-case letters, digits, hyphens and inner dots",
                    self.dns.host
                ),
            );
        }
        if !self.upstream.base_url.starts_with("https://")
            && !self.upstream.base_url.starts_with("http://")
        {
            return refuse(
                "upstream.base_url",
                format!(
                    "`{}` must start with https:// or http://",
                    self.upstream.base_url
                ),
            );
        }
        Ok(())
    }

    /// Every slot that the line should have, in order.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        self.regions.iter().flat_map(|region| {
            (1..=self.nodes.per_region).map(|number| Slot {
                region: region.clone(),
                number,
            })
        })
    }

    /// Whether the line has a host name.
    pub fn has_domain(&self) -> bool {
        !self.dns.host.is_empty()
    }

    /// The region that serves a place: the map's, else the line's first region on the continent, else its first region.
    pub fn home_of(&self, place: Place) -> &Region {
        let Place::Continent(continent) = place else {
            return &self.regions[0];
        };
        self.dns
            .places
            .get(&continent)
            .or_else(|| {
                self.regions
                    .iter()
                    .find(|region| region.continent() == continent)
            })
            .unwrap_or(&self.regions[0])
    }
}

impl Default for Profile {
    fn default() -> Self {
        let region = |name: &str| name.parse().expect("a region of the table");
        Self {
            name: "default".parse().expect("a valid line name"),
            regions: vec![
                region("us-east-1"),
                region("ap-southeast-1"),
                region("eu-west-1"),
            ],
            secret: None,
            nodes: Nodes::default(),
            ssh: Ssh::default(),
            dns: Dns::default(),
            upstream: Upstream::default(),
            gateway: Gateway {
                memory_mib: 192,
                body_limit_mib: 32,
            },
            nginx: Nginx {
                tls_min: TlsMinimum::Tls13,
                requests_per_second: 100,
                burst: 200,
            },
            redis: Redis {
                max_memory_mib: 256,
            },
            logs: Logs { keep_days: 30 },
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
            base_url: "https://api.deepseek.com".to_owned(),
            key: SecretSource::Env("DEEPSEEK_API_KEY".to_owned()),
            connect_timeout_seconds: 5,
            read_timeout_seconds: 660,
        }
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Profile::default().gateway
    }
}

impl Default for Nginx {
    fn default() -> Self {
        Profile::default().nginx
    }
}

impl Default for Redis {
    fn default() -> Self {
        Profile::default().redis
    }
}

impl Default for Logs {
    fn default() -> Self {
        Profile::default().logs
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_default_profile_is_the_default() {
        let shipped = Profile::parse(include_str!("../../profiles/default.toml")).unwrap();
        assert_eq!(shipped, Profile::default());
    }

    #[test]
    fn refusals_name_line_and_key() {
        let message = |text: &str| Profile::parse(text).unwrap_err().to_string();
        assert_eq!(
            message("name = \"a\"\nregons = []\n"),
            "line 2: unknown key `regons`; did you mean `regions`?"
        );
        assert_eq!(
            message("[nodes]\nper_region = 0\n"),
            "line 2: `nodes.per_region`: 0 is outside 1 to 20"
        );
        assert_eq!(
            message("regions = []"),
            "line 1: `regions`: a line needs at least one region"
        );
        assert!(message("regions = [\"us-esat-1\"]").contains("did you mean `us-east-1`?"));
        assert!(message("[nodes]\nimage = \"windows\"\n").starts_with("line 2: "));
    }

    #[test]
    fn every_place_has_a_home() {
        let profile = Profile::default();
        let home = |place| profile.home_of(place).as_str();
        assert_eq!(home(Place::Continent(Continent::Asia)), "ap-southeast-1");
        assert_eq!(home(Place::Continent(Continent::Europe)), "eu-west-1");
        assert_eq!(home(Place::Continent(Continent::Africa)), "us-east-1");
        assert_eq!(home(Place::Everyone), "us-east-1");
    }
}
