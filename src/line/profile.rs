//! The profile: what the user wants, parsed into what cannot be wrong; later functions take it as given.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::brought::{self, Brought};
use super::certificate::{self, CertificateSource};
use super::name::{LineName, Slot};
use super::place::Place;
use super::profile_error::ProfileError;
use super::region::Region;
use super::scaling::{self, Hooks, Scaling};
use super::secret_source::SecretSource;
use super::sections::{Budget, Dns, Gateway, Lock, Logs, Nginx, Nodes, Push, Redis, Ssh, Upstream};
use super::traffic::{Auth, Cache, Conversation, Cors, Merge, Quota, Retry};
use super::traffic_check;
use super::waf::Waf;

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
    /// How hard an API that fails is asked again.
    pub retry: Retry,
    /// The gateway on each node.
    pub gateway: Gateway,
    /// Answers that are kept.
    pub cache: Cache,
    /// Requests that share one upstream call.
    pub merge: Merge,
    /// How much may be asked.
    pub quota: Quota,
    /// Who may ask.
    pub auth: Auth,
    /// Which web pages may ask.
    pub cors: Cors,
    /// The simple chat.
    pub conversation: Conversation,
    /// The proxy in front of it.
    pub nginx: Nginx,
    /// Who signs what it shows.
    pub certificate: CertificateSource,
    /// The rules against attacks.
    pub waf: Waf,
    /// The cache beside it.
    pub redis: Redis,
    /// The audit trail.
    pub logs: Logs,
    /// What keeps two commands from changing the line at once.
    pub lock: Lock,
    /// What it may cost.
    pub budget: Budget,
    /// How a release becomes the live one.
    pub push: Push,
    /// How its number of nodes follows load.
    pub scaling: Scaling,
    /// Who is told what the loop does.
    pub hooks: Hooks,
    /// Machines of the operator's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub node: Vec<Brought>,
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
        if !(3..=3600).contains(&self.lock.ttl_seconds) {
            return refuse(
                "lock.ttl_seconds",
                format!("{} is outside 3 to 3600", self.lock.ttl_seconds),
            );
        }
        if !(5..=3600).contains(&self.push.confirm_seconds) {
            return refuse(
                "push.confirm_seconds",
                format!("{} is outside 5 to 3600", self.push.confirm_seconds),
            );
        }
        if let Some(wrong) = fault_of_host(&self.dns.host) {
            return refuse(
                "dns.host",
                format!("`{}` is no host name: {wrong}", self.dns.host),
            );
        }
        if let Some(wrong) = fault_of_url(&self.upstream.base_url) {
            return refuse(
                "upstream.base_url",
                format!("`{}` {wrong}", self.upstream.base_url),
            );
        }
        if !is_user(&self.ssh.user) {
            let message =
                "cannot be made on a node: lower-case letters, digits, - and _, and not root";
            return refuse("ssh.user", format!("`{}` {message}", self.ssh.user));
        }
        if self.ssh.only_allowed && self.ssh.allow.is_empty() {
            return refuse(
                "ssh.only_allowed",
                "nobody could log in: `ssh.allow` names no network".to_owned(),
            );
        }
        if !self.logs.forward.is_empty() && self.logs.receiver().is_none() {
            return refuse(
                "logs.forward",
                format!(
                    "`{}` is no host and port, such as \"logs.example.com:2514\"",
                    self.logs.forward
                ),
            );
        }
        brought::check(self)?;
        scaling::check(self)?;
        certificate::check(self)?;
        traffic_check::check(self)
    }

    /// Every slot that the line has at least: those to launch into in order, then the operator's own machines.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        let launched = self.regions.iter().flat_map(|region| {
            (1..=self.nodes.per_region).map(|number| Slot {
                region: region.clone(),
                number,
            })
        });
        launched.chain(self.brought().map(|(slot, _)| slot))
    }

    /// Whether the line has a host name.
    pub fn has_domain(&self) -> bool {
        !self.dns.host.is_empty()
    }

    /// The region that serves a place: the map's for it or for what is around it, else the line's first region on the
    /// continent, else the one that serves everyone.
    pub fn home_of(&self, place: Place) -> &Region {
        let mapped = |place: Place| self.dns.places.get(&place);
        let on_continent = |place: Place| {
            let mut regions = self.regions.iter();
            regions.find(|region| Some(region.continent()) == place.continent())
        };
        place
            .widening()
            .filter(|place| *place != Place::Everyone)
            .find_map(mapped)
            .or_else(|| on_continent(place))
            .or_else(|| mapped(Place::Everyone))
            .unwrap_or(&self.regions[0])
    }

    /// The places that its records name: every continent, everyone else, and whatever the map names beside them.
    pub fn places(&self) -> BTreeSet<Place> {
        let mapped = self.dns.places.keys().copied();
        Place::all().chain(mapped).collect()
    }
}

