//! What came of one run of `dsline`.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use super::masks::masked;
use super::schema::insist;

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The words it was run with.
    words: String,
    /// Its exit code.
    pub(crate) code: i32,
    /// What it printed on stdout.
    pub(crate) stdout: String,
    /// What it printed on stderr.
    pub(crate) stderr: String,
    /// How long it took.
    pub(crate) took: Duration,
    /// The home folder, which differs from run to run.
    home: String,
}

impl Ran {
    pub(super) fn new(words: &str, output: &Output, took: Duration, home: &Path) -> Self {
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        insist(words, &stdout);
        Self {
            words: words.to_owned(),
            code: output
                .status
                .code()
                .expect("it ended by itself, and in time"),
            stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took,
            home: home.display().to_string(),
        }
    }

    /// Everything that was printed but the bill, and the exit code, with whatever differs from run to run masked.
    pub(crate) fn shown(&self) -> String {
        let text = format!(
            "{}{}exit code {}",
            without_bill(&self.stdout),
            self.stderr,
            self.code
        );
        masked(&text.replace(&self.home, "[HOME]"))
    }

    /// The same of stderr alone.
    pub(crate) fn stderr_shown(&self) -> String {
        masked(&self.stderr.replace(&self.home, "[HOME]"))
    }

    /// The document that `--json` printed.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in the output of\n{self}"))
    }

    /// Insists on an exit code, and shows everything if it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert!(
            self.code == code,
            "exit code {code} was expected of\n{self}"
        );
        self
    }

    /// Insists on a text on either stream.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.has(text), "`{text}` is missing in\n{self}");
        self
    }

    /// Whether a text is on either stream.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }
}

/// What was printed without the month's cost, which is tested where it is reckoned and changes with the prices.
fn without_bill(stdout: &str) -> String {
    let Some((before, rest)) = stdout.split_once("\nMONTH ") else {
        return stdout.to_owned();
    };
    let after = rest.split_once("\n\n").map_or("", |(_, after)| after);
    format!("{before}{after}")
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            words,
            code,
            stdout,
            stderr,
            took,
            ..
        } = self;
        let seconds = took.as_secs_f32();
        write!(
            f,
            "$ dsline {words}\n{stdout}{stderr}(exit code {code}, {seconds:.1} s)\n"
        )
    }
}
