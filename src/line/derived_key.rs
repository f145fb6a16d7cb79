//! A P-256 key made from derived bytes: whoever holds the line secret has it, and it is kept nowhere.

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rcgen::{PublicKeyData, SignatureAlgorithm};
use sha2::{Digest, Sha256};

use super::secret::Secret;

/// Signs deterministically (RFC 6979), so that a certificate never varies.
pub(super) struct DerivedKey {
    signing: SigningKey,
    point: Vec<u8>,
}

impl DerivedKey {
    pub(super) fn new(mut seed: [u8; 32]) -> Self {
        // A seed of 0 or above the group's order is no key; hashing on finds the next, the same for everyone.
        let signing = loop {
            match SigningKey::from_slice(&seed) {
                Ok(key) => break key,
                Err(_) => seed = Sha256::digest(seed).into(),
            }
        };
        let point = signing
            .verifying_key()
            .to_encoded_point(false)
            .as_bytes()
            .to_vec();
        Self { signing, point }
    }

    pub(super) fn identifier(&self) -> Vec<u8> {
        Sha256::digest(&self.point)[..20].to_vec()
    }

    /// PKCS #8, PEM.
    pub(super) fn private_pem(&self) -> Secret {
        Secret::new(
            self.signing
                .to_pkcs8_pem(LineEnding::LF)
                .expect("a valid key always encodes")
                .as_str(),
        )
    }

    /// What a certificate says of it: `SubjectPublicKeyInfo`, DER.
    pub(super) fn public_der(&self) -> Vec<u8> {
        let encoded = self.signing.verifying_key().to_public_key_der();
        encoded.expect("a valid key always encodes").into_vec()
    }
}

impl PublicKeyData for DerivedKey {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for DerivedKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature: DerSignature = self.signing.sign(message);
        Ok(signature.as_bytes().to_vec())
    }
}
