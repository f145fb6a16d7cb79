//! Progress as data: read by bars, by plain lines, by `--json` and by tests.

use crate::plan::StepId;

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It changed the world.
    Done,
    /// There was nothing left to do.
    Unchanged,
    /// It failed, and why.
    Failed(String),
    /// It was not begun, and why.
    Skipped(String),
}

/// Something that happened to a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The step.
    pub step: StepId,
    /// What happened.
    pub kind: EventKind,
}

/// What can happen to a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It has begun.
    Started,
    /// It is at something worth telling.
    Says(String),
    /// It has ended.
    Ended(Ending),
}
