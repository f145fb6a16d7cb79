//! A load test: a live line while it runs, then one table of all sides.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::bench::{Claim, Figures, RECIPE_AFTER, RECIPE_BEFORE, Score};

use super::printer::Printer;

/// One side of a load test.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// What people call it.
    pub name: String,
    /// Where its requests went.
    pub address: String,
    /// Whether somebody stopped it before its time.
    pub is_cut_short: bool,
    /// Its figures.
    #[serde(flatten)]
    pub score: Score,
}

/// The line that moves while a side is asked.
pub struct LoadView(Option<ProgressBar>);

impl LoadView {
    /// Begins to show, where somebody watches; elsewhere one remark says what is going on.
    pub fn begin(printer: &Printer, name: &str, length: Duration) -> Self {
        if !printer.is_watched() {
            printer.note(format!("  .. {name}: {} s", length.as_secs()));
            return Self(None);
        }
        let style = ProgressStyle::with_template("{bar:20} {prefix} {pos}/{len} s  {msg}")
            .expect("a valid template");
        let bar = ProgressBar::new(length.as_secs())
            .with_style(style)
            .with_prefix(name.to_owned());
        Self(Some(bar))
    }

    /// Shows how it stands.
    pub fn show(&self, figures: &Figures, elapsed: Duration) {
        if let Some(bar) = &self.0 {
            let score = Score::of(figures, elapsed, Duration::ZERO);
            bar.set_position(elapsed.as_secs());
            bar.set_message(format!(
                "{:.0} answers/min, p50 {:.0} ms, p99 {:.0} ms, errors {:.2} %, hits {:.0} %",
                score.a_minute,
                score.whole_ms[0],
                score.whole_ms[2],
                score.error_share * 100.0,
                score.hit_share * 100.0,
            ));
        }
    }

    /// Takes the line away.
    pub fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Prints one row for each side, the errors by kind, and how the generator was doing.
pub fn bench(printer: &Printer, title: &str, sides: &[Side]) {
    printer.line(title);
    printer.line(printer.faint(&format!(
        "{:<18} {:>8} {:>9} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8} {:>6} {:>7}",
        "SIDE",
        "REQUESTS",
        "A MINUTE",
        "P50 ms",
        "P90 ms",
        "P99 ms",
        "P99.9 ms",
        "TTFT P50",
        "TTFT P99",
        "ERRORS",
        "HIT",
        "MERGED"
    )));
    for Side { name, score, .. } in sides {
        let [p50, p90, p99, p999] = score.whole_ms;
        printer.line(format!(
            "{name:<18} {:>8} {:>9.0} {p50:>8.1} {p90:>8.1} {p99:>8.1} {p999:>8.1} {:>9.1} {:>9.1} {:>6.2} % {:>4.0} % {:>5.1} %",
            score.requests,
            score.a_minute,
            score.first_ms[0],
            score.first_ms[2],
            score.error_share * 100.0,
            score.hit_share * 100.0,
            score.merged_share * 100.0,
        ));
    }
    for side in sides {
        remarks(printer, side);
    }
}

fn remarks(printer: &Printer, side: &Side) {
    let Side { name, score, .. } = side;
    let kinds = score.errors.iter();
    let kinds: Vec<String> = kinds
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    if !kinds.is_empty() {
        printer.line(format!("{name}: errors: {}", kinds.join(", ")));
    }
    let generator = &score.generator;
    printer.line(printer.faint(&format!(
        "{name}: sent late by {:.1} ms (median), {:.1} ms (p99); used {:.2} cores",
        generator.lag_p50_ms, generator.lag_p99_ms, generator.cores
    )));
    if !score.is_trustworthy() {
        printer.line(printer.bad(&format!(
            "{name}: the generator was too slow; these times are partly its own"
        )));
    }
    if side.is_cut_short {
        printer.line(format!("{name}: stopped before its time"));
    }
}

/// Prints the recipe's three figures with those of this run beside them.
pub fn beside_recipe(printer: &Printer, sides: &[Side]) {
    let claims = [
        ("recipe, direct", RECIPE_BEFORE),
        ("recipe, its nodes", RECIPE_AFTER),
    ];
    printer.line("");
    printer.line(printer.faint(&format!(
        "{:<18} {:>10} {:>9} {:>18}",
        "THE RECIPE'S TEST", "P99", "ERRORS", "ANSWERS A MINUTE"
    )));
    for (name, claim) in claims {
        printer.line(claim_row(name, &claim));
    }
    for side in sides {
        let claim = side.score.claim();
        let beaten = claim.beats(&RECIPE_AFTER);
        let words = ["p99", "errors", "answers"];
        let missed: Vec<&str> = words
            .into_iter()
            .zip(beaten)
            .filter_map(|(word, is_beaten)| (!is_beaten).then_some(word))
            .collect();
        let verdict = if missed.is_empty() {
            printer.good("beats the recipe's nodes on every row")
        } else {
            format!("does not beat the recipe's nodes on: {}", missed.join(", "))
        };
        printer.line(format!("{}  {verdict}", claim_row(&side.name, &claim)));
    }
}

fn claim_row(name: &str, claim: &Claim) -> String {
    format!(
        "{name:<18} {:>7.0} ms {:>7.2} % {:>18.0}",
        claim.p99_ms,
        claim.errors * 100.0,
        claim.a_minute
    )
}
