//! `[certificate]`: who signs what the nodes show.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::profile::Profile;
use super::profile_error::ProfileError;
use super::secret_source::SecretSource;

/// `[certificate]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CertificateSource {
    /// Who signs it.
    pub issuer: CertificateIssuer,
    /// The ACME directory.
    pub directory: String,
    /// The authority, a PEM file, that the directory's own certificate comes from; empty means those that the system trusts.
    pub directory_ca: Option<PathBuf>,
    /// Raised by one, it gives the next certificate another key.
    pub key_epoch: u32,
    /// The certificate and those of its issuers, a PEM file.
    pub chain: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<SecretSource>,
}

/// Who signs the nodes' certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateIssuer {
    /// The line's own authority, which clients must be told to trust.
    Own,
    /// A public authority, asked by ACME (RFC 8555) with the DNS-01 challenge.
    Acme,
    /// Whoever signed the files that are given.
    Files,
}

impl Default for CertificateSource {
    fn default() -> Self {
        Self {
            issuer: CertificateIssuer::Own,
            directory: "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
            directory_ca: None,
            key_epoch: 1,
            chain: None,
            key: None,
        }
    }
}

/// Refuses what cannot lead to a certificate.
pub(super) fn check(profile: &Profile) -> Result<(), ProfileError> {
    let source = &profile.certificate;
    let refuse = |key: &str, message: &str| Err(ProfileError::of_key(key, message.to_owned()));
    if !source.directory.starts_with("https://") {
        return refuse(
            "certificate.directory",
            "must start with https:// (RFC 8555, 6.1)",
        );
    }
    if source.key_epoch == 0 {
        return refuse("certificate.key_epoch", "epochs are numbers from 1");
    }
    let has_files = source.chain.is_some() && source.key.is_some();
    match source.issuer {
        CertificateIssuer::Acme if !profile.has_domain() => refuse(
            "certificate.issuer",
            "\"acme\" needs a host name: set `dns.host`",
        ),
        CertificateIssuer::Files if !has_files => refuse(
            "certificate.issuer",
            "\"files\" needs `certificate.chain` and `certificate.key`",
        ),
        _ => Ok(()),
    }
}
