//! The receipt of a teardown.

use crate::engine::Receipt;

use super::printer::Printer;

/// Prints what a sweep looked at and what it found.
pub fn receipt(printer: &Printer, receipt: &Receipt) {
    printer.line(format!(
        "looked at {} and {}",
        counted(receipt.regions.len(), "region"),
        counted(receipt.zones.len(), "hosted zone")
    ));
    for left in &receipt.leftovers {
        printer.line(format!(
            "{} {} {} in {}",
            printer.bad("left:"),
            left.kind,
            left.id,
            left.at
        ));
    }
    for (place, why) in &receipt.not_looked_at {
        printer.line(format!("{} {place}: {why}", printer.bad("not looked at:")));
    }
    if receipt.is_clean() {
        printer.line(printer.good("nothing of the line is left"));
    }
}

fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}
