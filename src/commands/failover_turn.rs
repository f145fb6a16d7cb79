//! A region taken out of service and put back: on its nodes first, then in Route 53, with DNS watched meanwhile.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, anyhow};
use futures::future::join_all;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::client::healthz;
use crate::cloud::Failure;
use crate::engine::{Station, Stop};
use crate::line::{GatewayStatus, Hint as _, Place, Region};
use crate::output::{DnsMove, Flights, Move, Printer, Turn};
use crate::plan::Refusal;
use crate::remote::Blocked;

use super::failover::limit;
use super::failover_dns::Watch;
use super::failover_site::{Finder, Site};

/// How long Route 53 is asked in vain: its own repetitions end before.
const ROUTE53_PATIENCE: Duration = Duration::from_secs(45);
/// How long a node that is no longer drained may take to answer that it is well.
const PROBE: Duration = Duration::from_secs(6);
/// How long a request may go on after nobody new can come.
const LAST_FLIGHT: Duration = Duration::from_mins(2);

/// One region, and all that it is moved with.
pub(super) struct Director<'a> {
    pub(super) finder: &'a Finder<'a>,
    pub(super) region: &'a Region,
    pub(super) printer: &'a Printer,
    /// Ends every wait; what was begun stays done.
    pub(super) stop: watch::Receiver<Stop>,
}

