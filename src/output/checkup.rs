//! What the doctor found of an account and a line, and what it did about it.

use serde::Serialize;
use serde_json::Value;

use crate::doctor::{Finding, Verdict};
use crate::line::Slot;

use super::printer::Printer;

/// Everything that the doctor found; its JSON form is this struct.
#[derive(Clone, Debug, Serialize)]
pub struct Checkup {
    /// What was found of the account and of the operator's machine.
    pub account: Vec<Finding>,
    /// The IAM policy of what is missing, if something is.
    pub policy: Option<Value>,
    /// What was found of each node.
    pub nodes: Vec<NodeCheckup>,
    /// What was done about it: each plan with how its steps ended.
    pub fixed: Vec<Value>,
    /// What was found of each node after that.
    pub after: Option<Vec<NodeCheckup>>,
}

/// What was found of one node.
#[derive(Clone, Debug, Serialize)]
pub struct NodeCheckup {
    /// The node.
    pub node: Slot,
    /// Why it could not be looked at, if so.
    pub not_looked_at: Option<String>,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// Prints what was found: the account first, then each node.
pub fn checkup(printer: &Printer, checkup: &Checkup) {
    printer.line("account");
    for finding in &checkup.account {
        print(printer, finding);
    }
    if let Some(policy) = &checkup.policy {
        printer.line("");
        printer.line(format!("{policy:#}"));
    }
    nodes(printer, &checkup.nodes);
}

/// Prints what was found of each node after something was mended.
pub fn nodes_after(printer: &Printer, after: &[NodeCheckup]) {
    printer.line("");
    printer.line("after that");
    nodes(printer, after);
}

fn nodes(printer: &Printer, nodes: &[NodeCheckup]) {
    for node in nodes {
        printer.line(node.node.to_string());
        if let Some(why) = &node.not_looked_at {
            printer.line(format!("  {} {why}", printer.bad("not looked at:")));
        }
        for finding in &node.findings {
            print(printer, finding);
        }
    }
}

/// A finding, what to do about it, and the lines that show it.
fn print(printer: &Printer, finding: &Finding) {
    let word = match finding.verdict {
        Verdict::Good => printer.good("good   "),
        Verdict::Wrong => printer.bad("WRONG  "),
        Verdict::Unknown => printer.bad("unknown"),
    };
    printer.line(format!("  {word}  {:<11} {}", finding.about, finding.what));
    if let Some(hint) = &finding.hint {
        printer.line(format!("  {:<7}  {:<11} hint: {hint}", "", ""));
    }
    for line in &finding.lines {
        printer.line(format!("  {:<7}  {:<11} | {}", "", "", printer.faint(line)));
    }
}
