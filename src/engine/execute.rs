//! Turns each step into calls; what a step makes is remembered for the steps after it.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use crate::cloud::{Launch, Zone};
use crate::dns::{NodeRecord, change, desired};
use crate::lease::Locks;
use crate::line::{CheckReference, LineName, RecordSet, Region, Rule, Slot};
use crate::plan::{Action, LaunchOrder, Plan, Step, Wanted};
use crate::render::user_data;

use super::apply::Means;
use super::event::Ending;
use super::facts::Facts;
use super::node_steps::NodeSteps;
use super::world::World;

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

    fn wanted(&self) -> Result<&Wanted> {
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
            Action::Push { slot, generation } => {
                return self.nodes.push(slot, *generation, says).await;
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
                let zone = Zone {
                    id: zone_id.clone(),
                    name: zone_name.clone(),
                };
                return self
                    .change_records(&zone, slots, kept, existing, says)
                    .await;
            }
            Action::DeleteCheck { check } => cloud.delete_check(check).await?,
            Action::Terminate { region, instances } => {
                cloud.terminate(region, instances).await?;
                says("waiting until it is gone".to_owned());
                cloud.await_terminated(region, instances).await?;
            }
            Action::DeleteGroup { region, group } => cloud.delete_group(region, group).await?,
        }
        Ok(Ending::Done)
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

    async fn change_records(
        &self,
        zone: &Zone,
        slots: &[Slot],
        kept: &[NodeRecord],
        existing: &[RecordSet],
        says: &(impl Fn(String) + Sync),
    ) -> Result<Ending> {
        let ready = slots.iter().filter_map(|slot| {
            let node = self.facts.node(slot);
            Some(NodeRecord {
                slot: slot.clone(),
                address: node.address?,
                check_id: node.check?,
            })
        });
        let nodes: Vec<NodeRecord> = ready.chain(kept.iter().cloned()).collect();
        if nodes.is_empty() && !slots.is_empty() {
            bail!("no node is ready, so the records stay as they are");
        }
        let records = match &self.wanted {
            Some(wanted) => desired(&wanted.profile, &zone.id, &nodes),
            None => Vec::new(),
        };
        let batch = change(&self.line, existing, &records)?;
        if batch.is_empty() {
            return Ok(Ending::Unchanged);
        }
        let told = format!("{batch}; waiting until every name server has it");
        let change = match self.locks.of_zone(&zone.id) {
            Some(held) => held.change_records(batch).await?,
            None => self.world.cloud.change_records(zone, &batch).await?,
        };
        says(told);
        if let Some(change) = change {
            self.world.cloud.await_in_sync(&change).await?;
        }
        Ok(Ending::Done)
    }
}