impl Director<'_> {
    /// Takes the region out; says whether users are off it.
    pub(super) async fn take_out(&self) -> Result<(Move, bool)> {
        let site = self.site().await?;
        let begun = Instant::now();
        let (nodes, mut troubles) = tell(&site, Station::drain).await;
        troubles.extend(site.troubles.clone());
        self.printer.note(format!(
            "{}: {} of {} nodes drained; asking DNS on every continent",
            self.region,
            nodes.len(),
            site.addresses.len()
        ));
        let watch = self.watch(begun);
        let ((checks, refused), dns) = tokio::join!(self.hold_checks(true), async {
            match &watch {
                Some(watch) => Some(watch.until_gone(&site.addresses).await),
                None => None,
            }
        });
        if let Some(why) = refused {
            troubles.push(format!(
                "{why}; the drain alone keeps {} out until a node restarts, so say it again when AWS answers",
                self.region
            ));
        }
        let is_out = dns
            .as_ref()
            .map_or(nodes.len() == site.addresses.len(), has_moved);
        let flights = self.last_flight(&site, begun).await;
        let done = Move {
            what: Turn::Out,
            nodes: nodes.iter().map(|station| station.slot.clone()).collect(),
            checks,
            dns,
            flights,
            troubles,
        };
        Ok((done, is_out))
    }

    /// Puts the region back, unless none of its nodes is well; says whether it serves again.
    pub(super) async fn put_back(&self) -> Result<(Move, bool)> {
        let site = self.site().await?;
        let begun = Instant::now();
        let drained = drained(&site).await;
        let (nodes, mut troubles) = tell(&site, Station::undrain).await;
        let sick = self.probe(&site, begun).await;
        if sick.len() == site.addresses.len() {
            // They fail their checks anyway; drained they keep failing them when they get well.
            join_all(drained.iter().map(|station| station.drain())).await;
            let region = self.region.clone();
            return Err(Refusal::NotHealthy { region, sick }.into());
        }
        troubles.extend(sick);
        troubles.extend(site.troubles.clone());
        let is_sound = troubles.is_empty();
        let homes = Place::all().filter(|place| self.finder.profile.home_of(*place) == self.region);
        let homes: BTreeSet<Place> = homes.collect();
        let watch = self.watch(begun);
        let ((checks, refused), dns) = tokio::join!(self.hold_checks(false), async {
            match &watch {
                Some(watch) => Some(watch.until_back(&site.addresses, &homes).await),
                None => None,
            }
        });
        troubles.extend(refused.map(|why| {
            format!(
                "{why}; health checks that were held down still are, so say it again when AWS answers if {} stays out",
                self.region
            )
        }));
        let is_back = is_sound && dns.as_ref().is_none_or(has_moved);
        let done = Move {
            what: Turn::Back,
            nodes: nodes.iter().map(|station| station.slot.clone()).collect(),
            checks,
            dns,
            flights: None,
            troubles,
        };
        Ok((done, is_back))
    }

    /// The region's nodes, if there are any.
    async fn site(&self) -> Result<Site> {
        let site = self.finder.enter(self.region).await;
        if let Some(why) = &site.without_ec2 {
            self.printer.note(format!(
                "{why}; asking DNS for the nodes, and going on without it"
            ));
        }
        if site.addresses.is_empty() {
            return Err(anyhow!("{}: no running node was found", self.region))
                .hint("`dsline status` shows the line's nodes");
        }
        Ok(site)
    }

    pub(super) fn watch(&self, begun: Instant) -> Option<Watch<'_>> {
        Some(Watch {
            server: self.finder.server?,
            host: &self.finder.profile.dns.host,
            begun,
            limit: limit(self.finder.profile),
            stop: self.stop.clone(),
        })
    }

    /// Holds the region's health checks down, or lets go of them; the number that were changed, and why not all.
    async fn hold_checks(&self, out: bool) -> (usize, Option<String>) {
        if !self.finder.profile.has_domain() {
            return (0, None);
        }
        let mut changed = 0;
        let work = async {
            let cloud = &self.finder.world.cloud;
            for check in cloud.checks(&self.finder.profile.name).await? {
                let is_there = check.reference.slot.region == *self.region;
                if is_there && (check.inverted, check.disabled) != (out, out) {
                    cloud.hold_check(&check.id, out).await?;
                    changed += 1;
                }
            }
            Ok::<(), Failure>(())
        };
        let why = match timeout(ROUTE53_PATIENCE, work).await {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(failure.to_string()),
            Err(_) => Some(format!(
                "Route 53 did not answer within {} s",
                ROUTE53_PATIENCE.as_secs()
            )),
        };
        (changed, why)
    }

    /// Asks each address what the checkers ask, until all are well or it takes too long; what is wrong with the others.
    async fn probe(&self, site: &Site, begun: Instant) -> Vec<String> {
        loop {
            let asked = site
                .addresses
                .iter()
                .map(async |address| told_of(*address, healthz(*address).await));
            let sick: Vec<String> = join_all(asked).await.into_iter().flatten().collect();
            if sick.is_empty() || begun.elapsed() > PROBE || self.is_stopped() {
                return sick;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Waits until nobody who heard of the region before is left, and the last request there has ended.
    async fn last_flight(&self, site: &Site, begun: Instant) -> Option<Flights> {
        if site.stations.is_empty() {
            return None;
        }
        let ttl = Duration::from_secs(self.finder.profile.dns.ttl.into());
        // Who was given the region in the last moment keeps it for the ttl.
        let quiet = begun.elapsed() + self.finder.server.map_or(Duration::ZERO, |_| ttl);
        let mut busy = Duration::ZERO;
        loop {
            let asked = join_all(site.stations.iter().map(Station::status)).await;
            let flying = asked
                .into_iter()
                .filter_map(Result::ok)
                .map(|status| status.in_flight);
            let left: u64 = flying.sum();
            let now = begun.elapsed();
            if left > 0 {
                busy = now;
            }
            let is_over = left == 0 && now > quiet;
            if is_over || now > quiet + LAST_FLIGHT || self.is_stopped() {
                return Some(Flights {
                    seconds: is_over.then_some(busy.as_secs_f64()),
                    left,
                });
            }
            sleep(Duration::from_millis(250)).await;
        }
    }

    fn is_stopped(&self) -> bool {
        *self.stop.borrow() != Stop::No
    }
}

/// Whether DNS gave what was waited for.
pub(super) fn has_moved(dns: &DnsMove) -> bool {
    dns.seconds.is_some()
}

/// Tells every node that could be entered; those that heard, and what is wrong with the others.
async fn tell<'s>(
    site: &'s Site,
    what: impl AsyncFn(&Station) -> Result<GatewayStatus, Blocked>,
) -> (Vec<&'s Station>, Vec<String>) {
    let told = site
        .stations
        .iter()
        .map(async |station| (station, what(station).await));
    let (mut heard, mut troubles) = (Vec::new(), Vec::new());
    for (station, answer) in join_all(told).await {
        match answer {
            Ok(_) => heard.push(station),
            Err(blocked) => troubles.push(blocked.to_string()),
        }
    }
    (heard, troubles)
}

/// The nodes that are drained.
async fn drained(site: &Site) -> Vec<&Station> {
    let asked = site
        .stations
        .iter()
        .map(async |station| (station, station.status().await));
    let answers = join_all(asked).await.into_iter();
    let drained = answers.filter(|(_, status)| status.as_ref().is_ok_and(|status| status.draining));
    drained.map(|(station, _)| station).collect()
}

fn told_of(address: Ipv4Addr, health: Result<crate::client::Health>) -> Option<String> {
    match health {
        Ok(health) if health.is_healthy() => None,
        Ok(health) => Some(format!("{address} answers {} to /healthz", health.status)),
        Err(error) => Some(format!("{address} does not answer /healthz: {error:#}")),
    }
}
