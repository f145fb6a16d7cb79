//! Prices, for people.

use crate::cost::{Prices, Row};

use super::printer::Printer;

/// Prints every price with its source.
pub fn prices(printer: &Printer, prices: &Prices) {
    let head = format!(
        "{:<16} {:<24} {:>9}  {:<14} SOURCE",
        "REGION", "WHAT", "USD", "FOR A"
    );
    printer.line(printer.faint(&head));
    for row in prices.rows() {
        let estimate = if row.price.estimate { "estimate: " } else { "" };
        let source = format!("{estimate}{}", row.price.source);
        printer.line(format!("{} {}", figures(&row), printer.faint(&source)));
    }
}

/// Prints what a refresh changed, and what AWS's list did not have.
pub fn refreshed(printer: &Printer, before: &Prices, after: &Prices, missing: &[String]) {
    let known = before.rows();
    let mut is_changed = false;
    for row in after.rows() {
        let was = known
            .iter()
            .find(|old| (&old.what, &old.region) == (&row.what, &row.region));
        let old = was.map(|old| old.price.price.exact());
        if old.as_ref() == Some(&row.price.price.exact()) {
            continue;
        }
        is_changed = true;
        let was = old.map_or_else(|| "new".to_owned(), |old| format!("was {old}"));
        printer.line(format!("{} {was}", figures(&row)));
    }
    if !is_changed {
        printer.line("no price has changed");
    }
    for what in missing {
        printer.note(format!("AWS's list has no price of {what}"));
    }
}

fn figures(row: &Row) -> String {
    let region = row
        .region
        .as_ref()
        .map_or("everywhere", |region| region.as_str());
    let price = row.price.price.exact();
    format!("{region:<16} {:<24} {price:>9}  {:<14}", row.what, row.unit)
}
