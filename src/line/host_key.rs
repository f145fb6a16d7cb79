//! A node's SSH host keys, known before the node exists.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{Algorithm, LineEnding, PrivateKey, PublicKey};

use super::name::{Generation, Slot};
use super::secret::{LineSecret, Secret};

/// Which of a node's two host keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKeyStage {
    /// Travels in user data, which AWS keeps readable; good for the first contact only.
    FirstBoot,
    /// Set at the first contact, over SSH; never leaves operator and node.
    Lasting,
}

/// An Ed25519 host key derived from the line secret.
#[derive(Clone)]
pub struct HostKey {
    key: PrivateKey,
}

impl HostKey {
    /// The host key of a slot's generation.
    pub fn derive(
        secret: &LineSecret,
        slot: &Slot,
        generation: Generation,
        stage: HostKeyStage,
    ) -> Self {
        let purpose = match stage {
            HostKeyStage::FirstBoot => "host-key-first-boot",
            HostKeyStage::Lasting => "host-key-lasting",
        };
        let seed = secret.derive_for(purpose, slot, generation);
        let data = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
        // The comment is the slot: ssh-key computes the file's check number from the key, so the text never varies.
        let key =
            PrivateKey::new(data, slot.to_string()).expect("an Ed25519 pair is always a valid key");
        Self { key }
    }

    /// The private key as sshd reads it (OpenSSH format); the same text on every call.
    pub fn private_openssh(&self) -> Secret {
        Secret::new(
            self.key
                .to_openssh(LineEnding::LF)
                .expect("an unencrypted key always encodes")
                .as_str(),
        )
    }

    /// The public key as in `ssh_host_ed25519_key.pub`, without a newline.
    pub fn public_openssh(&self) -> String {
        self.key
            .public_key()
            .to_openssh()
            .expect("a public key always encodes")
    }

    /// The public half, by which the node is known.
    pub fn public(&self) -> PublicHostKey {
        PublicHostKey(self.public_openssh())
    }
}

/// The public half of an Ed25519 host key, as in `ssh_host_ed25519_key.pub`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicHostKey(String);

impl PublicHostKey {
    /// The key as one line without a newline.
    pub fn public_openssh(&self) -> &str {
        &self.0
    }

    /// The key's wire form (RFC 4253), which an SSH library hands out for comparison.
    pub fn public_blob(&self) -> Vec<u8> {
        let encoded = self
            .0
            .split(' ')
            .nth(1)
            .expect("OpenSSH public keys have a type and a body");
        STANDARD.decode(encoded).expect("the body is base64")
    }
}

impl TryFrom<String> for PublicHostKey {
    type Error = String;

    /// Takes a line of a `.pub` file; its comment is left out.
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!("{what}: give the line of the machine's /etc/ssh/ssh_host_ed25519_key.pub")
        };
        let mut key = PublicKey::from_openssh(text.trim())
            .map_err(|_| wrong("this is no SSH public host key"))?;
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(wrong(
                "this is no Ed25519 key, the only kind that is asked for",
            ));
        }
        key.set_comment("");
        let line = key
            .to_openssh()
            .map_err(|error| wrong(&error.to_string()))?;
        Ok(Self(line))
    }
}

impl From<PublicHostKey> for String {
    fn from(key: PublicHostKey) -> Self {
        key.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_text_on_every_call_and_differs_by_stage_and_generation() {
        let secret = LineSecret::from_bytes([1; 32]);
        let slot: Slot = "us-east-1/1".parse().unwrap();
        let key =
            |generation, stage| HostKey::derive(&secret, &slot, Generation(generation), stage);
        let first = key(1, HostKeyStage::FirstBoot);
        assert_eq!(
            first.private_openssh(),
            key(1, HostKeyStage::FirstBoot).private_openssh()
        );
        assert_ne!(
            first.public_openssh(),
            key(2, HostKeyStage::FirstBoot).public_openssh()
        );
        assert_ne!(
            first.public_openssh(),
            key(1, HostKeyStage::Lasting).public_openssh()
        );
        assert!(first.public_openssh().starts_with("ssh-ed25519 "));
        assert_eq!(first.public().public_blob().len(), 51);
    }
}
