//! Taking the line's lock for a command that changes the world.

use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;
use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::cloud::Zone;
use crate::dns::find_lease;
use crate::engine::World;
use crate::lease::{Claim, Locks, Store};
use crate::line::{
    Holder, Lease, LineSecret, NodeSight, Observed, Profile, RecordSet, Slot, ZoneView,
};
use crate::operator::{Environment, person};
use crate::output::Printer;

/// How long one attempt at a connection may take.
const ATTEMPT: Duration = Duration::from_secs(8);

/// How long to wait for the lock.
#[derive(Debug, clap::Args)]
pub struct LockArgs {
    /// Seconds to wait while another command holds the lock; otherwise half as long again as `lock.ttl_seconds`
    #[arg(long, value_name = "SECONDS")]
    lock_wait: Option<u32>,
}

/// Who takes the lock, and of which line.
pub(super) struct Taker<'a> {
    /// The command, as others shall see it.
    pub(super) command: &'static str,
    /// How long to wait.
    pub(super) args: &'a LockArgs,
    /// The line.
    pub(super) profile: &'a Profile,
    /// Its secret, unless that is lost.
    pub(super) secret: Option<&'a LineSecret>,
    /// Where nodes and zones are reached.
    pub(super) world: &'a World,
    /// The operator.
    pub(super) environment: &'a Environment,
    /// Where a wait is told of.
    pub(super) printer: &'a Printer,
}

/// The locks, and whether what was seen before may be history.
pub(super) struct Grip {
    pub(super) locks: Locks,
    pub(super) is_news: bool,
}

impl Taker<'_> {
    /// Takes the lock that lies in these places, first to last.
    pub(super) async fn take(&self, stores: Vec<Store>) -> Result<Grip> {
        let ttl = Duration::from_secs(self.profile.lock.ttl_seconds.into());
        let patience = self
            .args
            .lock_wait
            .map(|wait| Duration::from_secs(wait.into()));
        let claim = Claim {
            secret: self.secret,
            seal: self.seal(),
            ttl,
            patience: patience.unwrap_or(ttl * 3 / 2),
        };
        let mut held = Vec::new();
        let mut is_news = false;
        for store in stores {
            let token = claim.take(store, |text| self.printer.note(text)).await?;
            is_news |= token.is_news;
            held.push(token.held);
        }
        Ok(Grip {
            locks: Locks::new(held),
            is_news,
        })
    }

    fn seal(&self) -> String {
        let mut nonce = [0; 12];
        SystemRandom::new()
            .fill(&mut nonce)
            .expect("the kernel has randomness once user space runs");
        let holder = Holder {
            who: person(self.environment),
            command: self.command.to_owned(),
            since: Timestamp::now(),
        };
        match self.secret {
            Some(secret) => holder.seal(secret, nonce),
            // Nobody can read it, but it is still unlike any other.
            None => holder.seal(&LineSecret::from_bytes([0; 32]), nonce),
        }
    }

    /// The lock in a zone whose records were just read.
    pub(super) fn in_zone(&self, zone: &Zone, records: &[RecordSet]) -> Store {
        Store::in_zone(
            self.world.cloud.clone(),
            zone.clone(),
            &self.profile.name,
            records,
        )
    }

    fn locked<'z>(&self, zones: &'z [ZoneView]) -> impl Iterator<Item = &'z ZoneView> {
        let line = &self.profile.name;
        zones
            .iter()
            .filter(move |zone| find_lease(line, &zone.name, &zone.records).is_some())
    }

    /// Whether any zone has a lock of the line.
    pub(super) fn has_lease(&self, zones: &[ZoneView]) -> bool {
        self.locked(zones).next().is_some()
    }

    /// The lock in every zone that has one; else in the host's own.
    pub(super) fn in_zones(&self, zones: &[ZoneView]) -> Vec<Store> {
        let mut locked: Vec<&ZoneView> = self.locked(zones).collect();
        if locked.is_empty() {
            locked.extend(home_zone(&self.profile.dns.host, zones));
        }
        let stores = locked.into_iter().map(|zone| {
            let place = Zone {
                id: zone.id.clone(),
                name: zone.name.clone(),
            };
            self.in_zone(&place, &zone.records)
        });
        stores.collect()
    }

    /// The lock on every node that answered; sessions of their own, since a push may keep a shared one busy for minutes.
    pub(super) async fn on_nodes(&self, observed: &Observed) -> Store {
        let mut nodes: Vec<_> = observed
            .instances()
            .filter_map(|instance| {
                let slot: &Slot = instance.slot.as_ref()?;
                let Some(NodeSight::Reported(report)) = observed.nodes.get(&instance.id) else {
                    return None;
                };
                let lease = report.lease.as_deref().map(Lease::read);
                Some((slot, instance, instance.address?, lease))
            })
            .collect();
        nodes.sort_by_key(|(slot, instance, ..)| ((*slot).clone(), instance.generation));
        let opened = nodes
            .into_iter()
            .map(|(slot, instance, address, lease)| async move {
                let session =
                    self.world
                        .another_session(slot, instance.generation, address, ATTEMPT);
                Some((session.await.ok()?, lease))
            });
        Store::on_nodes(join_all(opened).await.into_iter().flatten().collect())
    }
}

/// The zone that a host name lies in.
fn home_zone<'a>(host: &str, zones: &'a [ZoneView]) -> Option<&'a ZoneView> {
    let holds = |zone: &&ZoneView| {
        host == zone.name
            || host
                .strip_suffix(&zone.name)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    zones
        .iter()
        .filter(holds)
        .max_by_key(|zone| zone.name.len())
}
