//! The private key that the operator logs in with, and whether it belongs to the public one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::line::{Hint as _, Profile};

use super::environment::Environment;

/// Private key files that ssh looks for by itself, best first.
const USUAL_NAMES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];
const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";

/// What the operator logs in with, in words; an error when that cannot work.
pub fn check_login_key(
    environment: &Environment,
    profile: &Profile,
    public: &[String],
) -> Result<String> {
    let Some(path) = private_key(environment, profile) else {
        return match environment.variable("SSH_AUTH_SOCK") {
            Some(_) => Ok("the SSH agent has the key".to_owned()),
            None => Err(anyhow!(
                "there is no private key to log in to the nodes with"
            ))
            .hint("name it as `ssh.identity` in the profile, or give it to an agent (`ssh-add`)"),
        };
    };
    let text = fs::read_to_string(&path)
        .with_context(|| format!("cannot read the private key {}", path.display()))
        .hint("it must be yours (`chmod 600`); `ssh.identity` in the profile names it")?;
    if public.iter().any(|key| fits(&text, key)) {
        return Ok(format!("{} fits its public key", path.display()));
    }
    if environment.variable("SSH_AUTH_SOCK").is_some() && profile.ssh.identity.is_none() {
        return Ok("the SSH agent has the key".to_owned());
    }
    Err(anyhow!(
        "{} is not the other half of a public key that nodes are given",
        path.display()
    ))
    .hint("`ssh-keygen -y -f KEY > KEY.pub` writes its public key anew; `ssh.keys` in the profile names others")
}

fn private_key(environment: &Environment, profile: &Profile) -> Option<PathBuf> {
    if let Some(identity) = &profile.ssh.identity {
        return Some(environment.resolve(identity));
    }
    let folder = environment.home().join(".ssh");
    let usual = USUAL_NAMES.iter().map(|name| folder.join(name));
    let mut there = usual.filter(|path: &PathBuf| Path::exists(path));
    there.next()
}

/// Whether a private key's file holds a public key, which is not encrypted in it (OpenSSH, `PROTOCOL.key`). One in
/// another format cannot be looked into, and is taken at its word.
fn fits(private: &str, public: &str) -> bool {
    let Some((_, rest)) = private.split_once(BEGIN) else {
        return private.contains("PRIVATE KEY");
    };
    let body: String = rest
        .split(END)
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let blob = public.split_whitespace().nth(1).unwrap_or_default();
    match (BASE64_STANDARD.decode(body), BASE64_STANDARD.decode(blob)) {
        (Ok(all), Ok(blob)) if !blob.is_empty() => {
            all.windows(blob.len()).any(|window| window == blob)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_public_half() {
        let wrapped = |bytes: &[u8]| format!("{BEGIN}\n{}\n{END}\n", BASE64_STANDARD.encode(bytes));
        let public = format!("ssh-ed25519 {} ann", BASE64_STANDARD.encode(b"public"));
        assert!(fits(&wrapped(b"openssh-key-v1 public private"), &public));
        assert!(!fits(&wrapped(b"openssh-key-v1 another private"), &public));
        assert!(!fits("what is this", &public));
        assert!(!fits(&wrapped(b"openssh"), "ssh-ed25519"));
        assert!(fits("-----BEGIN RSA PRIVATE KEY-----\n", &public));
    }
}
