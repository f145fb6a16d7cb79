//! What a zone answers in a place, with the way through its records that leads there.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::line::{Place, Slot};

use super::printer::Printer;

/// A question and its answer; its JSON form is this struct.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The name.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where the question comes from.
    pub from: Place,
    /// Every value that can be answered.
    pub possible: Vec<String>,
    /// The way that leads to them.
    pub path: Vec<PathStep>,
    /// What Route 53 itself says, where it was asked.
    pub route53: Option<Rehearsal>,
    /// The line's nodes, by address.
    #[serde(skip)]
    pub nodes: BTreeMap<String, Slot>,
}

/// Route 53's own word on an answer (`TestDNSAnswer`).
#[derive(Clone, Debug, Serialize)]
pub struct Rehearsal {
    /// The values that it would give; where records are weighted, those of one draw.
    pub answered: Vec<String>,
    /// Why it has none.
    pub error: Option<String>,
    /// Whether all of them are among the possible ones, and there is one if there can be; not where it has none.
    pub agrees: Option<bool>,
}

/// One step of the way.
#[derive(Clone, Debug, Serialize)]
pub struct PathStep {
    /// How many aliases and CNAMEs lie before it.
    pub depth: usize,
    /// The name whose records are looked at.
    pub name: String,
    /// The record that it is about.
    pub set_identifier: Option<String>,
    /// Whether the answer goes on with that record.
    pub taken: bool,
    /// What is found there, as a sentence.
    pub what: String,
}

/// Prints an explanation.
pub fn explanation(printer: &Printer, found: &Explanation) -> anyhow::Result<()> {
    let Explanation {
        name, kind, from, ..
    } = found;
    printer.line(printer.faint(&format!(
        "{name} {kind}, asked from {from} ({})",
        from.title()
    )));
    for step in &found.path {
        printer.line(format!(
            "{:width$}{}",
            "",
            step.what,
            width = 2 * (step.depth + 1)
        ));
    }
    let told = |value: &String| match found.nodes.get(value) {
        Some(slot) => format!("{value} ({slot})"),
        None => value.clone(),
    };
    let values: Vec<String> = found.possible.iter().map(told).collect();
    printer.line(match values.as_slice() {
        [] => "no answer".to_owned(),
        [one] => format!("answer: {one}"),
        several => format!("answer: one or several of {}", several.join(", ")),
    });
    if let Some(rehearsal) = &found.route53 {
        printer.line(told_by_route_53(printer, rehearsal));
    }
    printer.document(found)
}

fn told_by_route_53(printer: &Printer, rehearsal: &Rehearsal) -> String {
    let answered = match rehearsal.answered.as_slice() {
        [] => "nothing".to_owned(),
        values => values.join(", "),
    };
    match (rehearsal.agrees, &rehearsal.error) {
        (Some(true), _) => format!("Route 53 agrees: it would answer {answered}"),
        (Some(false), _) => printer.bad(&format!(
            "! Route 53 would answer {answered}; it may know a health check's change some seconds later or earlier"
        )),
        (None, error) => {
            let why = error.as_deref().unwrap_or("not asked");
            printer.faint(&format!("what Route 53 would answer is not known: {why}"))
        }
    }
}
