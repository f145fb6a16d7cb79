//! The independent second look after a teardown: asks every region and zone anew and says what is left.

use futures::future::join_all;
use serde::Serialize;

use crate::dns::{is_of_line, lease_name};
use crate::line::{InstanceState, LineName, NodeSight, Observed, Profile, Region};

use super::observe::ask_brought;
use super::world::World;

/// Something of the line that is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// What kind of thing.
    pub kind: &'static str,
    /// Where it is.
    pub at: String,
    /// Its id or name.
    pub id: String,
}

/// What a sweep found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Receipt {
    /// Regions that were looked at.
    pub regions: Vec<Region>,
    /// Hosted zones that were looked at, by name.
    pub zones: Vec<String>,
    /// Places that could not be looked at, with the reason: nothing is known about them.
    pub not_looked_at: Vec<(String, String)>,
    /// What is left.
    pub leftovers: Vec<Leftover>,
}

impl Receipt {
    /// Whether everything was looked at and nothing is left.
    pub fn is_clean(&self) -> bool {
        self.leftovers.is_empty() && self.not_looked_at.is_empty()
    }
}

/// Looks for anything of the line, everywhere in the account.
pub async fn sweep(world: &World, line: &LineName) -> Receipt {
    let mut receipt = Receipt::default();
    match world.cloud.enabled_regions().await {
        Ok(regions) => {
            let looks = regions
                .known
                .into_iter()
                .map(|region| sweep_region(world, line, region));
            for part in join_all(looks).await {
                receipt.absorb(part);
            }
            let unknown = regions
                .unknown
                .into_iter()
                .map(|name| (name, "a region that this version does not know".to_owned()));
            receipt.not_looked_at.extend(unknown);
        }
        Err(failure) => receipt
            .not_looked_at
            .push(("every region".to_owned(), failure.to_string())),
    }
    receipt.absorb(sweep_zones(world, line).await);
    receipt
}

/// Asks the operator's own machines whether anything of the line is left there.
pub async fn sweep_brought(world: &World, profile: &Profile) -> Receipt {
    let observed = ask_brought(world, profile, Observed::default()).await;
    let mut receipt = Receipt::default();
    for (slot, node) in profile.brought() {
        let place = format!("{slot} ({})", node.address);
        match observed.nodes.get(&node.id()) {
            Some(NodeSight::Reported(report)) if report.holds_something() => {
                receipt.leftovers.push(Leftover {
                    kind: "services and files",
                    at: place,
                    id: "/var/lib/dsline".to_owned(),
                });
            }
            Some(NodeSight::Reported(_)) => {}
            Some(
                NodeSight::Unreachable(why)
                | NodeSight::WrongHostKey(why)
                | NodeSight::Refused(why),
            ) => receipt.not_looked_at.push((place, why.clone())),
            None => receipt
                .not_looked_at
                .push((place, "it was not asked".to_owned())),
        }
    }
    receipt
}

impl Receipt {
    /// Takes in what another look found.
    pub fn absorb(&mut self, other: Self) {
        self.regions.extend(other.regions);
        self.zones.extend(other.zones);
        self.not_looked_at.extend(other.not_looked_at);
        self.leftovers.extend(other.leftovers);
    }
}

async fn sweep_region(world: &World, line: &LineName, region: Region) -> Receipt {
    let mut receipt = Receipt::default();
    let (instances, groups, volumes) = tokio::join!(
        world.cloud.instances(&region, line),
        world.cloud.groups(&region, line),
        world.cloud.volumes(&region, line)
    );
    match (instances, groups, volumes) {
        (Ok(instances), Ok(groups), Ok(volumes)) => {
            let left = |kind, id: String| Leftover {
                kind,
                at: region.to_string(),
                id,
            };
            let alive = instances
                .into_iter()
                .filter(|instance| instance.state != InstanceState::Terminated);
            receipt
                .leftovers
                .extend(alive.map(|instance| left("instance", instance.id)));
            receipt.leftovers.extend(
                groups
                    .into_iter()
                    .map(|group| left("security group", group.id)),
            );
            receipt
                .leftovers
                .extend(volumes.into_iter().map(|id| left("volume", id)));
            receipt.regions.push(region);
        }
        (Err(failure), _, _) | (_, Err(failure), _) | (_, _, Err(failure)) => {
            receipt
                .not_looked_at
                .push((region.to_string(), failure.to_string()));
        }
    }
    receipt
}

async fn sweep_zones(world: &World, line: &LineName) -> Receipt {
    let mut receipt = Receipt::default();
    match world.cloud.checks(line).await {
        Ok(checks) => receipt
            .leftovers
            .extend(checks.into_iter().map(|check| Leftover {
                kind: "health check",
                at: "Route 53".to_owned(),
                id: check.id,
            })),
        Err(failure) => receipt
            .not_looked_at
            .push(("health checks".to_owned(), failure.to_string())),
    }
    let zones = match world.cloud.all_zones().await {
        Ok(zones) => zones,
        Err(failure) => {
            receipt
                .not_looked_at
                .push(("hosted zones".to_owned(), failure.to_string()));
            return receipt;
        }
    };
    for zone in zones {
        match world.cloud.records(&zone).await {
            Ok(records) => {
                let lease = lease_name(line, &zone.name);
                let ours = records
                    .into_iter()
                    .filter(|record| is_of_line(line, record) || record.name == lease);
                receipt.leftovers.extend(ours.map(|record| Leftover {
                    kind: "record",
                    at: zone.name.clone(),
                    id: record.name,
                }));
                receipt.zones.push(zone.name);
            }
            Err(failure) => receipt.not_looked_at.push((zone.name, failure.to_string())),
        }
    }
    receipt
}
