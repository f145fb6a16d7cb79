//! A plan and what became of it, for people and as one JSON document.

use serde::Serialize;

use crate::engine::{Applied, Ending};
use crate::plan::{Plan, Trouble};

use super::printer::Printer;

/// Prints a plan; nothing is said of what already is as it should be.
pub fn plan(printer: &Printer, plan: &Plan) {
    for step in &plan.steps {
        printer.line(format!(
            "{:<20} {}  {}",
            step.at.to_string(),
            step.action.title(),
            printer.faint(&format!("({})", step.reason))
        ));
    }
    troubles(printer, &plan.troubles);
    match plan.steps.len() {
        0 if plan.troubles.is_empty() => printer.line(format!(
            "line `{}` is as the profile wants it; nothing to do",
            plan.line
        )),
        0 => printer.line("nothing that can be done now"),
        1 => printer.line("1 step"),
        count => printer.line(format!("{count} steps")),
    }
}

/// Prints what stood in the way of a complete plan.
pub fn troubles(printer: &Printer, troubles: &[Trouble]) {
    for trouble in troubles {
        printer.line(format!(
            "{:<20} {}",
            trouble.at.to_string(),
            printer.bad(&format!("! {}", trouble.what))
        ));
    }
}

#[derive(Serialize)]
struct AppliedDocument<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    complete: bool,
    stopped: bool,
    hint: Option<&'a str>,
    endings: Vec<StepEnding<'a>>,
}

#[derive(Serialize)]
struct StepEnding<'a> {
    step: usize,
    ending: &'static str,
    why: Option<&'a str>,
}

/// Prints what became of a plan: a sentence for people, the whole record as JSON.
pub fn applied(printer: &Printer, plan: &Plan, result: &Applied) -> anyhow::Result<()> {
    let endings = endings_of(plan, result);
    sum_up(printer, &endings, result);
    printer.document(&AppliedDocument {
        plan,
        complete: result.is_complete(plan),
        stopped: result.stopped,
        hint: result.locked_out.as_deref(),
        endings,
    })
}

/// Says for people what became of a plan.
pub fn remains(printer: &Printer, plan: &Plan, result: &Applied) {
    sum_up(printer, &endings_of(plan, result), result);
}

fn endings_of<'a>(plan: &Plan, result: &'a Applied) -> Vec<StepEnding<'a>> {
    let endings = plan.steps.iter().map(|step| {
        let (ending, why) = match result.endings.get(&step.id) {
            Some(Ending::Done) => ("done", None),
            Some(Ending::Unchanged) => ("unchanged", None),
            Some(Ending::Failed(why)) => ("failed", Some(why.as_str())),
            Some(Ending::Skipped(why)) => ("skipped", Some(why.as_str())),
            None => ("given up", None),
        };
        StepEnding {
            step: step.id.0,
            ending,
            why,
        }
    });
    endings.collect()
}

fn sum_up(printer: &Printer, endings: &[StepEnding<'_>], result: &Applied) {
    let count = |wanted: &[&str]| {
        endings
            .iter()
            .filter(|step| wanted.contains(&step.ending))
            .count()
    };
    let done = count(&["done", "unchanged"]);
    if result.stopped {
        printer.note(format!("stopped: {done} of {} steps are done, {} were given up; run the same command again to go on", endings.len(), count(&["given up"])));
    } else if done < endings.len() {
        printer.note(format!(
            "{done} of {} steps are done, {} failed, {} skipped",
            endings.len(),
            count(&["failed"]),
            count(&["skipped"])
        ));
    }
    if let Some(hint) = &result.locked_out {
        printer.fault(format!("\nhint: {hint}; it goes on from here"));
    }
}
