//! What was found on each node of a line.

use std::collections::BTreeSet;

use anyhow::Result;
use serde::Serialize;

use crate::doctor::{Finding, Verdict};
use crate::line::Slot;

use super::printer::Printer;

/// What was found on one node.
#[derive(Serialize)]
pub struct NodeFindings {
    /// The node.
    pub node: Slot,
    /// Why it could not be looked at from inside, if so.
    pub not_looked_at: Option<String>,
    /// What strangers see.
    pub outside: Vec<Finding>,
    /// What it says of itself.
    pub inside: Vec<Finding>,
}

impl NodeFindings {
    /// Whether everything was looked at and is as it should be.
    pub fn is_good(&self) -> bool {
        self.not_looked_at.is_none()
            && self
                .outside
                .iter()
                .chain(&self.inside)
                .all(|finding| finding.verdict == Verdict::Good)
    }
}

/// Prints every finding, node by node, then each hint once.
pub fn findings(printer: &Printer, nodes: &[NodeFindings]) -> Result<()> {
    let mut hints: BTreeSet<&str> = BTreeSet::new();
    for node in nodes {
        printer.line(node.node.to_string());
        for (side, found) in [("outside", &node.outside), ("inside", &node.inside)] {
            for finding in found {
                print(printer, side, finding);
                hints.extend(finding.hint.as_deref());
            }
        }
        if let Some(why) = &node.not_looked_at {
            printer.line(format!(
                "  inside   {} {why}",
                printer.bad("not looked at:")
            ));
        }
    }
    for hint in hints {
        printer.line(format!("hint: {hint}"));
    }
    printer.document(&nodes)
}

fn print(printer: &Printer, side: &str, finding: &Finding) {
    let word = match finding.verdict {
        Verdict::Good => printer.good("good   "),
        Verdict::Wrong => printer.bad("WRONG  "),
        Verdict::Unknown => printer.bad("unknown"),
    };
    printer.line(format!(
        "  {side:<8} {word}  {:<11} {}",
        finding.about, finding.what
    ));
}
