//! Turns each step into calls; what a step makes is remembered for the steps after it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::sleep;

use crate::cloud::{ChangeId, Failure, FailureKind, Launch, Zone};
use crate::dns::{ChangeBatch, NodeRecord, change, desired, known_nodes};
use crate::lease::Locks;
use crate::line::{CheckReference, LineName, RecordSet, Region, Rule, Slot};
use crate::plan::{Action, LaunchOrder, Plan, ReadyNode, Serving, Step, Wanted, answers};
use crate::render::user_data;

use super::apply::Means;
use super::certify::certify;
use super::event::Ending;
use super::facts::Facts;
use super::farewell::{Leaver, wait_until_idle};
use super::node_steps::NodeSteps;
use super::world::World;

/// How often a refused batch is made anew: each time somebody else has changed the zone between our look and our change.
const REREADS: u32 = 5;

/// Executes steps of one plan.
pub(super) struct Executor {
    world: Arc<World>,
    wanted: Option<Arc<Wanted>>,
    locks: Arc<Locks>,
    facts: Arc<Facts>,
    nodes: NodeSteps,
    line: LineName,
}

impl Executor {
    pub(super) fn new(means: &Means, plan: &Plan) -> Self {
        let facts = Arc::new(Facts::of(plan));
        let nodes = NodeSteps::new(
            Arc::clone(&means.world),
            means.wanted.clone(),
            means.roll.clone(),
            Arc::clone(&facts),
        );
        Self {
            world: Arc::clone(&means.world),
            wanted: means.wanted.clone(),
            locks: Arc::clone(&means.locks),
            facts,
            nodes,
            line: plan.line.clone(),
        }
    }

    /// The nodes that got another release, each with the one it had before.
    pub(super) fn changed(&self) -> BTreeMap<Slot, u32> {
        self.facts.changed()
    }

    pub(super) fn wanted(&self) -> Result<&Wanted> {
        self.wanted
            .as_deref()
            .context("this run knows no profile to make things by")
    }

    /// Does one step; `says` tells what it is at.
    pub(super) async fn execute(
        &self,
        step: &Step,
        says: &(impl Fn(String) + Sync),
    ) -> Result<Ending> {
        let cloud = &self.world.cloud;
        match &step.action {
            Action::CreateGroup { region } => {
                let wanted = self.wanted()?;
                let group = cloud
                    .create_group(region, &wanted.profile.name, &wanted.secret.key_id())
                    .await?;
                self.facts.learn_group(region, group.id);
            }
            Action::SetRules {
                region,
                group,
                add,
                remove,
            } => {
                self.set_rules(region, group.as_deref(), add, remove)
                    .await?;
            }
            Action::Launch { order, group } => self.launch(order, group.as_deref(), says).await?,
            Action::Boot {
                slot,
                generation,
                instance_type,
            } => {
                self.nodes
                    .boot(slot, *generation, instance_type, says)
                    .await?;
            }
            Action::Push {
                slot,
                generation,
                number,
            } => {
                return self.nodes.push(slot, *generation, *number, says).await;
            }
            Action::GoBack {
                slot,
                generation,
                number,
            } => self.nodes.go_back(slot, *generation, *number, says).await?,
            Action::Certify {
                host,
                zone_id,
                zone_name,
            } => {
                let zone = Zone {
                    id: zone_id.clone(),
                    name: zone_name.clone(),
                };
                let certificate = certify(self, host, &zone, says).await?;
                self.facts.learn_certificate(certificate);
            }
            Action::CreateCheck { slot } => self.create_check(slot).await?,
            Action::ChangeRecords {
                zone_id,
                zone_name,
                slots,
                kept,
                existing,
                ..
            } => {
                let change = RecordsChange {
                    zone: Zone {
                        id: zone_id.clone(),
                        name: zone_name.clone(),
                    },
                    slots,
                    kept,
                };
                return self.change_records(&change, existing, says).await;
            }
            // What a step before has adopted, by its token or reference, is no longer left over.
            Action::DeleteCheck { check } if self.facts.is_adopted(check) => {
                return Ok(Ending::Unchanged);
            }
            Action::DeleteCheck { check } => cloud.delete_check(check).await?,
            Action::Terminate { instances, .. }
                if instances.iter().any(|id| self.facts.is_adopted(id)) =>
            {
                return Ok(Ending::Unchanged);
            }
            Action::Terminate {
                region,
                instances,
                serving,
            } => {
                if let Some(serving) = serving {
                    self.see_off(serving, says).await;
                }
                cloud.terminate(region, instances).await?;
                says("waiting until it is gone".to_owned());
                cloud.await_terminated(region, instances).await?;
            }
            Action::Leave { slot, address } => self.nodes.leave(slot, *address, says).await?,
            Action::DeleteGroup { region, group } => cloud.delete_group(region, group).await?,
        }
        Ok(Ending::Done)
    }

    /// Lets resolvers forget a node, and its users finish.
    async fn see_off(&self, serving: &Serving, says: &(impl Fn(String) + Sync)) {
        if serving.is_answered {
            self.outlast_resolvers(says).await;
        }
        let leaver = Leaver {
            slot: &serving.slot,
            generation: serving.generation,
            address: serving.address,
        };
        wait_until_idle(&self.world, &leaver, says).await;
    }

    /// Waits until nobody can hold an answer any more that was given before the records changed.
    async fn outlast_resolvers(&self, says: &(impl Fn(String) + Sync)) {
        let (Some(wanted), Some(changed)) = (&self.wanted, self.facts.records_changed()) else {
            return;
        };
        let ttl = Duration::from_secs(wanted.profile.dns.ttl.into());
        let left = ttl.saturating_sub(changed.elapsed());
        if !left.is_zero() {
            says(format!(
                "waiting {} s until resolvers have forgotten it",
                left.as_secs() + 1
            ));
            sleep(left).await;
        }
    }

