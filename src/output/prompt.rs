//! Questions to the person at the terminal.

use std::io::{BufRead as _, Write as _};

use anyhow::Result;
use dialoguer::{Input, MultiSelect, Select};

/// A yes or no; no by default, and when there is nobody any more.
///
/// A whole line is read from a terminal that is left as it is: whoever stops the program here, gets it back whole.
pub fn confirm(question: &str) -> Result<bool> {
    let mut stderr = std::io::stderr();
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// A line of text, with a default and a check of what was typed.
pub fn prompt_text(
    question: &str,
    default: &str,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<String> {
    let input = Input::new()
        .with_prompt(question)
        .default(default.to_owned())
        .allow_empty(true);
    Ok(input
        .validate_with(move |text: &String| check(text))
        .interact_text()?)
}

/// One of several, by index.
pub fn prompt_choice(question: &str, choices: &[String]) -> Result<usize> {
    Ok(Select::new()
        .with_prompt(question)
        .items(choices)
        .default(0)
        .interact()?)
}

/// Some of several, by index.
pub fn prompt_many(question: &str, choices: &[String], chosen: &[bool]) -> Result<Vec<usize>> {
    Ok(MultiSelect::new()
        .with_prompt(question)
        .items(choices)
        .defaults(chosen)
        .interact()?)
}
