//! Why a profile was refused, with the line and the key at fault.

use std::fmt;

/// A refused profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileError {
    /// Line in the file, from 1, when it is known.
    pub line: Option<usize>,
    /// The key at fault, dotted, when it is known.
    pub key: Option<String>,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
}

impl ProfileError {
    /// A refusal of a key's value.
    pub fn of_key(key: &str, message: impl Into<String>) -> Self {
        Self {
            line: None,
            key: Some(key.to_owned()),
            message: message.into(),
        }
    }

    /// A refusal of a key's value in one of several tables (`[[node]]`), counted from 0.
    pub fn of_table(table: &str, index: usize, key: &str, message: impl Into<String>) -> Self {
        Self::of_key(&format!("{table}[{index}].{key}"), message)
    }

    /// Translates what the TOML reader says: line number, and a suggestion for a misspelt key.
    pub fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let line = error
            .span()
            .map(|span| text[..span.start.min(text.len())].lines().count().max(1));
        let line = line.map(|line| {
            if starts_a_line(text, error) {
                line + 1
            } else {
                line
            }
        });
        let message = error
            .message()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        let suggestion = suggest(&message);
        // An unknown key is named by its own message.
        let is_value = suggestion.is_none();
        Self {
            line,
            key: line
                .filter(|_| is_value)
                .and_then(|line| key_at(text, line)),
            message: suggestion.unwrap_or(message),
        }
    }

    /// Adds the line where the key stands in the text, if it can be found there.
    #[must_use]
    pub fn located_in(mut self, text: &str) -> Self {
        let Some(key) = self.key.as_deref() else {
            return self;
        };
        if let Some((table, index, last)) = one_of_several(key) {
            self.line = line_in_table(text, (table, index), last);
            self.key = Some(format!("{table}.{last}"));
            return self;
        }
        let last = key.rsplit('.').next().unwrap_or(key);
        let header = format!("[{key}]");
        self.line = self.line.or_else(|| {
            let is_it = |line: &str| key_of(line) == Some(last) || line.trim() == header;
            text.lines().position(is_it).map(|index| index + 1)
        });
        self
    }
}

/// `node[2].name` taken apart.
fn one_of_several(key: &str) -> Option<(&str, usize, &str)> {
    let (table, rest) = key.split_once('[')?;
    let (index, last) = rest.split_once("].")?;
    Some((table, index.parse().ok()?, last))
}

/// Where a key of one of several tables stands, counted from 1; where the table begins if it does not.
fn line_in_table(text: &str, (table, index): (&str, usize), key: &str) -> Option<usize> {
    let header = format!("[[{table}]]");
    let lines = || text.lines().map(str::trim).enumerate();
    let (begin, _) = lines().filter(|(_, line)| *line == header).nth(index)?;
    let mut inside = lines().skip(begin + 1);
    let found = inside
        .by_ref()
        .take_while(|(_, line)| !line.starts_with('['))
        .find(|(_, line)| key_of(line) == Some(key));
    Some(found.map_or(begin, |(at, _)| at) + 1)
}

/// The key that a line of TOML sets.
fn key_of(line: &str) -> Option<&str> {
    let key = line.split_once('=')?.0.trim();
    (!key.is_empty() && !key.starts_with('#')).then_some(key)
}

/// The dotted key that is set in a line of a file, counted from 1, or in the list that the line is part of.
fn key_at(text: &str, line: usize) -> Option<String> {
    let until: Vec<&str> = text.lines().take(line).collect();
    let is_header = |line: &&&str| line.starts_with('[') && line.trim_end().ends_with(']');
    let name_of = |line: &&str| line.trim().trim_matches(['[', ']']).to_owned();
    // What a table lacks is told at its header.
    if let Some(header) = until.last().filter(|line| is_header(line)) {
        return Some(name_of(header));
    }
    let key = until.iter().rev().find_map(|line| key_of(line))?;
    let header = until.iter().rev().find(is_header).map(name_of);
    Some(header.map_or_else(|| key.to_owned(), |header| format!("{header}.{key}")))
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if let Some(key) = &self.key {
            write!(f, "`{key}`: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ProfileError {}

/// Whether the fault begins right after a newline, where `lines()` has not begun the new line yet.
fn starts_a_line(text: &str, error: &toml::de::Error) -> bool {
    error
        .span()
        .is_some_and(|span| span.start > 0 && text.as_bytes().get(span.start - 1) == Some(&b'\n'))
}

/// "unknown field `regons`, expected one of `name`, `regions`" with the likeliest key put first.
fn suggest(message: &str) -> Option<String> {
    let rest = message.strip_prefix("unknown field `")?;
    let (wrong, rest) = rest.split_once('`')?;
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let likeliest = known
        .iter()
        .map(|key| (strsim::damerau_levenshtein(key, wrong), *key))
        .min();
    Some(match likeliest {
        Some((distance, key)) if distance <= 3 => {
            format!("unknown key `{wrong}`; did you mean `{key}`?")
        }
        _ => format!("unknown key `{wrong}`; known here: {}", known.join(", ")),
    })
}
