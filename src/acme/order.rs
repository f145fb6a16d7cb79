//! One order, from its challenge to its certificate.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, anyhow};
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, Key, NewOrder, OrderStatus,
    RetryPolicy,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::line::{Hint as _, Secret};

/// An authority asks from several places of the world, one after the other, and signs when it is not too busy.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_mins(2));

/// Whom to ask, and who asks.
#[derive(Clone, Copy, Debug)]
pub struct Directory<'a> {
    /// Its address.
    pub url: &'a str,
    /// The authority (PEM file) that its own certificate comes from; `None` means those that the system trusts.
    pub ca: Option<&'a Path>,
    /// The account's key, PKCS #8 PEM; the account is made when there is none.
    pub account_key: &'a Secret,
}

/// An order that has been placed.
pub struct Order {
    order: instant_acme::Order,
}

impl Order {
    /// Orders a certificate for a host name.
    pub async fn place(directory: Directory<'_>, host: &str) -> Result<Self> {
        let asked = || format!("the certificate authority at {}", directory.url);
        let account = account(directory).await.with_context(asked)?;
        let names = [Identifier::Dns(host.to_owned())];
        let order = account.new_order(&NewOrder::new(&names)).await;
        let order = order.map_err(explained).with_context(asked)?;
        Ok(Self { order })
    }

    /// What the TXT record at `_acme-challenge` must say; `None` when the authority remembers an earlier proof.
    pub async fn challenge(&mut self) -> Result<Option<String>> {
        let mut authorizations = self.order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let challenge = authorization
                .challenge(ChallengeType::Dns01)
                .context("the certificate authority does not offer the DNS-01 challenge")?;
            return Ok(Some(challenge.key_authorization().dns_value()));
        }
        Ok(None)
    }

    /// Lets the authority look, and returns the chain (PEM) that it signs for a signing request (DER).
    pub async fn finish(mut self, request: &[u8]) -> Result<String> {
        let mut authorizations = self.order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            if let Some(mut challenge) = authorization.challenge(ChallengeType::Dns01) {
                challenge.set_ready().await.map_err(explained)?;
            }
        }
        let status = self.order.poll_ready(&PATIENCE).await.map_err(explained)?;
        if status != OrderStatus::Ready {
            return Err(self.refusal().await).hint(
                "see whether the world finds the zone (`dsline dns check`), then repeat the command",
            );
        }
        self.order.finalize_csr(request).await.map_err(explained)?;
        let chain = self.order.poll_certificate(&PATIENCE).await;
        chain.map_err(explained)
    }

    /// Why the authority did not find the proof, in its own words.
    async fn refusal(&mut self) -> Error {
        let mut authorizations = self.order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            let Ok(state) = authorization.refresh().await else {
                continue;
            };
            let told = state.challenges.iter().find_map(|one| one.error.as_ref());
            if let Some(detail) = told.and_then(|problem| problem.detail.as_ref()) {
                return anyhow!("the certificate authority could not be shown the zone: {detail}");
            }
        }
        anyhow!("the certificate authority refused the order and did not say why")
    }
}

async fn account(directory: Directory<'_>) -> Result<Account> {
    let builder = match directory.ca {
        Some(path) => Account::builder_with_root(path)
            .with_context(|| format!("`certificate.directory_ca` ({})", path.display()))?,
        None => Account::builder()?,
    };
    let der = PrivatePkcs8KeyDer::from_pem_slice(directory.account_key.expose().as_bytes());
    let der = der.expect("a derived key always encodes");
    let key = Key::from_pkcs8_der(der.clone_key())?;
    let made = builder.create_from_key((key, PrivateKeyDer::Pkcs8(der)), directory.url.to_owned());
    let (account, _) = made.await.map_err(explained)?;
    Ok(account)
}

/// The authority's own words, and what to do about those that a person can do something about.
fn explained(error: instant_acme::Error) -> Error {
    let instant_acme::Error::Api(problem) = &error else {
        return error.into();
    };
    let detail = problem.detail.as_deref().unwrap_or("it did not say why");
    let said = anyhow!("it refused: {detail}");
    let kind = problem.r#type.as_deref().unwrap_or_default();
    let hint = match kind.rsplit(':').next() {
        Some("rateLimited") => {
            "wait as long as it says; the line goes on with the certificate that it has, or its own authority's"
        }
        Some("caa") => "a CAA record in the zone allows other authorities only; add this one",
        Some("rejectedIdentifier") => "it signs for no such name; see `dns.host` in the profile",
        _ => return said,
    };
    Err::<(), _>(said).hint(hint).expect_err("it is an error")
}
