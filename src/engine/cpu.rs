//! What CloudWatch says of the nodes' CPU, asked no oftener than it has news.

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::line::{CpuSight, Instance, NodeSight, Observed};

use super::world::World;

/// CloudWatch's step with basic monitoring.
const STEP: SignedDuration = SignedDuration::from_mins(5);

/// What was heard of each instance, by its id.
#[derive(Debug, Default)]
pub struct CpuWatch(BTreeMap<String, Heard>);

#[derive(Debug)]
struct Heard {
    /// When it was asked for.
    asked: Timestamp,
    sight: Option<CpuSight>,
}

impl CpuWatch {
    /// Asks about those nodes that answer and were not asked about in this step. Returns what could not be told: the
    /// gateways' own figures are there all the same.
    pub async fn look(
        &mut self,
        world: &World,
        observed: &Observed,
        now: Timestamp,
    ) -> Vec<String> {
        let answers = |instance: &&Instance| {
            let sight = observed.nodes.get(&instance.id);
            matches!(sight, Some(NodeSight::Reported(_)))
        };
        let there: Vec<&Instance> = observed.launched().filter(answers).collect();
        self.0
            .retain(|id, _| there.iter().any(|instance| instance.id == *id));
        let asks = there
            .into_iter()
            .filter(|instance| self.is_due(&instance.id, now))
            .map(|instance| async move {
                let cloud = &world.cloud;
                let cpu = cloud.cpu(&instance.region, &instance.id, &instance.instance_type, now);
                (instance, cpu.await)
            });
        let mut untold = Vec::new();
        for (instance, heard) in join_all(asks).await {
            let sight = heard.unwrap_or_else(|failure| {
                let id = &instance.id;
                untold.push(format!("the CPU of {id} is not known: {failure}"));
                None
            });
            let heard = Heard { asked: now, sight };
            self.0.insert(instance.id.clone(), heard);
        }
        untold
    }

    /// What is known, by instance id.
    pub fn known(&self) -> BTreeMap<String, CpuSight> {
        let known = self.0.iter();
        known
            .filter_map(|(id, heard)| Some((id.clone(), heard.sight?)))
            .collect()
    }

    fn is_due(&self, id: &str, now: Timestamp) -> bool {
        self.0
            .get(id)
            .is_none_or(|heard| now.duration_since(heard.asked) >= STEP)
    }
}
