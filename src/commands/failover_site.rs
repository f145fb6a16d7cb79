//! Where a region's nodes are: by EC2, or by DNS when EC2 does not answer.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::join_all;
use tokio::time::timeout;

use crate::client::{delegation, healthz, locate_server, resolve, vantage};
use crate::engine::{Station, World};
use crate::line::{Generation, Hint as _, InstanceState, Profile, Region, Slot};

/// How long AWS may take before the way without it is gone: a region is taken out when things go wrong.
pub(super) const AWS_PATIENCE: Duration = Duration::from_secs(8);
/// Who is asked for a zone's name servers when Route 53 does not answer.
const OUTSIDE: &str = "1.1.1.1";
/// How often a group is asked for its nodes, for each of them: an answer is one of them, drawn by lot.
const DRAWS: usize = 8;

/// A region's nodes.
pub(super) struct Site {
    /// Its nodes' addresses.
    pub(super) addresses: BTreeSet<Ipv4Addr>,
    /// The nodes that could be entered.
    pub(super) stations: Vec<Station>,
    /// Why the others could not.
    pub(super) troubles: Vec<String>,
    /// Why EC2 could not tell of them.
    pub(super) without_ec2: Option<String>,
}

/// What sites are found with.
pub(super) struct Finder<'a> {
    pub(super) world: &'a World,
    pub(super) profile: &'a Profile,
    /// The name server that is asked, for a line with a domain.
    pub(super) server: Option<SocketAddr>,
}

impl Finder<'_> {
    /// The nodes of a region, entered.
    pub(super) async fn enter(&self, region: &Region) -> Site {
        let (found, without_ec2) = self.nodes(region).await;
        let entered = found.into_iter().map(async |node| {
            let station = match &node.known {
                Some((slot, generation)) => {
                    Station::enter(self.world, slot, *generation, node.address).await
                }
                None => Station::recognise(self.world, &self.slots(region), node.address).await,
            };
            (node.address, station)
        });
        let mut site = Site {
            addresses: BTreeSet::new(),
            stations: Vec::new(),
            troubles: Vec::new(),
            without_ec2,
        };
        for (address, station) in join_all(entered).await {
            site.addresses.insert(address);
            match station {
                Ok(station) => site.stations.push(station),
                Err(blocked) => site.troubles.push(blocked.to_string()),
            }
        }
        site
    }

    /// The addresses of a region's nodes that answer the checkers' question well.
    pub(super) async fn healthy(&self, region: &Region) -> (Region, BTreeSet<Ipv4Addr>) {
        let (found, _) = self.nodes(region).await;
        let asked = found
            .into_iter()
            .map(async |node| (node.address, healthz(node.address).await));
        let well = join_all(asked).await.into_iter();
        let well = well.filter(|(_, health)| health.as_ref().is_ok_and(|one| one.is_healthy()));
        (region.clone(), well.map(|(address, _)| address).collect())
    }

    fn slots(&self, region: &Region) -> Vec<Slot> {
        let numbers = self.profile.numbers_in(region);
        let slot = |number| Slot {
            region: region.clone(),
            number,
        };
        numbers.map(slot).collect()
    }

    /// The operator's own machines in a region, which need nobody to tell of them.
    fn brought(&self, region: &Region) -> Vec<Found> {
        let brought = self.profile.brought();
        let here = brought.filter(|(slot, _)| slot.region == *region);
        let found = here.map(|(slot, node)| Found {
            address: node.address,
            known: Some((slot, Generation::FIRST)),
        });
        found.collect()
    }

    async fn nodes(&self, region: &Region) -> (Vec<Found>, Option<String>) {
        let asked = self.world.cloud.instances(region, &self.profile.name);
        let why = match timeout(AWS_PATIENCE, asked).await {
            Ok(Ok(instances)) => {
                let running = instances
                    .into_iter()
                    .filter(|one| one.state == InstanceState::Running);
                let found = running.filter_map(|one| {
                    Some(Found {
                        address: one.address?,
                        known: Some((one.slot?, one.generation)),
                    })
                });
                return (found.chain(self.brought(region)).collect(), None);
            }
            Ok(Err(failure)) => failure.to_string(),
            Err(_) => format!(
                "{region}: EC2 did not answer within {} s",
                AWS_PATIENCE.as_secs()
            ),
        };
        let brought = self.brought(region);
        let is_known = |address: &Ipv4Addr| brought.iter().any(|one| one.address == *address);
        let found = self.by_dns(region).await.into_iter();
        let found = found
            .filter(|address| !is_known(address))
            .map(|address| Found {
                address,
                known: None,
            });
        let found: Vec<Found> = found.collect();
        (found.into_iter().chain(brought).collect(), Some(why))
    }

    /// The addresses that DNS gives for the region's own name.
    async fn by_dns(&self, region: &Region) -> BTreeSet<Ipv4Addr> {
        let Some(server) = self.server else {
            return BTreeSet::new();
        };
        let name = format!("{region}.{}", self.profile.dns.host);
        let count = DRAWS * (usize::from(self.profile.most_per_region()) + self.profile.node.len());
        let asked = (0..count).map(|_| resolve(server, &name, vantage(None)));
        let answers = join_all(asked).await.into_iter();
        answers.filter_map(Result::ok).flatten().collect()
    }
}

/// A node that somebody told of, with its slot and generation if it was EC2.
struct Found {
    address: Ipv4Addr,
    known: Option<(Slot, Generation)>,
}

/// The name server to ask: the profile's, else one of the zone's by Route 53, else one by the public delegation.
pub(super) async fn name_server(world: &World, profile: &Profile) -> Result<Option<SocketAddr>> {
    if !profile.has_domain() {
        return Ok(None);
    }
    if !profile.dns.resolver.is_empty() {
        return locate_server(&profile.dns.resolver).await.map(Some);
    }
    let by_route53 = async {
        let zone = world
            .cloud
            .find_zone(&profile.dns.host, &profile.dns.zone)
            .await?;
        world.cloud.name_servers(&zone).await
    };
    let named = match timeout(AWS_PATIENCE, by_route53).await {
        Ok(Ok(named)) if !named.is_empty() => named,
        _ => delegated(&profile.dns.host).await,
    };
    let first = named
        .first()
        .with_context(|| format!("no name server of `{}` could be found", profile.dns.host))
        .hint("name one as `dns.resolver` in the profile")?;
    locate_server(first).await.map(Some)
}

/// The name servers of the nearest zone around a host name, as the world sees them.
async fn delegated(host: &str) -> Vec<String> {
    let Ok(outside) = locate_server(OUTSIDE).await else {
        return Vec::new();
    };
    let dots = host.match_indices('.').map(|(at, _)| &host[at + 1..]);
    for name in std::iter::once(host).chain(dots) {
        match delegation(outside, name).await {
            Ok(named) if !named.is_empty() => return named,
            _ => {}
        }
    }
    Vec::new()
}
