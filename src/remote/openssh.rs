//! The operator's own `ssh` for a shell on a node, made to trust the node's keys and nothing else.

use std::path::Path;

use super::door::{Door, Target};
use super::ssh_config::{Directory, Keys};

/// The lines of a known-hosts file for a node: its alias with either of its keys.
pub fn known_hosts_line(door: &Door, target: &Target) -> String {
    let alias = door.alias(&target.slot);
    format!(
        "{alias} {}\n{alias} {}\n",
        target.lasting.public_openssh(),
        target.first_boot.public_openssh()
    )
}

/// The program and arguments of a shell on a node; `known_hosts` holds [`known_hosts_line`].
///
/// Jump hosts are left to `~/.ssh/config` and checked by the operator's own known hosts. The error is a message.
pub fn openssh_command(
    door: &Door,
    target: &Target,
    known_hosts: &Path,
) -> Result<(&'static str, Vec<String>), String> {
    let route = Directory::read(door)?.to_node(target)?;
    let options = [
        format!("HostKeyAlias={}", door.alias(&target.slot)),
        // Quoted for ssh's own reading of a list of files.
        format!("UserKnownHostsFile=\"{}\"", known_hosts.display()),
        "GlobalKnownHostsFile=/dev/null".to_owned(),
        "StrictHostKeyChecking=yes".to_owned(),
        "HostKeyAlgorithms=ssh-ed25519".to_owned(),
        "CheckHostIP=no".to_owned(),
        "UpdateHostKeys=no".to_owned(),
    ];
    let mut arguments: Vec<String> = options
        .into_iter()
        .flat_map(|option| ["-o".to_owned(), option])
        .collect();
    arguments.extend(key_arguments(&route.keys));
    // As written: ssh looks up what its configuration says of them by itself.
    let jumps: Vec<String> = route.jumps.into_iter().map(|jump| jump.written).collect();
    if !jumps.is_empty() {
        arguments.extend(["-J".to_owned(), jumps.join(",")]);
    }
    arguments.extend([
        "-p".to_owned(),
        route.port.to_string(),
        "-l".to_owned(),
        route.user,
        route.host,
    ]);
    Ok(("ssh", arguments))
}

fn key_arguments(keys: &Keys) -> Vec<String> {
    let files = keys
        .files
        .iter()
        .flat_map(|file| ["-i".to_owned(), file.display().to_string()]);
    let only = (!keys.is_agent_welcome).then(|| ["-o".to_owned(), "IdentitiesOnly=yes".to_owned()]);
    files.chain(only.into_iter().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{Generation, HostKey, HostKeyStage, LineSecret, Slot};

    #[test]
    fn ssh_trusts_the_two_keys_of_the_node_only() {
        let slot: Slot = "us-east-1/1".parse().unwrap();
        let key = |stage| {
            HostKey::derive(
                &LineSecret::from_bytes([1; 32]),
                &slot,
                Generation::FIRST,
                stage,
            )
        };
        let (lasting, first_boot) = (key(HostKeyStage::Lasting), key(HostKeyStage::FirstBoot));
        let target = Target {
            slot: slot.clone(),
            address: "198.51.100.7".parse().unwrap(),
            lasting: lasting.public(),
            first_boot: first_boot.public(),
            login: None,
        };
        let door = Door {
            line: "home".parse().unwrap(),
            user: "dsline".to_owned(),
            identity: Some("/keys/line".into()),
            brought: std::collections::BTreeMap::new(),
            home: "/nowhere".into(),
            agent: false,
        };
        let (program, arguments) =
            openssh_command(&door, &target, Path::new("/tmp/a b/known")).unwrap();
        assert_eq!(program, "ssh");
        assert_eq!(
            arguments.join(" "),
            "-o HostKeyAlias=dsline-home-us-east-1-1 -o UserKnownHostsFile=\"/tmp/a b/known\" -o GlobalKnownHostsFile=/dev/null \
             -o StrictHostKeyChecking=yes -o HostKeyAlgorithms=ssh-ed25519 -o CheckHostIP=no -o UpdateHostKeys=no \
             -i /keys/line -o IdentitiesOnly=yes -p 22 -l dsline 198.51.100.7"
        );
        let lines = known_hosts_line(&door, &target);
        assert_eq!(lines.lines().count(), 2);
        assert!(lines.starts_with("dsline-home-us-east-1-1 ssh-ed25519 AAAA"));
    }
}
