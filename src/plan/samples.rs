//! What the planner's tests start from: a profile, all that is wanted, a node that has it, a record of somebody else.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::cost::Prices;
use crate::line::*;
use crate::render::GatewayBinary;

use super::context::Wanted;
use super::files::release_of;

pub(super) const NOW: &str = "2026-11-22T12:00:00Z";

pub(super) fn wanted(profile: Profile) -> Wanted {
    Wanted {
        profile,
        secret: LineSecret::from_bytes([9; 32]),
        upstream_keys: vec![Secret::new("upstream")],
        gateway: GatewayBinary::new(b"gateway".to_vec()),
        authorized_keys: Vec::new(),
        given_certificate: None,
        directory_ca: None,
        forward_ca: None,
        prices: Prices::shipped(),
        now: NOW.parse().unwrap(),
    }
}

pub(super) fn profile(regions: &[&str], per_region: u16) -> Profile {
    let mut profile = Profile {
        regions: regions.iter().map(|name| name.parse().unwrap()).collect(),
        ..Profile::default()
    };
    profile.nodes.per_region = per_region;
    profile.dns.host = "llm.example.com".to_owned();
    profile
}

/// So many machines of the operator's own, one in each of the profile's regions in turn.
pub(super) fn brought(profile: &Profile, count: usize) -> Vec<Brought> {
    let regions = profile.regions.iter().cycle().take(count);
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJxNsj8CN8ksQSbls1ZGbYPKYJ9ulaRgXaFdNTJzbCDY";
    let node = |(index, region): (usize, &Region)| Brought {
        name: format!("own-{index}"),
        address: Ipv4Addr::new(203, 0, 113, u8::try_from(index).unwrap()),
        region: region.clone(),
        user: "debian".to_owned(),
        port: 22,
        host_key: key.to_owned().try_into().unwrap(),
        memory_mib: 1024,
    };
    regions.enumerate().map(node).collect()
}

/// Adds the operator's own machines, each in one of the states that they are found in.
pub(super) fn bring(observed: &mut Observed, wanted: &Wanted, states: &[u8]) {
    observed.brought = wanted.profile.brought_instances();
    for (one, state) in observed.brought.iter().zip(states) {
        let slot = one.slot.as_ref().unwrap();
        let sight = match state % 4 {
            0 => NodeSight::Reported(Box::default()),
            1 => NodeSight::Reported(Box::new(pushed(wanted, slot, one.address))),
            2 => NodeSight::Unreachable("timed out".to_owned()),
            _ => NodeSight::WrongHostKey("another key".to_owned()),
        };
        observed.nodes.insert(one.id.clone(), sight);
    }
}

pub(super) fn pushed(wanted: &Wanted, slot: &Slot, address: Option<Ipv4Addr>) -> NodeReport {
    let release = release_of(wanted, None, slot, address);
    let state = |digest: &str| PartState {
        digest: digest.to_owned(),
        drifted: Vec::new(),
    };
    NodeReport {
        booted: true,
        boot_error: None,
        has_lasting_key: true,
        lease: None,
        release: Some(release.digest().to_owned()),
        number: Some(1),
        pending: None,
        releases: BTreeMap::new(),
        parts: release
            .parts
            .iter()
            .map(|part| {
                (
                    part.name.as_str().to_owned(),
                    state(release.part_digest(part.name)),
                )
            })
            .collect(),
        chain: None,
        units: BTreeMap::new(),
        gateway: Some(GatewayStatus::default()),
    }
}

pub(super) fn foreign_record() -> RecordSet {
    RecordSet {
        name: "www.example.com".to_owned(),
        kind: RecordType::A,
        set_identifier: None,
        routing: Routing::Simple,
        value: RecordValue::Values {
            ttl: 300,
            values: vec!["192.0.2.1".to_owned()],
        },
        health_check: None,
    }
}
