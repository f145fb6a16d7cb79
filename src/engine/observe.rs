//! Finds a line by tags and names only, in all its regions at once, with few calls.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::join_all;
use jiff::Timestamp;

use crate::cloud::{Failure, Zone};
use crate::dns::{find_lease, known_nodes, lease_of};
use crate::line::{
    Instance, InstanceState, LineName, NodeSight, Observed, Offer, Profile, Region, RegionView,
    Slot, ZoneView,
};
use crate::plan::{Roster, regions_to_launch_in};
use crate::remote::{Blocked, report};

use super::world::World;

/// How long a node may take to answer before it counts as unreachable.
const SSH_PATIENCE: Duration = Duration::from_secs(8);

/// How much of a line to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// AWS only.
    Cloud,
    /// AWS, and every node over SSH.
    Nodes,
    /// The same, and the rest when Route 53 is unwell: for who only wants to look.
    NodesAtLeast,
}

/// A line as observed, with the hosted zone it was found in.
#[derive(Debug)]
pub struct LineView {
    /// What was seen.
    pub observed: Observed,
    /// The zone, for a line with a domain.
    pub zone: Option<Zone>,
    /// Why the zone was not looked at; only with [`Scope::NodesAtLeast`], and then nothing can be planned.
    pub zone_unseen: Option<String>,
}

/// Looks at the line in the profile's regions, and in those that its health checks and records betray.
pub async fn observe(
    world: &World,
    profile: &Profile,
    scope: Scope,
    now: Timestamp,
) -> Result<LineView> {
    let regions: BTreeSet<Region> = profile.regions.iter().cloned().collect();
    let (views, zone) = tokio::join!(
        look_at(world, &profile.name, regions),
        zone_view(world, profile)
    );
    let (views, (zone, zone_unseen)) = (views?, at_least(scope, zone)?);
    let mut observed = Observed {
        regions: views,
        brought: profile.brought_instances(),
        ..Observed::default()
    };
    observed.zone = zone.as_ref().map(|(_, view)| view.clone());
    if zone_unseen.is_none() {
        let elsewhere = regions_elsewhere(world, profile, &observed).await?;
        let views = look_at(world, &profile.name, elsewhere).await?;
        observed.regions.extend(views);
    }
    refuse_if_all_failed(&observed)?;
    if scope != Scope::Cloud {
        let told = tokio::join!(
            reports(world, observed.instances()),
            memory_of_types(world, profile, &observed),
            world.cloud.account_plan()
        );
        observed.nodes = told.0;
        observed.memory_mib = told.1;
        // Many credentials may not ask; then the prices speak for themselves.
        observed.account_plan = told.2.unwrap_or_default();
        observed.verdicts = ask_checkers(world, &observed).await;
        let roster = Roster::standing(profile, &observed);
        observed.offers = ask_offers(world, profile, &roster, &observed, now).await;
    }
    Ok(LineView {
        observed,
        zone: zone.map(|(zone, _)| zone),
        zone_unseen,
    })
}

type ZoneSight = Option<(Zone, ZoneView)>;

/// What was seen of the zone, and why nothing was, if that may be.
fn at_least(scope: Scope, zone: Result<ZoneSight>) -> Result<(ZoneSight, Option<String>)> {
    match zone {
        Err(error) if scope == Scope::NodesAtLeast && is_passing(&error) => {
            Ok((None, Some(format!("{error:#}"))))
        }
        zone => Ok((zone?, None)),
    }
}

fn is_passing(error: &anyhow::Error) -> bool {
    let failure = error.downcast_ref::<Failure>();
    failure.is_some_and(Failure::is_passing)
}

/// Looks at the line in every region that the account has enabled, and at every hosted zone; nodes are not asked.
pub async fn observe_everything(
    world: &World,
    line: &LineName,
) -> Result<(Observed, Vec<ZoneView>)> {
    let regions = world
        .cloud
        .enabled_regions()
        .await
        .context("cannot list the account's regions")?;
    let (views, zones) = tokio::join!(
        look_at(world, line, regions.known.into_iter().collect()),
        all_zones(world, line)
    );
    let mut observed = Observed {
        regions: views?,
        ..Observed::default()
    };
    refuse_if_all_failed(&observed)?;
    let zones = zones.context("cannot look at the hosted zones")?;
    observed.zone = zones.first().cloned();
    Ok((observed, zones))
}

