//! The way to a host, as `~/.ssh/config` and the profile have it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ssh2_config::{HostParams, ParseRule, SshConfig};

use super::door::{Door, Target};

/// Where to knock, as whom, with which keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The host as it was written: a node's address, or a jump host with user and port.
    pub(super) written: String,
    /// Name or address to connect to.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) keys: Keys,
    pub(super) connect_timeout: Option<Duration>,
    /// Hosts to go through, in order; a jump host has none of its own.
    pub(super) jumps: Vec<Self>,
}

/// The keys to log in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    /// Key files that were named.
    pub(super) files: Vec<PathBuf>,
    /// Whether the agent's other keys may be tried.
    pub(super) is_agent_welcome: bool,
    /// The usual files, tried last; empty when files were named.
    pub(super) usual: Vec<PathBuf>,
}

/// The operator's `~/.ssh/config`, parsed.
pub(super) struct Directory<'a> {
    door: &'a Door,
    config: SshConfig,
}

impl<'a> Directory<'a> {
    /// Reads `~/.ssh/config`; without one there is nothing to honour. The error is a message.
    pub(super) fn read(door: &'a Door) -> Result<Self, String> {
        let path = door.home.join(".ssh/config");
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(door, &text)
                .map_err(|error| format!("{} cannot be read: {error}", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::parse(door, ""),
            Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
        }
    }

    fn parse(door: &'a Door, text: &str) -> Result<Self, String> {
        let rules = ParseRule::ALLOW_UNKNOWN_FIELDS | ParseRule::ALLOW_UNSUPPORTED_FIELDS;
        let config = SshConfig::default()
            .home_dir(&door.home)
            .parse(&mut text.as_bytes(), rules);
        Ok(Self {
            door,
            config: config.map_err(|error| error.to_string())?,
        })
    }

    /// The way to a node, which the configuration may know by its address or by its alias.
    pub(super) fn to_node(&self, target: &Target) -> Result<Route, String> {
        let address = target.address.to_string();
        let params = self.params(&[&address, &self.door.alias(&target.slot)]);
        let jumps = params
            .proxy_jump
            .iter()
            .flatten()
            .filter(|jump| *jump != "none");
        let (user, port) = match &target.login {
            Some((user, port)) => (user.clone(), *port),
            None => (self.user_of_node(target), params.port.unwrap_or(22)),
        };
        Ok(Route {
            user,
            keys: self.keys(&params, self.door.identity.as_deref()),
            port,
            connect_timeout: params.connect_timeout,
            jumps: jumps
                .map(|jump| self.to_jump(jump))
                .collect::<Result<_, _>>()?,
            written: address.clone(),
            host: address,
        })
    }

    /// The way to a jump host, written `[user@]host[:port]` or as a URI.
    fn to_jump(&self, text: &str) -> Result<Route, String> {
        let rest = text
            .strip_prefix("ssh://")
            .unwrap_or(text)
            .trim_end_matches('/');
        let (user, rest) = rest
            .rsplit_once('@')
            .map_or((None, rest), |(user, rest)| (Some(user.to_owned()), rest));
        let (name, port) = split_port(rest).ok_or_else(|| {
            format!("~/.ssh/config: `ProxyJump {text}` is not of the form user@host:port")
        })?;
        let params = self.params(&[name]);
        // Without a user OpenSSH takes the operator's login name; the home folder bears it.
        let login = || {
            self.door
                .home
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
        };
        Ok(Route {
            user: user
                .or_else(|| params.user.clone())
                .or_else(login)
                .unwrap_or_default(),
            keys: self.keys(&params, None),
            port: port.or(params.port).unwrap_or(22),
            connect_timeout: params.connect_timeout,
            jumps: Vec::new(),
            written: text.to_owned(),
            host: params
                .host_name
                .as_deref()
                .map_or_else(|| name.to_owned(), |real| real.replace("%h", name)),
        })
    }

    /// The profile's user, unless the configuration names another for this very node.
    ///
    /// A `User` for all hosts is the operator's name elsewhere: no node of a line has such a user.
    fn user_of_node(&self, target: &Target) -> String {
        let names = [target.address.to_string(), self.door.alias(&target.slot)];
        let hosts = self
            .config
            .get_hosts()
            .iter()
            .filter(|host| names.iter().any(|name| self.is_for(host, name)));
        let mut meant = hosts.filter(|host| {
            host.pattern
                .iter()
                .any(|clause| clause.pattern != "*" && !clause.negated)
        });
        meant
            .find_map(|host| host.params.user.clone())
            .unwrap_or_else(|| self.door.user.clone())
    }

    /// What the configuration says of a host with several names: the first value in the file counts.
    fn params(&self, names: &[&str]) -> HostParams {
        let mut params = HostParams::new(&ssh2_config::default_openssh_algorithms());
        for host in self
            .config
            .get_hosts()
            .iter()
            .filter(|host| names.iter().any(|name| self.is_for(host, name)))
        {
            params.overwrite_if_none(&host.params);
        }
        params
    }

    fn is_for(&self, host: &ssh2_config::Host, name: &str) -> bool {
        self.config
            .intersecting_hosts(name)
            .any(|other| std::ptr::eq(other, host))
    }

    fn keys(&self, params: &HostParams, identity: Option<&Path>) -> Keys {
        if let Some(identity) = identity {
            return Keys {
                files: vec![identity.to_owned()],
                is_agent_welcome: false,
                usual: Vec::new(),
            };
        }
        let says_yes = |values: &Vec<String>| {
            values
                .first()
                .is_some_and(|value| value.eq_ignore_ascii_case("yes"))
        };
        let is_agent_welcome = !params
            .unsupported_fields
            .get("identitiesonly")
            .is_some_and(says_yes);
        let files = params.identity_file.clone().unwrap_or_default();
        let usual = if files.is_empty() {
            ["id_ed25519", "id_ecdsa", "id_rsa"].as_slice()
        } else {
            &[]
        };
        let usual = usual
            .iter()
            .map(|name| self.door.home.join(".ssh").join(name))
            .collect();
        Keys {
            files,
            is_agent_welcome,
            usual,
        }
    }
}

/// `host`, `host:port` or `[v6]:port`.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        let port = rest.strip_prefix(':').map(str::parse).transpose().ok()?;
        return Some((host, port));
    }
    match text.rsplit_once(':') {
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
        None => Some((text, None)),
    }
    .filter(|(host, _)| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{Generation, HostKey, HostKeyStage, LineSecret, Slot};

    fn door() -> Door {
        Door {
            line: "home".parse().unwrap(),
            user: "dsline".to_owned(),
            identity: None,
            brought: std::collections::BTreeMap::new(),
            home: "/home/alice".into(),
            agent: true,
        }
    }

    fn target() -> Target {
        let slot: Slot = "eu-west-1/2".parse().unwrap();
        let key = HostKey::derive(
            &LineSecret::from_bytes([1; 32]),
            &slot,
            Generation::FIRST,
            HostKeyStage::Lasting,
        );
        Target {
            slot,
            address: "198.18.3.4".parse().unwrap(),
            lasting: key.public(),
            first_boot: key.public(),
            login: None,
        }
    }

    fn route(config: &str) -> Route {
        Directory::parse(&door(), config)
            .unwrap()
            .to_node(&target())
            .unwrap()
    }

    #[test]
    fn without_a_configuration_the_profile_and_the_usual_files_count() {
        let route = route("");
        assert_eq!(
            (route.host.as_str(), route.port, route.user.as_str()),
            ("198.18.3.4", 22, "dsline")
        );
        assert!(
            route.keys.files.is_empty() && route.keys.is_agent_welcome && route.jumps.is_empty()
        );
        assert_eq!(
            route.keys.usual[0],
            Path::new("/home/alice/.ssh/id_ed25519")
        );
    }

    #[test]
    fn a_node_is_known_by_alias_and_by_address_and_the_first_value_counts() {
        let text = "Host dsline-home-*\n  Port 2200\n  IdentityFile ~/.ssh/line\n  IdentitiesOnly yes\nHost 198.18.*\n  Port 2300\n  ConnectTimeout 7\nHost *\n  Compression yes\n";
        let route = route(text);
        assert_eq!(route.port, 2200);
        assert_eq!(route.connect_timeout, Some(Duration::from_secs(7)));
        assert_eq!(
            route.keys,
            Keys {
                files: vec!["/home/alice/.ssh/line".into()],
                is_agent_welcome: false,
                usual: Vec::new()
            }
        );
    }

    #[test]
    fn a_machine_of_the_operators_own_is_entered_as_its_profile_says() {
        let target = Target {
            login: Some(("debian".to_owned(), 2222)),
            ..target()
        };
        let text = "Host 198.18.*\n  Port 2300\n  User admin\n  IdentityFile /k\n";
        let door = door();
        let directory = Directory::parse(&door, text).unwrap();
        let route = directory.to_node(&target).unwrap();
        assert_eq!((route.user.as_str(), route.port), ("debian", 2222));
        assert_eq!(route.keys.files, [Path::new("/k")]);
    }

    #[test]
    fn a_user_for_all_hosts_is_not_the_nodes() {
        assert_eq!(route("Host *\n  User alice\n").user, "dsline");
        assert_eq!(
            route("Host dsline-home-eu-west-1-2\n  User admin\nHost *\n  User alice\n").user,
            "admin"
        );
        assert_eq!(route("Host 10.* other\n  User admin\n").user, "dsline");
    }

    #[test]
    fn jump_hosts_have_entries_of_their_own() {
        let text = "Host 198.18.*\n  ProxyJump bob@gate:2022,inner\nHost gate\n  HostName gate.example.com\n  User carol\nHost inner\n  IdentityFile /k\n";
        let jumps = route(text).jumps;
        assert_eq!(
            (
                jumps[0].host.as_str(),
                jumps[0].port,
                jumps[0].user.as_str()
            ),
            ("gate.example.com", 2022, "bob")
        );
        assert_eq!(
            (
                jumps[1].host.as_str(),
                jumps[1].port,
                jumps[1].user.as_str()
            ),
            ("inner", 22, "alice")
        );
        assert_eq!(jumps[1].keys.files, [Path::new("/k")]);
        assert!(route("Host *\n  ProxyJump none\n").jumps.is_empty());
    }

    #[test]
    fn the_profiles_identity_is_the_only_one() {
        let door = Door {
            identity: Some("/keys/line".into()),
            ..door()
        };
        let route = Directory::parse(&door, "Host *\n  IdentityFile ~/.ssh/other\n")
            .unwrap()
            .to_node(&target())
            .unwrap();
        assert_eq!(
            route.keys,
            Keys {
                files: vec!["/keys/line".into()],
                is_agent_welcome: false,
                usual: Vec::new()
            }
        );
    }

    #[test]
    fn ports_are_split_from_hosts() {
        assert_eq!(split_port("a"), Some(("a", None)));
        assert_eq!(split_port("a:22"), Some(("a", Some(22))));
        assert_eq!(split_port("[::1]:22"), Some(("::1", Some(22))));
        assert_eq!(split_port("[::1]"), Some(("::1", None)));
        assert_eq!(split_port("a:x"), None);
        assert_eq!(split_port(""), None);
    }
}
