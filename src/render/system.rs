//! What systemd, the journal and the kernel of a node read, and the fixed places that lead into the live release.

use askama::Template;
use ipnet::IpNet;

use super::file::{CONTAINER_ID, File};
use super::input::NodeInput;
use super::release::{Part, PartName};
use crate::line::{MemoryNeeds, Ssh};

#[derive(Template)]
#[template(path = "node/nginx.service.conf.j2", escape = "none")]
struct NginxUnit {
    config: &'static str,
    memory_high_mib: u32,
}

#[derive(Template)]
#[template(path = "node/redis-server.service.conf.j2", escape = "none")]
struct RedisUnit {
    config: &'static str,
    container_id: u32,
    memory_high_mib: u32,
}

#[derive(Template)]
#[template(path = "node/nftables.conf.j2", escape = "none")]
struct Firewall {
    is_brought: bool,
    ssh_v4: String,
    ssh_v6: String,
}

#[derive(Template)]
#[template(path = "node/nftables.service.conf.j2", escape = "none")]
struct FirewallUnit {
    is_brought: bool,
    config: &'static str,
}

#[derive(Template)]
#[template(path = "node/sysctl.conf.j2", escape = "none")]
struct Kernel;

#[derive(Template)]
#[template(path = "node/journald.conf.j2", escape = "none")]
struct Journal;

#[derive(Template)]
#[template(path = "node/logrotate.timer.conf.j2", escape = "none")]
struct RotationTimer;

/// Additions to the distribution's units and settings.
pub(super) fn system(input: &NodeInput) -> Part {
    let profile = input.profile;
    let memory = MemoryNeeds::of(profile);
    let nginx = NginxUnit {
        config: "/var/lib/dsline/current/nginx/nginx.conf",
        memory_high_mib: memory.nginx,
    };
    let redis = RedisUnit {
        config: "/var/lib/dsline/current/redis/redis.conf",
        container_id: CONTAINER_ID,
        memory_high_mib: memory.redis,
    };
    let is_brought = input.slot.is_brought();
    let firewall_unit = FirewallUnit {
        is_brought,
        config: "/var/lib/dsline/current/system/nftables.conf",
    };
    let files = vec![
        File::of_template("journald.conf", &Journal),
        File::of_template("logrotate.timer.conf", &RotationTimer),
        File::of_template("nftables.conf", &firewall(&profile.ssh, is_brought)),
        File::of_template("nftables.service.conf", &firewall_unit),
        File::of_template("nginx.service.conf", &nginx),
        File::of_template("redis-server.service.conf", &redis),
        File::of_template("sysctl.conf", &Kernel),
    ];
    Part::new(PartName::System, files)
}

/// Who may reach port 22 as far as the node itself is asked; without names everybody whom the security group lets in.
fn firewall(ssh: &Ssh, is_brought: bool) -> Firewall {
    let named = |is_v4: bool| {
        let networks = ssh.allow.iter().map(IpNet::trunc);
        let texts: Vec<String> = IpNet::aggregate(&networks.collect())
            .iter()
            .filter(|network| ssh.only_allowed && network.addr().is_ipv4() == is_v4)
            .map(ToString::to_string)
            .collect();
        texts.join(", ")
    };
    Firewall {
        is_brought,
        ssh_v4: named(true),
        ssh_v6: named(false),
    }
}

/// Places where the node's programs look, each with the file under `current` that a link there must lead to.
///
/// nginx, Redis and nftables are not among them: their units name the file under `current`, so that the distribution's own
/// files stay as packaged and an unattended upgrade never stops to ask about them.
pub fn links() -> &'static [(&'static str, &'static str)] {
    &[
        ("/etc/logrotate.d/dsline", "logrotate/dsline"),
        ("/etc/rsyslog.d/30-dsline.conf", "rsyslog/dsline.conf"),
        ("/etc/sysctl.d/60-dsline.conf", "system/sysctl.conf"),
        (
            "/etc/systemd/journald.conf.d/60-dsline.conf",
            "system/journald.conf",
        ),
        (
            "/etc/systemd/system/logrotate.timer.d/60-dsline.conf",
            "system/logrotate.timer.conf",
        ),
        (
            "/etc/systemd/system/nftables.service.d/60-dsline.conf",
            "system/nftables.service.conf",
        ),
        (
            "/etc/systemd/system/nginx.service.d/60-dsline.conf",
            "system/nginx.service.conf",
        ),
        (
            "/etc/systemd/system/redis-server.service.d/60-dsline.conf",
            "system/redis-server.service.conf",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{LineSecret, Profile};
    use crate::render::GatewayBinary;

    fn text(firewall: &Firewall) -> String {
        firewall.render().unwrap()
    }

    #[test]
    fn the_firewall_names_networks_only_when_asked_to() {
        let mut ssh = Ssh {
            allow: ["192.0.2.7/24", "192.0.2.0/25", "2001:db8::/32"]
                .map(|network| network.parse().unwrap())
                .to_vec(),
            ..Ssh::default()
        };
        assert!(text(&firewall(&ssh, false)).contains("        tcp dport 22 accept"));
        ssh.only_allowed = true;
        let strict = text(&firewall(&ssh, false));
        assert!(strict.contains("ip saddr { 192.0.2.0/24 } tcp dport 22 accept\n"));
        assert!(strict.contains("ip6 saddr { 2001:db8::/32 } tcp dport 22 accept\n"));
        assert!(!strict.contains("        tcp dport 22 accept"));
        let brought = text(&firewall(&ssh, true));
        assert!(
            brought.lines().all(|line| line.starts_with('#')),
            "{brought}"
        );
    }

    #[test]
    fn every_link_to_the_system_part_leads_to_a_file_of_it() {
        let (profile, secret) = (Profile::default(), LineSecret::from_bytes([1; 32]));
        let part = system(&NodeInput {
            profile: &profile,
            slot: &"us-east-1/1".parse().unwrap(),
            address: None,
            secret: &secret,
            upstream_keys: &[],
            gateway: &GatewayBinary::new(*b"no program"),
            certificate: None,
            forward_ca: None,
            now: "2026-11-22T00:00:00Z".parse().unwrap(),
        });
        let targets: Vec<&str> = links()
            .iter()
            .filter_map(|(_, target)| target.strip_prefix("system/"))
            .collect();
        // The firewall's rules are found by their unit.
        assert_eq!(targets.len() + 1, part.files.len());
        assert!(
            targets
                .iter()
                .all(|target| part.files.iter().any(|file| file.path == *target))
        );
    }
}
