//! The SSH public keys that may log in to a new node.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::line::{Hint as _, Profile};

use super::environment::Environment;

/// Public key files that ssh looks for by itself, best first.
const USUAL_NAMES: [&str; 3] = ["id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"];

/// The profile's keys; else the identity's; else those of the SSH agent; else the usual file.
pub fn authorized_keys(environment: &Environment, profile: &Profile) -> Result<Vec<String>> {
    if !profile.ssh.keys.is_empty() {
        return profile
            .ssh
            .keys
            .iter()
            .map(|key| one_key(environment, key))
            .collect();
    }
    if let Some(identity) = &profile.ssh.identity {
        let path = environment.resolve(identity);
        let mut public = path.into_os_string();
        public.push(".pub");
        return Ok(vec![read_key(Path::new(&public))?]);
    }
    let agent = environment
        .variable("SSH_AUTH_SOCK")
        .map(agent_keys)
        .unwrap_or_default();
    if !agent.is_empty() {
        return Ok(agent);
    }
    let folder = environment.home().join(".ssh");
    match USUAL_NAMES
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.exists())
    {
        Some(path) => Ok(vec![read_key(&path)?]),
        None => Err(anyhow::anyhow!(
            "no SSH key to log in to the nodes with: the agent has none and {} holds none of {}",
            folder.display(),
            USUAL_NAMES.join(", ")
        ))
        .hint("run `ssh-keygen -t ed25519`, or name a key as `ssh.identity` in the profile"),
    }
}

fn one_key(environment: &Environment, key: &str) -> Result<String> {
    if is_key(key) {
        Ok(key.trim().to_owned())
    } else {
        read_key(&environment.resolve(Path::new(key)))
    }
}

fn read_key(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the public key {}", path.display()))
        .hint("the public key lies beside the private one; `ssh-keygen -y -f KEY > KEY.pub` writes it again")?;
    if !is_key(&text) {
        bail!("{} holds no SSH public key", path.display());
    }
    Ok(text.trim().to_owned())
}

fn is_key(text: &str) -> bool {
    ssh_key::PublicKey::from_openssh(text.trim()).is_ok()
}

/// Keys of the agent; an agent that cannot be asked has none.
fn agent_keys(socket: &str) -> Vec<String> {
    let output = Command::new("ssh-add")
        .arg("-L")
        .env("SSH_AUTH_SOCK", socket)
        .output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    text.lines()
        .filter(|line| is_key(line))
        .map(str::to_owned)
        .collect()
}
