//! Questions to the person at the terminal.

use anyhow::Result;
use dialoguer::{Confirm, Input, MultiSelect, Select};

/// A yes or no; no by default.
pub fn confirm(question: &str) -> Result<bool> {
    Ok(Confirm::new()
        .with_prompt(question)
        .default(false)
        .interact()?)
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
