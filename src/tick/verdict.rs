//! How many nodes each region shall have, decided from what was seen, within the line's bounds.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::cost::{Prices, bill, node_month};
use crate::line::{
    CpuSight, GatewayStatus, Instance, NodeSight, Observed, Profile, Region, RegionView, Slot,
};
use crate::plan::Roster;
use crate::scaling::{Decision, Elsewhere, Inputs, Limits, Policy, Pool, decide};

use super::demand::{Loaded, Reading, reading, readings};
use super::memory::Memory;

/// What a tick sees.
pub struct Scene<'a> {
    /// What is wanted.
    pub profile: &'a Profile,
    /// What is.
    pub observed: &'a Observed,
    /// What CloudWatch says, by instance id.
    pub cpu: &'a BTreeMap<String, CpuSight>,
    /// What AWS asks for everything.
    pub prices: &'a Prices,
    /// What was before.
    pub memory: &'a Memory,
    /// When.
    pub now: Timestamp,
}

/// What a tick decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// One decision for each region that was seen, those for nothing too.
    pub decisions: Vec<Decision>,
    /// The slots that the line shall have.
    pub roster: Roster,
    /// What is worth telling beside: regions that were not judged, figures that disagree.
    pub notes: Vec<String>,
}

impl Verdict {
    /// Whether any region's number of nodes changes.
    pub fn is_change(&self) -> bool {
        self.decisions.iter().any(|decision| decision.change != 0)
    }
}

/// Decides for all regions, one after the other: each knows what those before it have taken.
pub fn judge(scene: &Scene<'_>) -> Verdict {
    let roster = Roster::standing(scene.profile, scene.observed);
    let mut verdict = Verdict {
        decisions: Vec::new(),
        roster: roster.clone(),
        notes: Vec::new(),
    };
    let mut pools = Vec::new();
    for region in &scene.profile.regions {
        match scene.observed.regions.get(region) {
            Some(RegionView::Seen { .. }) => {
                let (pool, notes) = scene.pool(&roster, region);
                verdict.notes.extend(notes);
                pools.push(pool);
            }
            Some(RegionView::NotLookedAt(why)) => {
                let note = format!("{region}: not judged, since it was not looked at: {why}");
                verdict.notes.push(note);
            }
            None => {}
        }
    }
    let mut sizes = Sizes::new(scene, &roster, &pools);
    for pool in pools {
        let region = pool.region.clone();
        let decision = decide(Inputs {
            at: scene.now,
            policy: policy_of(scene.profile),
            limits: scene.limits(&region),
            elsewhere: sizes.elsewhere(&pool),
            pool,
        });
        sizes.take(&decision);
        let by = usize::try_from(decision.change.unsigned_abs()).expect("it fits");
        verdict.roster = if decision.change > 0 {
            verdict.roster.with_more(scene.profile, &region, by)
        } else {
            verdict.roster.with_fewer(scene.profile, &region, by)
        };
        verdict.decisions.push(decision);
    }
    verdict
}

/// The policy that a profile asks for.
fn policy_of(profile: &Profile) -> Policy {
    Policy::of(&profile.scaling, profile.nodes.per_region)
}

