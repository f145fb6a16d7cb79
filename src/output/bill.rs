//! What a line costs in a month, for people.

use crate::cost::{Bill, Usd};
use crate::line::AccountPlan;

use super::printer::Printer;

/// What a new account is given, as of 2026-11 (AWS free tier).
const CREDITS: Usd = Usd::from_cents(10_000);

/// Prints each item and the sum.
pub fn bill(printer: &Printer, bill: &Bill) {
    printer.line("");
    printer.line(printer.faint(&format!("{:<20} {:>9}  {}", "MONTH", "USD", "ITEM")));
    for item in &bill.items {
        let place = item
            .region
            .as_ref()
            .map_or("line", |region| region.as_str());
        let estimate = if item.estimate {
            format!(" (estimate: {})", item.source)
        } else {
            String::new()
        };
        printer.line(format!(
            "{place:<20} {:>9}  {}{}",
            item.amount,
            item.what,
            printer.faint(&estimate)
        ));
    }
    printer.line(format!(
        "{:<20} {:>9}  at on-demand prices of {}, credits and free allowances left aside",
        "sum", bill.total, bill.prices_of
    ));
    for line in &bill.smaller {
        let names: Vec<&str> = line.regions.iter().map(|region| region.as_str()).collect();
        let what = format!("with {} only", names.join(" and "));
        printer.line(printer.faint(&format!("{:<20} {:>9}  {what}", "", line.total)));
    }
    for kind in &bill.unknown {
        let what = format!("! no price of {kind} is on record: the sum is too low");
        printer.line(printer.bad(&what));
    }
    let credits = bill
        .account_plan
        .map_or(CREDITS, |plan| Usd::from_cents(plan.credit_cents));
    let Some(tenths) = bill.tenths_of_months(credits) else {
        return;
    };
    let whose = match bill.account_plan {
        None => "of credits, which a new account is given,".to_owned(),
        Some(AccountPlan { ends: None, .. }) => {
            "of credits, which the account has left,".to_owned()
        }
        Some(AccountPlan {
            ends: Some(end), ..
        }) => format!(
            "of credits, which the account has left (its free plan ends on {}),",
            end.strftime("%Y-%m-%d")
        ),
    };
    printer.line(format!(
        "{credits} {whose} would last {}.{} months",
        tenths / 10,
        tenths % 10
    ));
}
