//! The one door to stdout and stderr: data goes to the first, everything else to the second.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, OnceLock};

use serde::Serialize;

/// How to print.
#[derive(Clone, Debug)]
pub struct Printer {
    /// Whether stdout carries one JSON document instead of text.
    pub json: bool,
    /// Whether to leave out whatever is not the answer itself.
    pub quiet: bool,
    /// Whether colours may be used: a terminal, and `NO_COLOR` is not set (no-color.org).
    pub color: bool,
    /// The first thing that went wrong with stdout.
    trouble: Arc<OnceLock<io::Error>>,
}

impl Printer {
    /// A printer for this process's streams.
    pub fn new(json: bool, quiet: bool, no_color: bool) -> Self {
        Self {
            json,
            quiet,
            color: !no_color && std::io::stdout().is_terminal(),
            trouble: Arc::default(),
        }
    }

    /// A line of data.
    pub fn line(&self, text: impl AsRef<str>) {
        if !self.json {
            self.judge(writeln!(std::io::stdout(), "{}", text.as_ref()));
        }
    }

    /// Remembers what went wrong with stdout; a reader that has gone away (`| head`) is no fault.
    fn judge(&self, written: io::Result<()>) {
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            // Only the first is of interest.
            let _ = self.trouble.set(error);
        }
    }

    /// Whether everything that was asked for has gone out.
    pub fn finish(&self) -> io::Result<()> {
        self.judge(std::io::stdout().flush());
        match self.trouble.get() {
            Some(error) => Err(io::Error::new(error.kind(), error.to_string())),
            None => Ok(()),
        }
    }

    /// A line about what is going on.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
        }
    }

    /// A line about what went wrong, which no `--quiet` hides.
    pub fn fault(&self, text: impl AsRef<str>) {
        let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
    }

    /// The JSON document, when one was asked for.
    pub fn document(&self, value: &impl Serialize) -> anyhow::Result<()> {
        if self.json {
            let text = serde_json::to_string_pretty(value)?;
            self.judge(writeln!(std::io::stdout(), "{text}"));
        }
        Ok(())
    }

    /// One JSON document of many, each on a line of its own, when JSON was asked for.
    pub fn record(&self, value: &impl Serialize) -> anyhow::Result<()> {
        if self.json {
            let text = serde_json::to_string(value)?;
            self.judge(writeln!(std::io::stdout(), "{text}"));
        }
        Ok(())
    }

    /// Data that is not text in lines: a file's content, as it is.
    pub fn raw(&self, bytes: &[u8]) {
        self.judge(std::io::stdout().write_all(bytes));
    }

    /// An empty screen to write on; where stdout is no terminal, an empty line between one picture and the next.
    pub fn clear_screen(&self) {
        if !self.json && std::io::stdout().is_terminal() {
            self.raw(b"\x1b[2J\x1b[H");
        } else {
            self.line("");
        }
    }

    /// Whether somebody watches stderr on a terminal.
    pub fn is_watched(&self) -> bool {
        !self.quiet && !self.json && std::io::stderr().is_terminal()
    }

    /// Whether somebody can answer questions.
    pub fn can_ask(&self) -> bool {
        !self.json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Text in green, where colours may be used; the words alone must say it too.
    pub fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Text in red, where colours may be used.
    pub fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Text in grey, where colours may be used.
    pub fn faint(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