async fn all_zones(world: &World, line: &LineName) -> Result<Vec<ZoneView>, Failure> {
    let mut views = Vec::new();
    let checks = world.cloud.checks(line).await?;
    for zone in world.cloud.all_zones().await? {
        let records = world.cloud.records(&zone).await?;
        views.push(ZoneView {
            id: zone.id,
            name: zone.name,
            records,
            checks: checks.clone(),
        });
    }
    if views.is_empty() && !checks.is_empty() {
        views.push(ZoneView {
            id: String::new(),
            name: "no hosted zone".to_owned(),
            records: Vec::new(),
            checks,
        });
    }
    Ok(views)
}

/// Looks at regions; fails only for what is no region's own fault.
async fn look_at(
    world: &World,
    line: &LineName,
    regions: BTreeSet<Region>,
) -> Result<BTreeMap<Region, RegionView>, Failure> {
    let looks = regions.into_iter().map(|region| async move {
        let (instances, groups) = tokio::join!(
            world.cloud.instances(&region, line),
            world.cloud.groups(&region, line)
        );
        let view = match (instances, groups) {
            (Ok(instances), Ok(groups)) => RegionView::Seen { instances, groups },
            (Err(failure), _) | (_, Err(failure)) if failure.is_about_every_call() => {
                return Err(failure);
            }
            (Err(failure), _) | (_, Err(failure)) => RegionView::NotLookedAt(failure.to_string()),
        };
        Ok((region, view))
    });
    join_all(looks).await.into_iter().collect()
}

async fn zone_view(world: &World, profile: &Profile) -> Result<ZoneSight> {
    if !profile.has_domain() {
        return Ok(None);
    }
    let zone = world
        .cloud
        .find_zone(&profile.dns.host, &profile.dns.zone)
        .await?;
    let view = world.cloud.zone_view(&zone, &profile.name).await?;
    Ok(Some((zone, view)))
}

/// Regions outside the profile that may hold something of the line: those of checks and records; any, without a domain or
/// while the lock is held.
async fn regions_elsewhere(
    world: &World,
    profile: &Profile,
    observed: &Observed,
) -> Result<BTreeSet<Region>> {
    let found: Vec<Region> = match &observed.zone {
        Some(zone) if !is_locked(&profile.name, zone) => {
            let checked = zone.checks.iter().map(|check| check.reference.slot.clone());
            let named = known_nodes(&profile.name, &zone.records);
            checked
                .chain(named.into_iter().map(|node| node.slot))
                .map(|slot| slot.region)
                .collect()
        }
        _ => world.cloud.enabled_regions().await?.known,
    };
    Ok(found
        .into_iter()
        .filter(|region| !profile.regions.contains(region))
        .collect())
}

/// Whether the lock is in somebody's hands, alive or dead: who died with it may have launched where no check is yet.
fn is_locked(line: &LineName, zone: &ZoneView) -> bool {
    let lease = find_lease(line, &zone.name, &zone.records).map(lease_of);
    lease.is_some_and(|lease| lease.hold.is_some())
}

/// When no region answered, the fault is the operator's (credentials, network): an error, not a line without nodes.
fn refuse_if_all_failed(observed: &Observed) -> Result<()> {
    let is_blind =
        !observed.regions.is_empty() && observed.unseen().count() == observed.regions.len();
    match observed.unseen().next() {
        Some((region, why)) if is_blind => Err(anyhow::anyhow!("{why}"))
            .with_context(|| format!("no region could be looked at, {region} for one")),
        _ => Ok(()),
    }
}

/// Adds what the nodes themselves say.
pub async fn ask_nodes(world: &World, mut observed: Observed) -> Observed {
    observed.nodes = reports(world, observed.instances()).await;
    observed
}

