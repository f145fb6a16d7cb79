//! `dsline free`

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use crate::output::Printer;

use super::outcome::Outcome;

/// Show what clouds give away, with limits and dates.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A small table kept by hand: nobody is asked. Offers change; what is marked \"not verified\" was only heard of."
)]
pub struct Args {}

/// What a cloud gives away.
#[derive(Clone, Copy, Debug, Serialize)]
struct Offer {
    cloud: &'static str,
    what: &'static str,
    limit: &'static str,
    /// Of when this is, or when it ended.
    date: &'static str,
    verified: bool,
}

/// Verified is what AWS's own pages or API models say; the rest comes from others, or from memory.
#[rustfmt::skip]
const OFFERS: [Offer; 8] = [
    Offer { cloud: "AWS", what: "credits for new accounts", limit: "$100 at sign-up, up to $100 more for activities; valid 12 months", date: "accounts since 2025-07-15", verified: false },
    Offer { cloud: "AWS", what: "free plan", limit: "ends after 6 months or with the credits; only free-tier types launch", date: "accounts since 2025-07-15", verified: false },
    Offer { cloud: "AWS", what: "types of the free plan", limit: "t3.micro, t3.small, t4g.micro, t4g.small and two larger, from credits", date: "seen 2025-07 to 2025-09", verified: false },
    Offer { cloud: "AWS", what: "12-month free tier", limit: "750 h a month for the whole account, one node's worth; over for all", date: "ended 2026-07-14", verified: false },
    Offer { cloud: "AWS", what: "Route 53 health checks", limit: "first 50 of AWS endpoints, plain HTTP or TCP each 30 s", date: "2026-11", verified: true },
    Offer { cloud: "AWS", what: "CloudWatch", limit: "10 metrics, 10 alarms", date: "undated", verified: false },
    Offer { cloud: "GCP", what: "e2-micro", limit: "limits and regions not looked up", date: "undated", verified: false },
    Offer { cloud: "Alibaba", what: "OSS (storage, no node)", limit: "limits not looked up", date: "undated", verified: false },
];

/// Prints the table.
pub fn run(_args: &Args, printer: &Printer) -> Result<Outcome> {
    for offer in OFFERS {
        let mark = if offer.verified { "" } else { ", not verified" };
        printer.line(format!(
            "{:<8} {} ({}{mark})",
            offer.cloud, offer.what, offer.date
        ));
        printer.line(printer.faint(&format!("         {}", offer.limit)));
    }
    printer.note(
        "AWS tells an account's own credits and their end: `aws freetier get-account-plan-state`",
    );
    printer.document(&json!({ "offers": OFFERS }))?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_fits_a_terminal_of_eighty_columns() {
        for offer in OFFERS {
            let first = 8 + offer.what.len() + offer.date.len() + ", not verified".len() + 4;
            assert!(first <= 80 && offer.limit.len() + 9 <= 80, "{offer:?}");
        }
    }
}
