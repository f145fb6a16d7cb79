//! A certificate from a public authority: ordered, shown with a record that the name is ours, and taken.

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;

use super::execute::Executor;
use crate::acme::{Directory, Order};
use crate::cloud::Zone;
use crate::dns::{challenge_batch, challenge_record};
use crate::line::{Certificate, Chain, account_key};
use crate::plan::key_of;

/// Gets a certificate for the line's host name, which lies in this zone.
pub(super) async fn certify(
    executor: &Executor,
    host: &str,
    zone: &Zone,
    says: &(impl Fn(String) + Sync),
) -> Result<Certificate> {
    let wanted = executor.wanted()?;
    let source = &wanted.profile.certificate;
    let key = key_of(wanted);
    says(format!("ordering it at {}", source.directory));
    let directory = Directory {
        url: &source.directory,
        ca: wanted.directory_ca.as_deref(),
        account_key: &account_key(&wanted.secret, &source.directory),
    };
    let mut order = Order::place(directory, host).await?;
    let pem = match order.challenge().await? {
        None => order.finish(&key.request()).await?,
        Some(value) => {
            let record = challenge_record(&wanted.profile.name, host, &value);
            executor
                .publish(zone, challenge_batch(&record, true))
                .await?;
            says(format!("{} is there; the authority looks", record.name));
            let signed = order.finish(&key.request()).await;
            if let Err(error) = executor
                .publish(zone, challenge_batch(&record, false))
                .await
            {
                says(format!(
                    "{} stays until the next run: {error:#}",
                    record.name
                ));
            }
            signed?
        }
    };
    let chain = Chain::read(&pem).context("what the authority sent")?;
    ensure!(
        chain.key == key.public_der() && chain.is_for(host) && chain.is_valid_at(Timestamp::now()),
        "the authority sent a certificate of {} that is for {} and from {} to {}, not what was ordered",
        chain.issuer,
        chain.names.join(", "),
        chain.since,
        chain.until
    );
    says(format!("signed by {}, until {}", chain.issuer, chain.until));
    Ok(Certificate {
        chain_pem: pem,
        key_pem: key.private_pem(),
    })
}
