//! Why a configuration was refused, and where in the file the reason stands.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used.
#[derive(Debug)]
pub struct Refusal {
    file: PathBuf,
    place: Option<(usize, String)>,
    why: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, key)) = &self.place {
            write!(f, ", line {line}, key `{key}`")?;
        }
        write!(f, ": {}", self.why)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// The file could not be read.
    pub fn unreadable(file: &Path, error: &io::Error) -> Self {
        Self {
            file: file.into(),
            place: None,
            why: format!("cannot be read: {error}"),
        }
    }

    /// The file is not TOML, or not ours.
    pub fn malformed(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let place = error.span().and_then(|span| place(text, span.start));
        Self {
            file: file.into(),
            place,
            why: error.message().trim().replace('\n', "; "),
        }
    }

    /// The value of a top-level key does not fit another's.
    pub fn at_key(file: &Path, text: &str, key: &str, why: &str) -> Self {
        let line = text.lines().position(|line| {
            line.split('=')
                .next()
                .is_some_and(|name| name.trim() == key)
        });
        Self {
            file: file.into(),
            place: line.map(|line| (line + 1, key.to_owned())),
            why: why.into(),
        }
    }
}

/// The line (from 1) and the dotted key that stand at an offset of the text.
fn place(text: &str, offset: usize) -> Option<(usize, String)> {
    let before = text.get(..offset)?;
    let number = before.matches('\n').count();
    let line = text.lines().nth(number)?.trim();
    let section = |line: &str| {
        Some(
            line.trim()
                .strip_prefix('[')?
                // `[[upstream]]` is one of a list.
                .trim_start_matches('[')
                .split(']')
                .next()?
                .trim()
                .to_owned(),
        )
    };
    let key = if let Some(section) = section(line) {
        section
    } else {
        let name = line.split('=').next()?.trim();
        let above = text.lines().take(number).filter_map(section).last();
        above.map_or_else(|| name.to_owned(), |above| format!("{above}.{name}"))
    };
    // A key that is missing at the top level belongs to no line.
    (!key.is_empty()).then_some((number + 1, key))
}
