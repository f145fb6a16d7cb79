//! `dsline dns check`

use anyhow::{Result, anyhow};

use crate::client::{delegation, locate_server};
use crate::cloud::{Cloud, Zone};
use crate::line::Hint as _;
use crate::operator::Environment;
use crate::output::{self, Delegation, Printer};

use super::global::Global;
use super::outcome::Outcome;

/// Look from outside whether the hosted zone is the one that resolvers are led to.
///
/// A zone can be complete in Route 53 and yet be asked by nobody: when the domain's registrar, or the parent zone of a
/// sub-domain, names other servers. Exits 3 when that is so.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The resolver to ask, as address, address:port or name
    #[arg(long, value_name = "ADDRESS", default_value = "1.1.1.1")]
    resolver: String,
}

/// Finds the zone, asks a resolver for its name servers, and compares.
pub(super) async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let profile = global.profile(environment)?.profile;
    if !profile.has_domain() {
        return Err(anyhow!(
            "the line has no host name, so there is no delegation to check"
        ))
        .hint("set `dns.host` in the profile");
    }
    let cloud = Cloud::open().await;
    let zone = cloud
        .find_zone(&profile.dns.host, &profile.dns.zone)
        .await?;
    let mut wanted: Vec<String> = cloud.name_servers(&zone).await?;
    for name in &mut wanted {
        *name = name.trim_end_matches('.').to_lowercase();
    }
    wanted.sort();
    let (public, private) = cloud.zones_of_both_kinds().await?;
    let server = locate_server(&args.resolver).await?;
    let (seen, error) = match delegation(server, &zone.name).await {
        Ok(seen) => (seen, None),
        Err(error) => (Vec::new(), Some(format!("{error:#}"))),
    };
    let report = Delegation {
        host: profile.dns.host,
        zone: zone.name.clone(),
        zone_id: zone.id.clone(),
        resolver: args.resolver.clone(),
        correct: seen == wanted,
        name_servers: wanted,
        seen,
        error,
        twins: others(&public, &zone),
        private: others(&private, &zone),
    };
    output::delegation(printer, &report)?;
    Ok(if report.correct {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

/// Ids of other zones that bear the zone's name.
fn others(zones: &[Zone], zone: &Zone) -> Vec<String> {
    let same = zones
        .iter()
        .filter(|other| other.name == zone.name && other.id != zone.id);
    same.map(|other| other.id.clone()).collect()
}
