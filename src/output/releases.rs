//! The releases that nodes remember, newest first.

use anyhow::Result;
use serde::Serialize;

use crate::line::{KeptRelease, ReleaseState, Slot};

use super::printer::Printer;

/// One node's releases; the JSON form of the list is a list of these.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReleases {
    /// The node.
    pub node: Slot,
    /// The release that is live.
    pub live: Option<u32>,
    /// The release that waits for its confirmation.
    pub pending: Option<u32>,
    /// What it remembers, newest first.
    pub releases: Vec<KeptRelease>,
    /// Why it could not be asked.
    pub error: Option<String>,
}

/// Prints the releases of all nodes.
pub fn releases(printer: &Printer, nodes: &[NodeReleases]) -> Result<()> {
    printer.line(printer.faint(&format!(
        "{:<19} {:>7}  {:<9} {:<20} {:<12} {:<20} {}",
        "NODE", "RELEASE", "DIGEST", "WHEN", "STATE", "WHO", "WHY"
    )));
    for node in nodes {
        if let Some(error) = &node.error {
            printer.line(format!(
                "{:<19} {}",
                node.node.to_string(),
                printer.bad(error)
            ));
        } else if node.releases.is_empty() {
            printer.line(format!("{:<19} no release yet", node.node.to_string()));
        }
        for release in &node.releases {
            print_release(printer, node, release);
        }
    }
    printer.document(&nodes)
}

fn print_release(printer: &Printer, node: &NodeReleases, release: &KeptRelease) {
    let is_live = node.live == Some(release.number);
    let state = match &release.state {
        _ if is_live && node.pending == node.live => "unconfirmed",
        ReleaseState::Healthy if is_live => "live",
        ReleaseState::Healthy => "kept",
        ReleaseState::Left => "left",
        ReleaseState::Unconfirmed => "unconfirmed",
        ReleaseState::Failed(_) => "failed",
    };
    // Padded before it is painted: escape codes have no width.
    let shown = format!("{state:<12}");
    let shown = match state {
        "live" => printer.good(&shown),
        "kept" | "left" => shown,
        _ => printer.bad(&shown),
    };
    let why = match &release.state {
        ReleaseState::Failed(what) if release.why.is_empty() => what.clone(),
        ReleaseState::Failed(what) => format!("{} ({what})", release.why),
        _ => release.why.clone(),
    };
    let line = format!(
        "{:<19} {:>7}  {:<9} {:<20} {shown} {:<20} {why}",
        node.node.to_string(),
        release.number,
        &release.digest[..release.digest.len().min(8)],
        release.when,
        release.who,
    );
    printer.line(line.trim_end());
}
