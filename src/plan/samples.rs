//! What the planner's tests start from: a profile, all that is wanted, a node that has it, a record of somebody else.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

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

pub(super) fn pushed(wanted: &Wanted, slot: &Slot, address: Option<Ipv4Addr>) -> NodeReport {
    let release = release_of(wanted, slot, address);
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
