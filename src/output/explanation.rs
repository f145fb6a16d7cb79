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
    /// The line's nodes, by address.
    #[serde(skip)]
    pub nodes: BTreeMap<String, Slot>,
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
    printer.document(found)
}
