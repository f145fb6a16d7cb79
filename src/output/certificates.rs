//! The certificate that each node shows.

use anyhow::Result;
use serde::Serialize;

use crate::line::{Chain, Slot};

use super::printer::Printer;

/// One node's certificate; the JSON form of the list is a list of these.
#[derive(Clone, Debug, Serialize)]
pub struct NodeCertificate {
    /// The node.
    pub node: Slot,
    /// What its certificate says.
    #[serde(flatten)]
    pub chain: Option<Chain>,
    /// Whole days until it ends.
    pub days_left: Option<i64>,
    /// Whether only a third of its lifetime is left.
    pub is_due: bool,
    /// Why it is not known.
    pub error: Option<String>,
}

/// Prints the certificates of all nodes.
pub fn certificates(printer: &Printer, nodes: &[NodeCertificate]) -> Result<()> {
    printer.line(printer.faint(&format!(
        "{:<19} {:<20} {:>5}  {:<24} {}",
        "NODE", "UNTIL", "DAYS", "SIGNED BY", "FOR"
    )));
    for node in nodes {
        let name = format!("{:<19}", node.node.to_string());
        let Some(chain) = &node.chain else {
            let error = node.error.as_deref().unwrap_or_default();
            printer.line(format!("{name} {}", printer.bad(error)));
            continue;
        };
        let days = format!("{:>5}", node.days_left.unwrap_or_default());
        let days = if node.is_due {
            printer.bad(&days)
        } else {
            printer.good(&days)
        };
        let line = format!(
            "{name} {:<20} {days}  {:<24} {}",
            chain.until.to_string(),
            chain.issuer,
            chain.names.join(", ")
        );
        printer.line(line.trim_end());
    }
    printer.document(&nodes)
}
