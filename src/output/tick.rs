//! A tick of the loop: a paragraph for people, one line of JSON for scripts.

use anyhow::Result;

use crate::engine::Applied;
use crate::plan::Plan;
use crate::tick::{Ending, Record, StepRecord};

use super::applied::ending_of;
use super::printer::Printer;

/// Tells what a tick did, and why not more.
pub fn tick(printer: &Printer, record: &Record) -> Result<()> {
    printer.line(format!("{} {}", record.at, headline(record)));
    for decision in &record.decisions {
        let pool = &decision.inputs.pool;
        let change = match decision.change {
            0 => String::new(),
            change => printer.good(&format!(" {change:+}")),
        };
        printer.line(format!(
            "  {}: {} nodes{change} ({}: {})",
            pool.region,
            pool.provisioned(),
            decision.rule,
            decision.why
        ));
        for (what, why) in [
            ("not more", &decision.why_not_more),
            ("not fewer", &decision.why_not_less),
        ] {
            if !why.is_empty() {
                printer.line(printer.faint(&format!("    {what}: {why}")));
            }
        }
    }
    if record.ending == Ending::DryRun {
        for step in &record.steps {
            printer.line(format!("  {}: {} ({})", step.at, step.what, step.reason));
        }
    }
    for note in &record.notes {
        printer.line(format!("  ! {note}"));
    }
    if let Some(hint) = &record.hint {
        printer.line(format!("  hint: {hint}"));
    }
    printer.record(record)
}

fn headline(record: &Record) -> String {
    let why = record.why.as_ref();
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let count = record.steps.len();
    let done = |step: &&StepRecord| matches!(step.ending.as_deref(), Some("done" | "unchanged"));
    let done = record.steps.iter().filter(done).count();
    match record.ending {
        Ending::Nothing => "nothing to do".to_owned(),
        Ending::Done => format!("{done} of {count} steps done"),
        Ending::Partial if count == 0 => format!("nothing that can be done now{why}"),
        Ending::Partial => format!("{done} of {count} steps done{why}"),
        Ending::Held => format!("held{why}"),
        Ending::Left => format!("left to somebody else{why}"),
        Ending::DryRun => format!("{count} steps would be done"),
        Ending::Failed => format!("FAILED{why}"),
    }
}

/// The steps of a plan as a record keeps them, with how they ended if they were applied.
pub fn step_records(plan: &Plan, result: Option<&Applied>) -> Vec<StepRecord> {
    let steps = plan.steps.iter().map(|step| {
        let ended = result.map(|result| ending_of(step, result));
        StepRecord {
            at: step.at.to_string(),
            what: step.action.title(),
            reason: step.reason.clone(),
            ending: ended.map(|(ending, _)| ending.to_owned()),
            why: ended.and_then(|(_, why)| why.map(str::to_owned)),
        }
    });
    steps.collect()
}
