//! One thing that was looked at, and what came of it.

use serde::Serialize;

use super::remedy::Remedy;

/// What came of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Not as it should be.
    Wrong,
    /// It could not be found out, which is never good.
    Unknown,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, such as `sshd`.
    pub about: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// What is so.
    pub what: String,
    /// What to do about it, if it is wrong.
    pub hint: Option<String>,
    /// Lines of logs that show it, without secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// What `doctor --fix` does about it, if that is safe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

impl Finding {
    /// As it should be.
    pub(super) fn good(about: &'static str, what: impl Into<String>) -> Self {
        Self::of(about, Verdict::Good, what.into())
    }

    /// Not as it should be.
    pub(super) fn wrong(
        about: &'static str,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            hint: Some(hint.into()),
            ..Self::of(about, Verdict::Wrong, what.into())
        }
    }

    /// Nobody could tell.
    pub(super) fn unknown(about: &'static str, what: impl Into<String>) -> Self {
        Self::of(about, Verdict::Unknown, what.into())
    }

    /// With what to do next.
    #[must_use]
    pub(super) fn hinted(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }

    /// With lines that show it.
    #[must_use]
    pub(super) fn shown_by(self, lines: Vec<String>) -> Self {
        Self { lines, ..self }
    }

    /// With what `--fix` does.
    #[must_use]
    pub(super) fn mended_by(self, remedy: Remedy) -> Self {
        Self {
            remedy: Some(remedy),
            ..self
        }
    }

    fn of(about: &'static str, verdict: Verdict, what: String) -> Self {
        Self {
            about,
            verdict,
            what,
            hint: None,
            lines: Vec::new(),
            remedy: None,
        }
    }
}
