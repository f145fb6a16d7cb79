//! Whom to trust at the other end of a TLS connection.

use std::path::Path;

use anyhow::{Context, ensure};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The public authorities (Mozilla's, compiled in: a `FROM scratch` image has no files), or those of a PEM file alone.
pub fn trust(ca_file: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            add(&mut roots, file).with_context(|| format!("ca_file {}", file.display()))?;
        }
    }
    Ok(ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn add(roots: &mut RootCertStore, file: &Path) -> anyhow::Result<()> {
    for certificate in CertificateDer::pem_slice_iter(&std::fs::read(file)?) {
        roots.add(certificate?)?;
    }
    ensure!(!roots.is_empty(), "holds no PEM certificate");
    Ok(())
}
