//! Which release a node should have, and whether it has it.

use std::net::Ipv4Addr;

use crate::line::{Certificate, NodeReport, Slot};
use crate::render::{NodeInput, PartName, Release, node};

use super::context::Wanted;

/// The release that a node should run, with a certificate of the line's own authority unless there is another.
pub fn release_of(
    wanted: &Wanted,
    certificate: Option<&Certificate>,
    slot: &Slot,
    address: Option<Ipv4Addr>,
) -> Release {
    node(&NodeInput {
        profile: &wanted.profile,
        slot,
        address,
        secret: &wanted.secret,
        upstream_keys: &wanted.upstream_keys,
        gateway: &wanted.gateway,
        certificate,
        forward_ca: wanted.forward_ca.as_deref(),
        now: wanted.now,
    })
}

/// Why a node needs a push; `None` when it runs the wanted release undisturbed.
pub(super) fn reason_to_push(release: &Release, report: &NodeReport) -> Option<String> {
    let Some(live) = &report.release else {
        return Some("it has no release yet".to_owned());
    };
    if *live != release.digest() {
        let is_new = |name: &PartName| {
            report
                .parts
                .get(name.as_str())
                .is_none_or(|state| state.digest != release.part_digest(*name))
        };
        let changed: Vec<&str> = release
            .parts
            .iter()
            .map(|part| part.name)
            .filter(is_new)
            .map(PartName::as_str)
            .collect();
        return Some(format!("changed: {}", changed.join(", ")));
    }
    let troubles = report.troubles();
    (!troubles.is_empty()).then(|| troubles.join("; "))
}