/// Adds the operator's own machines, and what they say of themselves.
pub async fn ask_brought(world: &World, profile: &Profile, mut observed: Observed) -> Observed {
    observed.brought = profile.brought_instances();
    let told = reports(world, observed.brought.iter()).await;
    observed.nodes.extend(told);
    observed
}

async fn reports<'a>(
    world: &World,
    instances: impl Iterator<Item = &'a Instance>,
) -> BTreeMap<String, NodeSight> {
    let asked = instances.filter(|instance| instance.state == InstanceState::Running);
    let sights =
        asked.filter_map(|instance| Some((instance, instance.slot.as_ref()?, instance.address?)));
    let sights = sights.map(|(instance, slot, address)| async move {
        let sight = match world
            .session(slot, instance.generation, address, SSH_PATIENCE)
            .await
        {
            Ok(session) => match report(&session).await {
                Ok(report) => NodeSight::Reported(Box::new(report)),
                Err(blocked) => sight_of(slot, &blocked),
            },
            Err(blocked) => sight_of(slot, &blocked),
        };
        (instance.id.clone(), sight)
    });
    join_all(sights).await.into_iter().collect()
}

fn sight_of(slot: &Slot, blocked: &Blocked) -> NodeSight {
    // What there is to do about a machine that was launched helps with no other.
    let hint = blocked.hint().filter(|_| !slot.is_brought());
    let why = match hint {
        Some(hint) => format!("{blocked} ({hint})"),
        None => blocked.to_string(),
    };
    match blocked {
        Blocked::Unreachable(_) | Blocked::Broken(_) => NodeSight::Unreachable(why),
        Blocked::WrongHostKey(_) => NodeSight::WrongHostKey(why),
        Blocked::Refused(_) => NodeSight::Refused(why),
    }
}

/// Asks Route 53's checkers about nodes that did not answer: is it the node, or only our own way to it?
async fn ask_checkers(world: &World, observed: &Observed) -> BTreeMap<String, bool> {
    let is_silent = |instance: &&Instance| {
        matches!(
            observed.nodes.get(&instance.id),
            Some(NodeSight::Unreachable(_))
        )
    };
    let silent: Vec<Ipv4Addr> = observed
        .instances()
        .filter(is_silent)
        .filter_map(|instance| instance.address)
        .collect();
    let checks = observed.zone.iter().flat_map(|zone| &zone.checks);
    let suspects = checks.filter(|check| {
        check
            .address
            .is_some_and(|address| silent.contains(&address))
    });
    let verdicts = suspects.map(|check| async move {
        let health = world.cloud.check_health(&check.id).await.ok()?;
        Some((check.id.clone(), health.healthy))
    });
    join_all(verdicts).await.into_iter().flatten().collect()
}

/// What EC2 says of the memory of the profile's instance types, in a region that answers; silence is no answer.
async fn memory_of_types(
    world: &World,
    profile: &Profile,
    observed: &Observed,
) -> BTreeMap<String, u32> {
    let is_seen = |region: &&Region| {
        let view = observed.regions.get(*region);
        matches!(view, Some(RegionView::Seen { .. }))
    };
    let Some(region) = profile.regions.iter().find(is_seen) else {
        return BTreeMap::new();
    };
    let types = &profile.nodes.instance_types;
    let told = world.cloud.memory_mib(region, types).await;
    told.unwrap_or_default()
}

/// What the regions offer in which a node must be launched.
pub async fn ask_offers(
    world: &World,
    profile: &Profile,
    roster: &Roster,
    observed: &Observed,
    now: Timestamp,
) -> BTreeMap<Region, Result<Offer, String>> {
    let asks = regions_to_launch_in(profile, roster, observed, now)
        .into_iter()
        .map(|region| async move {
            let (types, image) = tokio::join!(
                world.cloud.free_types(&region),
                world.cloud.newest_image(&region, &profile.nodes.image)
            );
            let offer = match (types, image) {
                (Ok(free_types), Ok(image)) => Ok(Offer {
                    free_types,
                    image_id: image.id,
                    image_name: image.name,
                    root_device: image.root_device,
                }),
                (Err(failure), _) | (_, Err(failure)) => Err(failure.to_string()),
            };
            (region, offer)
        });
    join_all(asks).await.into_iter().collect()
}
