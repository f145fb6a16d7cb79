//! The user data of a new node: its first-boot host key, the operator's user, and the script that installs the rest.

use askama::Template;

use super::file::filled;
use crate::line::{Generation, HostKey, HostKeyStage, LineSecret, Profile, Slot};

#[derive(Template)]
#[template(path = "node/first-boot.j2", escape = "none")]
struct FirstBoot {
    swap_mib: u32,
}

#[derive(Template)]
#[template(path = "node/nginx.wait.conf.j2", escape = "none")]
struct NginxWait;

/// What a machine that the line did not launch is given instead of user data.
#[derive(Clone, Debug)]
pub struct Preparation {
    /// The drop-in by which nginx waits for the first release.
    pub nginx: String,
    /// The first-boot script.
    pub first_boot: String,
}

/// The parts of first boot that do not touch what is its owner's: neither users nor sshd, and no swap.
pub fn preparation() -> Preparation {
    Preparation {
        nginx: filled(&NginxWait),
        first_boot: filled(&FirstBoot { swap_mib: 0 }),
    }
}

/// The strings that a user wrote are quoted as YAML already.
#[derive(Template)]
#[template(path = "cloud-init.yaml.j2", escape = "none")]
struct CloudConfig<'a> {
    slot: &'a Slot,
    generation: Generation,
    line: &'a str,
    host_key_private: &'a str,
    host_key_public: String,
    user: String,
    authorized_keys: Vec<String>,
    nginx_wait: String,
    first_boot: String,
}

/// The `#cloud-config` of a slot's generation: the same text on each call, under EC2's limit of 16 KB.
pub fn user_data(
    profile: &Profile,
    slot: &Slot,
    generation: Generation,
    secret: &LineSecret,
    authorized_keys: &[String],
) -> String {
    let host_key = HostKey::derive(secret, slot, generation, HostKeyStage::FirstBoot);
    // A string of JSON is a string of YAML.
    let quoted = |text: &str| serde_json::Value::from(text.trim()).to_string();
    filled(&CloudConfig {
        slot,
        generation,
        line: profile.name.as_str(),
        host_key_private: host_key.private_openssh().expose().trim_end(),
        host_key_public: quoted(&host_key.public_openssh()),
        user: quoted(&profile.ssh.user),
        authorized_keys: authorized_keys.iter().map(|key| quoted(key)).collect(),
        nginx_wait: filled(&NginxWait).trim_end().to_owned(),
        first_boot: filled(&FirstBoot {
            swap_mib: profile.nodes.swap_mib,
        })
        .trim_end()
        .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(profile: &Profile, generation: u32) -> String {
        let slot: Slot = "us-east-1/1".parse().unwrap();
        let keys = ["ssh-ed25519 AAAAC3Nza operator \"at\" home\n".to_owned()];
        user_data(
            profile,
            &slot,
            Generation(generation),
            &LineSecret::from_bytes([1; 32]),
            &keys,
        )
    }

    #[test]
    fn it_is_the_same_on_each_call_and_fits() {
        let profile = Profile::default();
        assert_eq!(text(&profile, 1), text(&profile, 1));
        assert_ne!(text(&profile, 1), text(&profile, 2));
        assert!(text(&profile, 1).starts_with("#cloud-config\n"));
        assert!(
            text(&profile, 1).len() < 12_000,
            "room for a few more operators' keys"
        );
        assert!(
            text(&profile, 1)
                .contains("      - \"ssh-ed25519 AAAAC3Nza operator \\\"at\\\" home\"\n")
        );
    }

    #[test]
    fn it_holds_the_first_boot_key_and_no_other_secret() {
        let secret = LineSecret::from_bytes([1; 32]);
        let slot: Slot = "us-east-1/1".parse().unwrap();
        let key = |stage| HostKey::derive(&secret, &slot, Generation::FIRST, stage);
        let public_of = |stage| key(stage).public_openssh();
        let text = text(&Profile::default(), 1);
        assert!(text.contains(&public_of(HostKeyStage::FirstBoot)));
        assert!(!text.contains(&public_of(HostKeyStage::Lasting)));
        for other in [
            secret.to_hex(),
            secret.redis_password(1),
            secret.first_api_key(1),
        ] {
            assert!(!text.contains(other.expose()));
        }
    }

    #[test]
    fn a_machine_that_was_not_launched_is_prepared_without_what_is_its_owners() {
        let Preparation { nginx, first_boot } = preparation();
        assert!(nginx.contains("ConditionPathExists=/var/lib/dsline/current/nginx/nginx.conf\n"));
        assert!(first_boot.starts_with("#!/bin/bash\n"));
        assert!(!first_boot.contains("swap") && !first_boot.contains("sshd"));
        assert!(text(&Profile::default(), 1).contains(nginx.lines().nth(1).unwrap()));
    }

    #[test]
    fn no_swap_means_no_swap() {
        let mut profile = Profile::default();
        assert!(text(&profile, 1).contains("fallocate -l 1024M"));
        profile.nodes.swap_mib = 0;
        assert!(!text(&profile, 1).contains("swap"));
    }
}
