//! A plan, for people.

use crate::plan::{Plan, Trouble};

use super::bill::bill;
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
    if let Some(month) = &plan.bill {
        bill(printer, month);
        printer.line("");
    }
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
