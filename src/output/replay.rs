//! Replays, for people: a table of policies, or what became of a decision log.

use std::path::Path;

use serde::Serialize;

use crate::cost::Usd;
use crate::replay::{Score, Verdict};

use super::printer::Printer;

/// One policy's replay.
#[derive(Clone, Debug, Serialize)]
pub struct Replayed {
    /// The policy's name, with its number where it has one.
    pub policy: String,
    /// What its nodes cost, at the prices of a default node in us-east-1.
    pub cost: Usd,
    /// Its figures.
    #[serde(flatten)]
    pub score: Score,
}

/// Prints one row for each policy.
pub fn replay(printer: &Printer, title: &str, rows: &[Replayed]) {
    printer.line(title);
    printer.line(printer.faint(&format!(
        "{:<12} {:>8} {:>5} {:>9} {:>8} {:>9} {:>7} {:>11} {:>7} {:>8} {:>6}",
        "POLICY",
        "IN BAND",
        "MEAN",
        "OVERLOAD",
        "REFUSED",
        "WAIT",
        "NODES",
        "NODE HOURS",
        "COST",
        "CHANGES",
        "FLAPS"
    )));
    for Replayed {
        policy,
        cost,
        score,
    } in rows
    {
        printer.line(format!(
            "{policy:<12} {:>6.1} % {:>3.0} % {:>5.1} min {:>6.2} % {:>7.2} s {:>7} {:>11.2} {cost:>7} {:>8} {:>6}",
            score.in_band * 100.0,
            score.utilisation * 100.0,
            score.overload_minutes,
            score.refused * 100.0,
            score.wait_seconds,
            format!("{}-{}", score.fewest, score.most),
            score.node_hours,
            score.changes,
            score.flaps,
        ));
    }
    printer.line(printer.faint(
        "in band: seconds at 65 to 80 %; overload: seconds in which somebody waited or was refused; flap: a turn within 15 min",
    ));
}

/// Prints the decisions that do not come out again, and how many do.
pub fn verdicts(printer: &Printer, file: &Path, verdicts: &[Verdict]) {
    let different = verdicts
        .iter()
        .filter_map(|verdict| Some((verdict, verdict.difference.as_ref()?)));
    for (verdict, difference) in different.clone() {
        let inputs = &verdict.decision.inputs;
        printer.line(printer.bad(&format!(
            "! line {} ({}, {}): {difference}",
            verdict.line, inputs.pool.region, inputs.at
        )));
    }
    let again = verdicts.len() - different.count();
    printer.line(format!(
        "{}: {again} of {} decisions come out again",
        file.display(),
        verdicts.len()
    ));
}
