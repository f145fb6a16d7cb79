//! Certificates of the user's own, read from the files that the profile names.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, ensure};
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::environment::Environment;
use super::secret_source::read_secret;
use crate::line::{Certificate, CertificateIssuer, Chain, Hint as _, Profile};

/// Reads them where the profile wants them, and refuses what clients would.
pub fn certificate_files(
    environment: &Environment,
    profile: &Profile,
    now: Timestamp,
) -> Result<Option<Certificate>> {
    let source = &profile.certificate;
    if source.issuer != CertificateIssuer::Files {
        return Ok(None);
    }
    let (Some(path), Some(key)) = (&source.chain, &source.key) else {
        return Err(anyhow!(
            "`certificate.chain` or `certificate.key` is missing"
        ));
    };
    let path = environment.resolve(path);
    let place = format!("`certificate.chain` ({})", path.display());
    let pem = std::fs::read_to_string(&path).with_context(|| format!("cannot read {place}"))?;
    let chain = Chain::read(&pem).with_context(|| place.clone())?;
    ensure!(
        chain.since <= now,
        "{place} is not valid before {}",
        chain.since
    );
    if chain.until < now {
        return Err(anyhow!("{place} ended at {}", chain.until))
            .hint("put the renewed certificate there, then repeat the command");
    }
    if chain.is_authority {
        return Err(anyhow!(
            "{place} begins with an authority's certificate, which clients take from no server"
        ))
        .hint("the server's own certificate comes first, then its issuers'");
    }
    let host = &profile.dns.host;
    if profile.has_domain() && !chain.is_for(host) {
        return Err(anyhow!(
            "{place} is for {}, not for {host}",
            chain.names.join(", ")
        ))
        .hint("name a certificate for `dns.host`");
    }
    let key_pem = read_secret(environment, key, "the certificate's key (certificate.key)")?;
    fit(&pem, key_pem.expose()).with_context(|| format!("{place} and `certificate.key`"))?;
    Ok(Some(Certificate {
        chain_pem: pem,
        key_pem,
    }))
}

/// Reads the authority of the receiver of the trail, if the profile names one.
pub fn forward_ca(environment: &Environment, profile: &Profile) -> Result<Option<String>> {
    let Some(path) = &profile.logs.forward_ca else {
        return Ok(None);
    };
    let path = environment.resolve(path);
    let place = format!("`logs.forward_ca` ({})", path.display());
    let pem = std::fs::read_to_string(&path).with_context(|| format!("cannot read {place}"))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let is_read = found.is_ok_and(|found| !found.is_empty());
    ensure!(is_read, "{place} holds no certificate in PEM");
    Ok(Some(pem))
}

/// Refuses a key that is not the certificate's; nginx would too, but on every node.
fn fit(chain: &str, key: &str) -> Result<()> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| anyhow!("the key is no PEM text of an unencrypted private key"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    CertifiedKey::from_der(chain?, key, &provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => anyhow!("the key is not that certificate's"),
        other => anyhow!("they cannot be used: {other}"),
    })?;
    Ok(())
}
