//! Machines that the line did not launch: `[[node]]` of the profile, and how they stand among the line's nodes.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::host_key::PublicHostKey;
use super::name::{Generation, Slot};
use super::observed::{Instance, InstanceState};
use super::profile::Profile;
use super::profile_error::ProfileError;
use super::region::Region;

/// The most of them in one region.
const MOST: usize = 20;

/// `[[node]]`: a machine of the operator's own, anywhere, that SSH and sudo lead into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brought {
    /// What the operator calls it.
    pub name: String,
    /// Its public address.
    pub address: Ipv4Addr,
    /// The region of the line whose group it joins: the one that it lies nearest to.
    pub region: Region,
    /// The user to log in as, who may use sudo without a password.
    pub user: String,
    /// The port of its SSH server.
    #[serde(default = "ssh_port")]
    pub port: u16,
    /// Its host key, which nothing else is taken for.
    pub host_key: PublicHostKey,
    /// Its memory, in MiB.
    #[serde(default = "memory_of_a_micro")]
    pub memory_mib: u32,
}

fn ssh_port() -> u16 {
    22
}

fn memory_of_a_micro() -> u32 {
    1024
}

impl Brought {
    /// What stands for EC2's id: no id of EC2 looks like it.
    pub fn id(&self) -> String {
        format!("node/{}", self.name)
    }
}

impl Profile {
    /// The operator's own machines with their slots: from 101 in each region, in the profile's order.
    pub fn brought(&self) -> impl Iterator<Item = (Slot, &Brought)> {
        self.node.iter().enumerate().map(|(index, node)| {
            let before = self.node[..index].iter();
            let before = before.filter(|other| other.region == node.region).count();
            let slot = Slot {
                region: node.region.clone(),
                number: Slot::FIRST_BROUGHT + u16::try_from(before).expect("few were let in"),
            };
            (slot, node)
        })
    }

    /// The same as instances that are always there: nobody but SSH can tell whether they are.
    pub fn brought_instances(&self) -> Vec<Instance> {
        let instance = |(slot, node): (Slot, &Brought)| Instance {
            id: node.id(),
            region: slot.region.clone(),
            slot: Some(slot),
            generation: Generation::FIRST,
            key_id: None,
            state: InstanceState::Running,
            address: Some(node.address),
            instance_type: "own machine".to_owned(),
            launched: Timestamp::UNIX_EPOCH,
        };
        self.brought().map(instance).collect()
    }
}

/// Refuses names and addresses that are there twice, addresses that no user reaches, and regions that the line does not have.
pub(super) fn check(profile: &Profile) -> Result<(), ProfileError> {
    for (index, node) in profile.node.iter().enumerate() {
        let refuse = |key, message| Err(ProfileError::of_table("node", index, key, message));
        let before = &profile.node[..index];
        if !is_name(&node.name) {
            let what = "1 to 30 lower-case letters, digits and inner hyphens";
            return refuse("name", format!("`{}` is no name: {what}", node.name));
        }
        if before.iter().any(|other| other.name == node.name) {
            return refuse("name", format!("`{}` is there twice", node.name));
        }
        if !is_public(node.address) {
            let message = format!("`{}` is no public address", node.address);
            return refuse("address", message);
        }
        if before.iter().any(|other| other.address == node.address) {
            return refuse("address", format!("`{}` is there twice", node.address));
        }
        if !profile.regions.contains(&node.region) {
            let regions: Vec<&str> = profile.regions.iter().map(Region::as_str).collect();
            let (wrong, known) = (&node.region, regions.join(", "));
            let message = format!("`{wrong}` is not one of the line's regions: {known}");
            return refuse("region", message);
        }
        let same = before.iter().filter(|other| other.region == node.region);
        if same.count() == MOST {
            return refuse("region", format!("more than {MOST} are in {}", node.region));
        }
        if !is_user(&node.user) {
            return refuse("user", format!("`{}` is no user's name", node.user));
        }
        if node.port == 0 {
            return refuse("port", "0 is no port".to_owned());
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=30).contains(&name.len())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name.chars().all(is_allowed)
}

fn is_user(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=32).contains(&name.len()) && !name.starts_with('-') && name.chars().all(is_allowed)
}

