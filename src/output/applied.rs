//! What became of a plan: a sentence for people, the whole record for scripts.

use serde::Serialize;

use crate::engine::{Applied, Ending};
use crate::plan::{Plan, Step};

use super::printer::Printer;

/// How the steps of a plan ended, as part of a JSON document.
#[derive(Serialize)]
pub struct Endings<'a> {
    complete: bool,
    stopped: bool,
    hint: Option<&'a str>,
    #[serde(rename = "endings")]
    steps: Vec<StepEnding<'a>>,
}

#[derive(Serialize)]
struct StepEnding<'a> {
    step: usize,
    ending: &'static str,
    why: Option<&'a str>,
}

impl<'a> Endings<'a> {
    /// How the steps of a plan ended.
    pub fn new(plan: &Plan, result: &'a Applied) -> Self {
        let endings = plan.steps.iter().map(|step| {
            let (ending, why) = ending_of(step, result);
            StepEnding {
                step: step.id.0,
                ending,
                why,
            }
        });
        Self {
            complete: result.is_complete(plan),
            stopped: result.stopped,
            hint: result.locked_out.as_deref(),
            steps: endings.collect(),
        }
    }

    fn count(&self, wanted: &[&str]) -> usize {
        let mut all = self.steps.iter().map(|step| step.ending);
        all.by_ref().filter(|one| wanted.contains(one)).count()
    }
}

/// How a step ended, in a word, and what went wrong with it.
pub(super) fn ending_of<'a>(step: &Step, result: &'a Applied) -> (&'static str, Option<&'a str>) {
    match result.endings.get(&step.id) {
        Some(Ending::Done) => ("done", None),
        Some(Ending::Unchanged) => ("unchanged", None),
        Some(Ending::Failed(why)) => ("failed", Some(why.as_str())),
        Some(Ending::Skipped(why)) => ("skipped", Some(why.as_str())),
        None if result.begun.contains(&step.id) => ("given up", None),
        None => ("skipped", Some("stopped before its turn")),
    }
}

/// Tells what was not done, if anything; what was given up may have happened or not, so it is named.
pub fn applied(printer: &Printer, plan: &Plan, endings: &Endings<'_>) {
    let given_up = endings
        .steps
        .iter()
        .filter(|step| step.ending == "given up");
    for one in given_up {
        let step = &plan.steps[one.step];
        printer.note(format!("given up {}: {}", step.at, step.action.title()));
    }
    let (done, all) = (endings.count(&["done", "unchanged"]), endings.steps.len());
    let (failed, skipped) = (endings.count(&["failed"]), endings.count(&["skipped"]));
    if endings.stopped {
        let given_up = endings.count(&["given up"]);
        printer.note(format!(
            "stopped: {done} of {all} steps are done, {failed} failed, {given_up} were given up, {skipped} were not begun; run the same command again to go on"
        ));
    } else if done < all {
        printer.note(format!(
            "{done} of {all} steps are done, {failed} failed, {skipped} skipped"
        ));
    }
    if let Some(hint) = endings.hint {
        printer.fault(format!("\nhint: {hint}; it goes on from here"));
    }
}