    fn group(&self, region: &Region, known: Option<&str>) -> Result<String> {
        let made = || self.facts.group(region);
        known
            .map(str::to_owned)
            .or_else(made)
            .with_context(|| format!("{region}: the security group is not known"))
    }

    async fn set_rules(
        &self,
        region: &Region,
        group: Option<&str>,
        add: &[Rule],
        remove: &[Rule],
    ) -> Result<()> {
        let group = self.group(region, group)?;
        if !add.is_empty() {
            self.world.cloud.allow(region, &group, add).await?;
        }
        if !remove.is_empty() {
            self.world.cloud.revoke(region, &group, remove).await?;
        }
        Ok(())
    }

    async fn launch(
        &self,
        order: &LaunchOrder,
        group: Option<&str>,
        says: &(impl Fn(String) + Sync),
    ) -> Result<()> {
        let wanted = self.wanted()?;
        let (profile, secret) = (&wanted.profile, &wanted.secret);
        let instance = self
            .world
            .cloud
            .launch(
                &Launch {
                    line: profile.name.clone(),
                    slot: order.slot.clone(),
                    generation: order.generation,
                    key_id: secret.key_id(),
                    instance_types: order.types().cloned().collect(),
                    image_id: order.image_id.clone(),
                    root_device: order.root_device.clone(),
                    group_id: self.group(&order.slot.region, group)?,
                    user_data: user_data(
                        profile,
                        &order.slot,
                        order.generation,
                        secret,
                        &wanted.authorized_keys,
                    ),
                    volume_gib: profile.nodes.volume_gib,
                },
                says,
            )
            .await?;
        self.facts.learn(&order.slot, |node| {
            node.generation = Some(order.generation);
            node.instance = Some(instance.id);
            node.address = instance.address;
            node.instance_type = Some(instance.instance_type);
        });
        Ok(())
    }

    async fn create_check(&self, slot: &Slot) -> Result<()> {
        let address = self
            .facts
            .node(slot)
            .address
            .with_context(|| format!("{slot} has no address yet"))?;
        let profile = &self.wanted()?.profile;
        let dns = &profile.dns;
        let reference = CheckReference::new(&profile.name, slot, address, &dns.checks.settings());
        let check = self
            .world
            .cloud
            .create_check(&reference, address, dns.checks)
            .await?;
        self.facts.learn(slot, |node| node.check = Some(check.id));
        Ok(())
    }

    /// Changes the records in one batch; when somebody else was faster, looks again and makes another.
    async fn change_records(
        &self,
        change: &RecordsChange<'_>,
        existing: &[RecordSet],
        says: &(impl Fn(String) + Sync),
    ) -> Result<Ending> {
        let cloud = &self.world.cloud;
        let mut existing = existing.to_vec();
        let mut rereads = 0;
        loop {
            let batch = self.batch(change, &existing)?;
            if batch.is_empty() {
                return Ok(Ending::Unchanged);
            }
            let told = format!("{batch}; waiting until every name server has it");
            match self.send(&change.zone, batch).await {
                Ok(id) => {
                    says(told);
                    if let Some(id) = id {
                        cloud.await_in_sync(&id).await?;
                    }
                    self.facts.learn_change_of_records();
                    return Ok(Ending::Done);
                }
                Err(error) if rereads < REREADS && is_refusal(&error) => {
                    says(format!("{error:#}; looking at the zone again"));
                    existing = cloud.records(&change.zone).await?;
                    rereads += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends a batch and waits until every name server has it.
    pub(super) async fn publish(&self, zone: &Zone, batch: ChangeBatch) -> Result<()> {
        if let Some(id) = self.send(zone, batch).await? {
            self.world.cloud.await_in_sync(&id).await?;
        }
        Ok(())
    }

    /// Sends a batch, together with the lock of its zone if there is one.
    async fn send(&self, zone: &Zone, batch: ChangeBatch) -> Result<Option<ChangeId>> {
        Ok(match self.locks.of_zone(&zone.id) {
            Some(held) => held.change_records(batch).await?,
            None => self.world.cloud.change_records(zone, &batch).await?,
        })
    }

    /// The batch that leads from these records to those that what is ready by now asks for.
    fn batch(&self, to: &RecordsChange<'_>, existing: &[RecordSet]) -> Result<ChangeBatch> {
        let ready = |slot: &Slot| {
            let node = self.facts.node(slot);
            (!node.is_unfinished).then_some(())?;
            Some(ReadyNode {
                record: NodeRecord {
                    slot: slot.clone(),
                    address: node.address?,
                    check_id: node.check?,
                },
                is_sound: node.is_reachable,
            })
        };
        let known = known_nodes(&self.line, existing);
        let nodes = answers(to.slots, to.kept, &known, ready)
            .context("no node is ready, so the records stay as they are")?;
        let records = match &self.wanted {
            Some(wanted) => desired(&wanted.profile, &to.zone.id, &nodes),
            None => Vec::new(),
        };
        Ok(change(&self.line, existing, &records)?)
    }
}

/// Whom the records of a zone shall name.
struct RecordsChange<'a> {
    zone: Zone,
    slots: &'a [Slot],
    kept: &'a [NodeRecord],
}

/// Whether Route 53 refused a batch, as it does when the zone is no longer what was seen.
fn is_refusal(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<Failure>()
            .is_some_and(|failure| matches!(failure.kind, FailureKind::RecordsRefused(_)))
    })
}
