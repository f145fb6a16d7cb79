//! `dsline logs verify`: whether the trail of each node is whole.

use anyhow::{Result, anyhow};
use serde::Serialize;

use crate::line::{Hint as _, Slot, TrailCount, TrailVerdict};
use crate::output::Printer;
use crate::remote::{Session, count_trail};

use super::logs::{Source, from_all};
use super::outcome::Outcome;

#[derive(Serialize)]
struct Checked {
    node: Slot,
    #[serde(flatten)]
    verdict: Option<TrailVerdict>,
    #[serde(flatten)]
    count: Option<TrailCount>,
    error: Option<String>,
}

/// Counts on every node and says what is missing; fails when something is.
pub(super) async fn verify(sources: &[Source<'_>], printer: &Printer) -> Result<Outcome> {
    let counts = from_all(sources, async |session: Session| {
        count_trail(&session).await
    })
    .await;
    let checked: Vec<Checked> = sources
        .iter()
        .zip(counts)
        .map(|(source, count)| {
            let (count, error) = match count {
                Ok(count) => (Some(count), None),
                Err(blocked) => (None, Some(blocked.to_string())),
            };
            Checked {
                node: source.slot.clone(),
                verdict: count.as_ref().map(TrailCount::judge),
                count,
                error,
            }
        })
        .collect();
    for one in &checked {
        print(one, printer);
    }
    printer.document(&checked)?;
    let is_torn = |one: &&Checked| {
        let verdict = one.verdict.as_ref();
        verdict.is_some_and(|verdict| !verdict.missing.is_empty())
    };
    match checked.iter().filter(is_torn).count() {
        0 if checked.iter().all(|one| one.error.is_none()) => Ok(Outcome::Done),
        0 => Ok(Outcome::Partial),
        torn => Err(anyhow!(
            "records are missing in the audit trail of {torn} of {} nodes",
            checked.len()
        ))
        .hint("a record is lost only if somebody removes it, or a node's disk fails: look at who was on the node with `dsline exec last`"),
    }
}

fn print(one: &Checked, printer: &Printer) {
    let node = one.node.to_string();
    if let Some(error) = &one.error {
        printer.line(printer.bad(&format!("{node:<19} not looked at: {error}")));
    }
    let (Some(verdict), Some(count)) = (&one.verdict, &one.count) else {
        return;
    };
    let dropped = match verdict.dropped {
        0 => String::new(),
        dropped => format!(", {dropped} counted by the gateway as lost"),
    };
    let summary = format!(
        "{node:<19} {} records of {} gateway starts{dropped}: {}",
        verdict.records,
        count.runs.len(),
        if verdict.missing.is_empty() {
            "whole"
        } else {
            "TORN"
        }
    );
    if verdict.missing.is_empty() {
        printer.line(summary);
    } else {
        printer.line(printer.bad(&summary));
    }
    for text in &verdict.missing {
        printer.line(printer.bad(&format!("{node:<19} {text}")));
    }
    for text in &verdict.remarks {
        printer.line(printer.faint(&format!("{node:<19} {text}")));
    }
}
