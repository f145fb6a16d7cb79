//! The decision log: one decision a line, each with all that it was made from.

use serde::Deserialize;

use crate::scaling::Decision;

/// Whether a recorded decision comes out again.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The line of the log, from 1.
    pub line: usize,
    /// What was recorded.
    pub decision: Decision,
    /// What differs now; `None` when it comes out as it was.
    pub difference: Option<String>,
}

/// Reads a log; an error names the line.
pub fn read_log(text: &str) -> Result<Vec<(usize, Decision)>, String> {
    let lines = text.lines().enumerate();
    let mut found = Vec::new();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let entry: Entry =
            serde_json::from_str(line).map_err(|error| format!("line {}: {error}", index + 1))?;
        let decisions = match entry {
            Entry::Tick { decisions } => decisions,
            Entry::Decision(decision) => vec![*decision],
        };
        found.extend(decisions.into_iter().map(|decision| (index + 1, decision)));
    }
    Ok(found)
}

/// A line of a log: a replay's is one decision, the loop's is a tick with one for each region.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Tick { decisions: Vec<Decision> },
    Decision(Box<Decision>),
}

/// Writes a log.
pub fn write_log(decisions: &[Decision]) -> String {
    let line =
        |decision| serde_json::to_string(decision).expect("a decision has no map with odd keys");
    decisions
        .iter()
        .map(|decision| line(decision) + "\n")
        .collect()
}

/// Makes every decision again.
pub fn verdicts(log: Vec<(usize, Decision)>) -> Vec<Verdict> {
    log.into_iter()
        .map(|(line, decision)| Verdict {
            line,
            difference: decision.difference(),
            decision,
        })
        .collect()
}