/// Whether an address may be somebody's on the internet: the networks of RFC 6890 that machines at home have are not.
fn is_public(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let is_shared = first == 100 && (64..128).contains(&second);
    !(first == 0
        || first >= 224
        || is_shared
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJxNsj8CN8ksQSbls1ZGbYPKYJ9ulaRgXaFdNTJzbCDY";

    fn node(name: &str, address: &str, region: &str) -> String {
        format!(
            "[[node]]\nname = \"{name}\"\naddress = \"{address}\"\nregion = \"{region}\"\nuser = \"debian\"\n\
             host_key = \"{KEY} root@home\"\n"
        )
    }

    fn refusal(text: &str) -> String {
        Profile::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn they_are_numbered_from_101_in_their_region_and_have_defaults() {
        let text = [
            node("a", "203.0.113.1", "us-east-1"),
            node("b", "203.0.113.2", "eu-west-1"),
            node("c", "203.0.113.3", "us-east-1"),
        ];
        let profile = Profile::parse(&text.concat()).unwrap();
        let slots: Vec<String> = profile
            .brought()
            .map(|(slot, _)| slot.to_string())
            .collect();
        assert_eq!(slots, ["us-east-1/101", "eu-west-1/101", "us-east-1/102"]);
        let first = &profile.node[0];
        assert_eq!((first.port, first.memory_mib), (22, 1024));
        assert_eq!(first.host_key.public_openssh(), KEY);
        assert_eq!(profile.slots().filter(Slot::is_brought).count(), 3);
        assert_eq!(profile.most_nodes(), 3 + 3);
        assert_eq!(profile.brought_instances()[2].id, "node/c");
    }

    #[test]
    fn refusals_name_the_line_of_the_node_at_fault() {
        let good = node("a", "203.0.113.1", "us-east-1");
        for (second, told) in [
            (
                node("a", "203.0.113.2", "us-east-1"),
                "line 8: `node.name`: `a` is there twice",
            ),
            (
                node("B", "203.0.113.2", "us-east-1"),
                "line 8: `node.name`: `B` is no name: 1 to 30 lower-case letters, digits and inner hyphens",
            ),
            (
                node("b", "203.0.113.1", "us-east-1"),
                "line 9: `node.address`: `203.0.113.1` is there twice",
            ),
            (
                node("b", "192.168.1.9", "us-east-1"),
                "line 9: `node.address`: `192.168.1.9` is no public address",
            ),
            (
                node("b", "100.64.0.9", "us-east-1"),
                "line 9: `node.address`: `100.64.0.9` is no public address",
            ),
            (
                node("b", "203.0.113.2", "sa-east-1"),
                "line 10: `node.region`: `sa-east-1` is not one of the line's regions: us-east-1, ap-southeast-1, eu-west-1",
            ),
            (
                node("b", "203.0.113.2", "us-east-1").replace("debian", "-l"),
                "line 11: `node.user`: `-l` is no user's name",
            ),
        ] {
            assert_eq!(refusal(&format!("{good}{second}")), told);
        }
        let odd = refusal(&format!(
            "{good}{}",
            node("b", "home.example.com", "us-east-1")
        ));
        assert!(odd.starts_with("line 9: `node.address`: "), "{odd}");
        let odd = refusal(&format!("{good}{}", node("b", "203.0.113.2", "us-esat-1")));
        assert!(
            odd.starts_with("line 10: `node.region`: ") && odd.contains("did you mean"),
            "{odd}"
        );
    }

    #[test]
    fn a_host_key_is_pinned_and_of_the_one_kind_that_is_asked_for() {
        let good = node("a", "203.0.113.1", "us-east-1");
        for odd in [
            "AAAAC3Nza",
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC0",
            "home ssh-ed25519 AAAA",
            "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
            "",
        ] {
            let told = refusal(&good.replace(&format!("{KEY} root@home"), odd));
            assert!(told.starts_with("line 6: `node.host_key`: "), "{told}");
            assert!(told.contains("/etc/ssh/ssh_host_ed25519_key.pub"), "{told}");
        }
        let without = good.lines().filter(|line| !line.starts_with("host_key"));
        let without: Vec<&str> = without.collect();
        let told = refusal(&without.join("\n"));
        assert!(told.contains("missing field `host_key`"), "{told}");
    }
}
