//! A tick's record: what was decided from what, what was done, and why not more or less; one line of the loop's log.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::line::LineName;
use crate::scaling::Decision;

/// How a tick ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Everything is as it should be; nothing was to do.
    Nothing,
    /// There was something to do, and it was done.
    Done,
    /// Some of it was done, or something stood in the way.
    Partial,
    /// Nothing was done, on purpose: what was seen is not enough to act on.
    Held,
    /// Nothing was done: somebody else is changing the line.
    Left,
    /// Nothing was done: this is what would be.
    DryRun,
    /// It failed.
    Failed,
}

/// One tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it began.
    pub at: Timestamp,
    /// The line.
    pub line: LineName,
    /// How it ended.
    pub ending: Ending,
    /// Why it ended so, where that is no matter of course.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why: Option<String>,
    /// What to do next, if a person has to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
    /// What was done, or would be.
    pub steps: Vec<StepRecord>,
    /// What is worth knowing beside.
    pub notes: Vec<String>,
    /// The number of nodes in each region that was seen: inputs, rule, result, why not more, why not fewer.
    pub decisions: Vec<Decision>,
}

/// One step of a tick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Where.
    pub at: String,
    /// What.
    pub what: String,
    /// Why.
    pub reason: String,
    /// `done`, `unchanged`, `failed`, `skipped` or `given up`; none when it was only planned.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ending: Option<String>,
    /// What went wrong with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why: Option<String>,
}

impl Record {
    /// A tick that begins.
    pub fn new(line: LineName, at: Timestamp) -> Self {
        Self {
            at,
            line,
            ending: Ending::Nothing,
            why: None,
            hint: None,
            steps: Vec::new(),
            notes: Vec::new(),
            decisions: Vec::new(),
        }
    }

    /// Whether a person is to be told: something was repaired, the number of nodes changed, or the tick failed.
    pub fn is_news(&self) -> bool {
        match self.ending {
            Ending::Done | Ending::Partial | Ending::Held | Ending::Failed => true,
            Ending::Nothing | Ending::Left | Ending::DryRun => false,
        }
    }

    /// What happened, in words that a hook can choose by.
    pub fn kind(&self) -> &'static str {
        let scales = self.decisions.iter().any(|decision| decision.change != 0);
        match self.ending {
            Ending::Failed | Ending::Held | Ending::Partial => "failed",
            Ending::Done if scales => "scaling",
            Ending::Done => "repair",
            Ending::Nothing | Ending::Left | Ending::DryRun => "nothing",
        }
    }

    /// The whole as one line of JSON.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).expect("a record has no map with odd keys")
    }

    /// The newest record among the lines of a log; what cannot be read (a line cut short, say) is passed over.
    pub fn newest_in(log: &str) -> Option<Self> {
        let mut lines = log.lines().rev();
        lines.find_map(|line| {
            let record: Option<Self> = serde_json::from_str(line).ok();
            record.filter(|record| !record.decisions.is_empty())
        })
    }
}
