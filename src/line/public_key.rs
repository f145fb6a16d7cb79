//! The keys behind a public certificate: functions of the line secret, so whoever holds it can renew, and none is kept.

use rcgen::CertificateParams;

use super::derived_key::DerivedKey;
use super::secret::{LineSecret, Secret};

/// The key of a host name's certificate, the same on every node and after every renewal.
pub struct CertificateKey {
    key: DerivedKey,
    host: String,
}

impl CertificateKey {
    /// The key for a host name; another epoch is another key.
    pub fn new(secret: &LineSecret, host: &str, epoch: u32) -> Self {
        Self {
            key: DerivedKey::new(secret.derive("certificate", epoch, host)),
            host: host.to_owned(),
        }
    }

    /// PKCS #8, PEM.
    pub fn private_pem(&self) -> Secret {
        self.key.private_pem()
    }

    /// `SubjectPublicKeyInfo`, DER: by it a certificate for this key is known.
    pub fn public_der(&self) -> Vec<u8> {
        self.key.public_der()
    }

    /// What an authority is shown: a certificate signing request (RFC 2986) for the host name, DER.
    pub fn request(&self) -> Vec<u8> {
        let params = CertificateParams::new([self.host.clone()]);
        let params = params.expect("the host name was checked when the profile was parsed");
        let request = params.serialize_request(&self.key);
        request.expect("a valid key always signs").der().to_vec()
    }
}

#[cfg(test)]
impl CertificateKey {
    /// A certificate for the key and the host name that lasts so long, PEM.
    pub(crate) fn certificate(&self, since: jiff::Timestamp, until: jiff::Timestamp) -> String {
        let instant = |at: jiff::Timestamp| {
            time::OffsetDateTime::from_unix_timestamp(at.as_second()).unwrap()
        };
        let mut params = CertificateParams::new([self.host.clone()]).unwrap();
        params.not_before = instant(since);
        params.not_after = instant(until);
        params.self_signed(&self.key).unwrap().pem()
    }
}

/// The key of the line's account with an ACME directory, PKCS #8 PEM.
pub fn account_key(secret: &LineSecret, directory: &str) -> Secret {
    DerivedKey::new(secret.derive("acme-account", 1, directory)).private_pem()
}
