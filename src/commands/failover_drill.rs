//! A drill that loses a region: its instances are switched off through EC2, and on again.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, bail};
use tokio::time::Instant;

use crate::line::{Instance, InstanceState, Place, Slot};
use crate::output::{Move, Turn};

use super::failover_turn::{Director, has_moved};

/// A drill of one region.
pub(super) struct Drill<'a> {
    pub(super) director: &'a Director<'a>,
}

impl Drill<'_> {
    /// Switches the region off and watches DNS leave it; says whether it did.
    pub(super) async fn power_off(&self) -> Result<(Vec<Instance>, (Move, bool))> {
        let Director { finder, region, .. } = self.director;
        let Some(watch) = self.director.watch(Instant::now()) else {
            bail!("a line without a domain has nothing that could notice a crash");
        };
        let cloud = &finder.world.cloud;
        let mut running = cloud.instances(region, &finder.profile.name).await?;
        running.retain(|one| one.state == InstanceState::Running && one.slot.is_some());
        let addresses: BTreeSet<Ipv4Addr> = running.iter().filter_map(|one| one.address).collect();
        if addresses.is_empty() {
            bail!("{region}: no running node was found");
        }
        let watch = super::failover_dns::Watch {
            begun: Instant::now(),
            ..watch
        };
        cloud.power_off(region, &ids(&running)).await?;
        self.director.printer.note(format!(
            "{region}: switched off; asking DNS on every continent"
        ));
        let dns = watch.until_gone(&addresses).await;
        let has_moved = has_moved(&dns);
        let done = Move {
            what: Turn::PowerOff,
            nodes: slots(&running),
            checks: 0,
            dns: Some(dns),
            flights: None,
            troubles: Vec::new(),
        };
        Ok((running, (done, has_moved)))
    }

    /// Switches it on again; says whether DNS gives it, as it does only where the addresses stayed.
    pub(super) async fn power_on(&self, before: &[Instance]) -> Result<(Move, bool)> {
        let Director { finder, region, .. } = self.director;
        let cloud = &finder.world.cloud;
        cloud
            .power_on(region, &ids(before))
            .await
            .with_context(|| {
                format!("{region} is still switched off: {}", ids(before).join(", "))
            })?;
        let begun = Instant::now();
        let mut moved = Vec::new();
        for one in before {
            let now = cloud.await_running(region, &one.id).await?;
            if let (Some(slot), true) = (&one.slot, now.address != one.address) {
                moved.push(format!(
                    "{slot} came back under another address; `dsline up` brings it into the records"
                ));
            }
        }
        let homes = Place::all().filter(|place| finder.profile.home_of(*place) == *region);
        let homes: BTreeSet<Place> = homes.collect();
        let addresses = before.iter().filter_map(|one| one.address).collect();
        let dns = match self.director.watch(begun) {
            Some(watch) if moved.is_empty() => Some(watch.until_back(&addresses, &homes).await),
            _ => None,
        };
        let is_back = dns.as_ref().is_some_and(has_moved);
        let done = Move {
            what: Turn::PowerOn,
            nodes: slots(before),
            checks: 0,
            dns,
            flights: None,
            troubles: moved,
        };
        Ok((done, is_back))
    }
}

fn ids(instances: &[Instance]) -> Vec<String> {
    instances.iter().map(|one| one.id.clone()).collect()
}

fn slots(instances: &[Instance]) -> Vec<Slot> {
    instances
        .iter()
        .filter_map(|one| one.slot.clone())
        .collect()
}
