//! Regions that somebody has taken out of service: told apart from sick ones, since they stay out until they are put back.

use std::collections::BTreeMap;
use std::fmt;

use crate::line::{HealthCheck, NodeSight, Observed, Region};

/// A region that is out of service, wholly or in part, by somebody's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfService {
    /// The region.
    pub region: Region,
    /// How many of its nodes fail their health checks on purpose.
    pub drained: usize,
    /// How many of its nodes said whether they do.
    pub nodes: usize,
    /// How many of its health checks are held down.
    pub held: usize,
    /// How many it has.
    pub checks: usize,
}

/// The regions in which a node is drained or a health check held down.
pub fn out_of_service(observed: &Observed) -> Vec<OutOfService> {
    let mut found: BTreeMap<Region, OutOfService> = BTreeMap::new();
    for instance in observed.instances() {
        if let Some(NodeSight::Reported(report)) = observed.nodes.get(&instance.id)
            && let Some(gateway) = &report.gateway
        {
            let entry = entry(&mut found, &instance.region);
            entry.nodes += 1;
            entry.drained += usize::from(gateway.draining);
        }
    }
    for check in observed.zone.iter().flat_map(|zone| &zone.checks) {
        let entry = entry(&mut found, &check.reference.slot.region);
        entry.checks += 1;
        entry.held += usize::from(is_held(check));
    }
    let mut found: Vec<OutOfService> = found.into_values().collect();
    found.retain(|one| one.drained + one.held > 0);
    found
}

/// Turned round and switched off: it counts as unhealthy whatever the node does.
fn is_held(check: &HealthCheck) -> bool {
    check.inverted && check.disabled
}

fn entry<'a>(
    found: &'a mut BTreeMap<Region, OutOfService>,
    region: &Region,
) -> &'a mut OutOfService {
    found.entry(region.clone()).or_insert(OutOfService {
        region: region.clone(),
        drained: 0,
        nodes: 0,
        held: 0,
        checks: 0,
    })
}

impl fmt::Display for OutOfService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            region,
            drained,
            nodes,
            held,
            checks,
        } = self;
        write!(
            f,
            "{region} was taken out of service ({drained} of {nodes} nodes drained"
        )?;
        if *checks > 0 {
            write!(f, ", {held} of {checks} health checks held down")?;
        }
        write!(f, "); `dsline failover {region} --restore` puts it back")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{
        CheckReference, GatewayStatus, Generation, Instance, InstanceState, NodeReport, RegionView,
        ZoneView,
    };

    fn observed(draining: bool, held: bool) -> Observed {
        let slot: crate::line::Slot = "eu-west-1/1".parse().unwrap();
        let address = [198, 18, 0, 1].into();
        let instance = Instance {
            id: "i-1".to_owned(),
            region: slot.region.clone(),
            slot: Some(slot.clone()),
            generation: Generation(1),
            key_id: None,
            state: InstanceState::Running,
            address: Some(address),
            instance_type: "t3.micro".to_owned(),
            launched: jiff::Timestamp::UNIX_EPOCH,
        };
        let gateway = GatewayStatus {
            draining,
            ..GatewayStatus::default()
        };
        let report = NodeReport {
            gateway: Some(gateway),
            ..NodeReport::default()
        };
        let check = HealthCheck {
            id: "check-1".to_owned(),
            reference: CheckReference::new(&"home".parse().unwrap(), &slot, address, "x"),
            address: Some(address),
            inverted: held,
            disabled: held,
        };
        let zone = ZoneView {
            id: "Z1".to_owned(),
            name: "example.com".to_owned(),
            records: Vec::new(),
            checks: vec![check],
        };
        let view = RegionView::Seen {
            instances: vec![instance],
            groups: Vec::new(),
        };
        Observed {
            regions: [(slot.region, view)].into(),
            zone: Some(zone),
            nodes: [("i-1".to_owned(), NodeSight::Reported(Box::new(report)))].into(),
            ..Observed::default()
        }
    }

    #[test]
    fn a_region_is_out_by_its_nodes_or_by_its_checks() {
        assert_eq!(out_of_service(&observed(false, false)), []);
        for (draining, held) in [(true, false), (false, true), (true, true)] {
            let found = out_of_service(&observed(draining, held));
            assert_eq!(found.len(), 1);
            let told = (found[0].drained, found[0].held);
            assert_eq!(told, (usize::from(draining), usize::from(held)));
        }
        assert_eq!(
            out_of_service(&observed(true, false))[0].to_string(),
            "eu-west-1 was taken out of service (1 of 1 nodes drained, 0 of 1 health checks held down); \
             `dsline failover eu-west-1 --restore` puts it back"
        );
    }
}