impl Scene<'_> {
    fn pool(&self, roster: &Roster, region: &Region) -> (Pool, Vec<String>) {
        let mut serving = Vec::new();
        let mut slots = 0;
        // Machines of the operator's own come and go by nobody's decision here.
        for slot in roster.in_region(region).filter(|slot| !slot.is_brought()) {
            slots += 1;
            serving.extend(self.serving(slot));
        }
        let changed = self.memory.last_change(region);
        let read: Vec<Option<Reading>> = serving
            .iter()
            .map(|(instance, gateway)| self.reading(instance, gateway, changed))
            .collect();
        let notes = read.iter().flatten().filter_map(|one| one.note.clone());
        let notes = notes.collect();
        let sample = readings(&read, self.now);
        let ready = u32::try_from(serving.len()).expect("a region has few nodes");
        let provisioned: u32 = slots;
        let held = self.observed.launched().filter(|instance| {
            let is_known = |slot: &Slot| roster.in_region(region).any(|one| one == slot);
            instance.region == *region
                && instance.state.is_alive()
                && !instance.slot.as_ref().is_some_and(is_known)
        });
        let pool = Pool {
            region: region.clone(),
            ready,
            starting: provisioned.saturating_sub(ready),
            leaving: u32::try_from(held.count()).expect("a region has few nodes"),
            boot_seconds: self.profile.scaling.boot_seconds,
            history: self.memory.history(region, sample),
            changes: self.memory.changes(region, provisioned, self.now),
        };
        (pool, notes)
    }

    /// The instance that serves in a slot, with its gateway's word; a draining one serves nobody new.
    fn serving(&self, slot: &Slot) -> Option<(&Instance, &GatewayStatus)> {
        let here = self
            .observed
            .launched()
            .filter(|instance| instance.slot.as_ref() == Some(slot) && instance.state.is_alive());
        here.filter_map(|instance| match self.observed.nodes.get(&instance.id) {
            Some(NodeSight::Reported(report)) if report.booted && report.release.is_some() => {
                let gateway = report.gateway.as_ref()?;
                (!gateway.draining).then_some((instance, gateway))
            }
            _ => None,
        })
        .max_by_key(|(instance, _)| instance.generation)
    }

    fn reading(
        &self,
        instance: &Instance,
        gateway: &GatewayStatus,
        changed: Option<Timestamp>,
    ) -> Option<Reading> {
        let place = instance.slot.as_ref().map(ToString::to_string);
        let node = Loaded {
            place: place.as_deref().unwrap_or(&instance.id),
            instance_type: &instance.instance_type,
            gateway,
            cpu: self.cpu.get(&instance.id).copied(),
            changed,
        };
        reading(&node, self.now)
    }

    fn limits(&self, region: &Region) -> Limits {
        let (profile, scaling) = (self.profile, &self.profile.scaling);
        let budget = (profile.budget.month_usd > 0).then(|| profile.budget.month_usd * 100);
        Limits {
            min: profile.nodes.per_region.into(),
            max: profile.most_per_region().into(),
            total: scaling.total.into(),
            free_instances: (scaling.free_instances > 0).then_some(scaling.free_instances),
            budget_cents: budget,
            node_cents: self
                .node_cents(region)
                .unwrap_or(budget.map_or(0, |most| most + 1)),
        }
    }

    /// A month of one more node, in cents; `None` for a type without a price on record.
    fn node_cents(&self, region: &Region) -> Option<u64> {
        let kind = &self.profile.nodes.instance_types[0];
        node_month(self.profile, region, kind, self.prices).map(|month| month.cents())
    }
}

/// What the regions have, those that were decided about with what was decided.
struct Sizes {
    /// Nodes by region, those that leave included.
    held: BTreeMap<Region, u32>,
    /// Nodes that serve by region.
    healthy: BTreeMap<Region, u32>,
    /// A month's cents of the whole line.
    cents: u64,
    /// A month's cents of one more node, by region.
    each: BTreeMap<Region, u64>,
}

impl Sizes {
    fn new(scene: &Scene<'_>, roster: &Roster, pools: &[Pool]) -> Self {
        let profile = scene.profile;
        let kind = profile.nodes.instance_types[0].clone();
        let mut held: BTreeMap<Region, u32> = BTreeMap::new();
        let mut nodes = Vec::new();
        for slot in roster.slots().filter(|slot| !slot.is_brought()) {
            *held.entry(slot.region.clone()).or_default() += 1;
            nodes.push((slot.region.clone(), kind.clone()));
        }
        for pool in pools {
            *held.entry(pool.region.clone()).or_default() += pool.leaving;
        }
        let each = profile.regions.iter().map(|region| {
            let cents = scene.node_cents(region).unwrap_or_default();
            (region.clone(), cents)
        });
        Self {
            held,
            healthy: pools
                .iter()
                .map(|pool| (pool.region.clone(), pool.ready))
                .collect(),
            cents: bill(profile, &nodes, scene.prices).total.cents(),
            each: each.collect(),
        }
    }

    fn elsewhere(&self, pool: &Pool) -> Elsewhere {
        let of_others = |counts: &BTreeMap<Region, u32>| {
            let others = counts.iter().filter(|(region, _)| **region != pool.region);
            others.map(|(_, count)| count).sum()
        };
        let own = self.each.get(&pool.region).copied().unwrap_or_default();
        Elsewhere {
            nodes: of_others(&self.held),
            healthy: of_others(&self.healthy),
            cents: self
                .cents
                .saturating_sub(own * u64::from(pool.provisioned())),
        }
    }

    fn take(&mut self, decision: &Decision) {
        let region = &decision.inputs.pool.region;
        let each = self.each.get(region).copied().unwrap_or_default();
        if let Some(held) = self.held.get_mut(region) {
            *held = held.saturating_add_signed(decision.change.max(0));
        }
        if let Some(healthy) = self.healthy.get_mut(region) {
            *healthy = healthy.saturating_add_signed(decision.change.min(0));
        }
        self.cents += each * u64::from(decision.change.max(0).unsigned_abs());
    }
}