/// What is wrong with a host name (RFC 1123, 2.1); an empty one means that the line has none.
fn fault_of_host(host: &str) -> Option<&'static str> {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    match host {
        "" => None,
        _ if !host.chars().all(is_allowed) => {
            Some("lower-case letters, digits, hyphens and inner dots only")
        }
        // The line's own names stand before it, and a whole name has at most 253 characters.
        _ if host.len() > 220 => Some("it is longer than 220 characters"),
        _ if !host.split('.').all(is_label) => {
            Some("each part has 1 to 63 characters and no hyphen at its ends")
        }
        _ => None,
    }
}

pub(super) fn fault_of_url(url: &str) -> Option<&'static str> {
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Some("must start with https:// or http://");
    }
    url.trim_end_matches('/')
        .ends_with("/v1")
        .then_some("must not end in /v1, which the gateway appends")
}

/// A name that `useradd` takes (Debian's rule), other than root's.
fn is_user(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    name != "root"
        && name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(is_allowed)
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
            retry: Retry::default(),
            gateway: Gateway::default(),
            cache: Cache::default(),
            merge: Merge::default(),
            quota: Quota::default(),
            auth: Auth::default(),
            cors: Cors::default(),
            conversation: Conversation::default(),
            nginx: Nginx::default(),
            certificate: CertificateSource::default(),
            waf: Waf::default(),
            redis: Redis::default(),
            logs: Logs::default(),
            lock: Lock::default(),
            budget: Budget::default(),
            push: Push::default(),
            scaling: Scaling::default(),
            hooks: Hooks::default(),
            node: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Continent;

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
        assert!(
            message("[dns]\nhost = \"a..b\"\n")
                .starts_with("line 2: `dns.host`: `a..b` is no host name")
        );
        assert!(
            message("[upstream]\nbase_url = \"https://x/v1\"\n").contains("must not end in /v1")
        );
        assert!(message("[ssh]\nuser = \"root\"\n").contains("cannot be made on a node"));
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

    #[test]
    fn countries_and_states_are_placed_and_the_rest_follows_what_is_around_it() {
        let text = "[dns.places]\nAS-JP = \"us-east-1\"\nNA-US-CA = \"ap-southeast-1\"\nNA-US = \"eu-west-1\"\n\"*\" = \"eu-west-1\"\n";
        let profile = Profile::parse(text).unwrap();
        let home = |place: &str| profile.home_of(place.parse().unwrap()).as_str();
        assert_eq!(home("AS-JP"), "us-east-1");
        assert_eq!(home("AS-KR"), "ap-southeast-1");
        assert_eq!(home("NA-US-CA"), "ap-southeast-1");
        assert_eq!(home("NA-US-NY"), "eu-west-1");
        assert_eq!(home("NA-CA"), "us-east-1");
        assert_eq!(home("AF"), "eu-west-1");
        assert_eq!(profile.places().len(), 8 + 3);
        let wrong = Profile::parse("[dns]\nplaces = { JP = \"us-east-1\" }\n").unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "line 2: `dns.places`: `JP` is no place; did you mean `AS-JP` (Japan)?"
        );
    }
}
