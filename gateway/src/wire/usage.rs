//! How many tokens an answer says it used: read from its end, in the words of each API.

use serde::Deserialize;

/// Tokens of one answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsedTokens {
    /// Of the question.
    pub prompt: u64,
    /// Of the answer, thinking included.
    pub completion: u64,
    /// Of the question, and known to the provider's own cache.
    pub cached: u64,
}

impl UsedTokens {
    /// Question and answer together, as limits count them.
    pub fn all(self) -> u32 {
        u32::try_from(self.prompt.saturating_add(self.completion)).unwrap_or(u32::MAX)
    }
}

/// What stands before the numbers. In a text of the model's the quotes would be escaped, so that this is no text.
const KEY: &[u8] = b"\"usage\":";

#[derive(Deserialize)]
struct Told {
    #[serde(alias = "input_tokens", default)]
    prompt_tokens: Option<u64>,
    #[serde(alias = "output_tokens", default)]
    completion_tokens: Option<u64>,
    /// DeepSeek's word.
    #[serde(default)]
    prompt_cache_hit_tokens: Option<u64>,
    #[serde(alias = "input_tokens_details", default)]
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

/// The last numbers that stand in the end of an answer, be it JSON or a stream of events.
pub fn used_tokens(tail: &[u8]) -> Option<UsedTokens> {
    let mut end = tail.len();
    loop {
        let at = tail[..end]
            .windows(KEY.len())
            .rposition(|window| window == KEY)?;
        let mut told = serde_json::Deserializer::from_slice(&tail[at + KEY.len()..]).into_iter();
        // Streams say `null` in every event but the last.
        if let Some(Ok(Some(told))) = told.next() {
            return Some(numbers(&told));
        }
        end = at;
    }
}

fn numbers(told: &Told) -> UsedTokens {
    let details = told.prompt_tokens_details.as_ref();
    let cached = details.and_then(|details| details.cached_tokens);
    UsedTokens {
        prompt: told.prompt_tokens.unwrap_or(0),
        completion: told.completion_tokens.unwrap_or(0),
        cached: told.prompt_cache_hit_tokens.or(cached).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_every_form() {
        for (text, expected) in [
            (
                r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"prompt_cache_hit_tokens":2},"x":1}"#,
                Some((7, 3, 2)),
            ),
            (
                "data: {\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":5}}}\n\ndata: {\"usage\":null}\n\ndata: [DONE]\n\n",
                Some((7, 3, 5)),
            ),
            (
                r#"{"usage": {"input_tokens":1,"output_tokens":2,"total_tokens":3}}"#,
                Some((1, 2, 0)),
            ),
            (r#"{"content":"\"usage\":{\"prompt_tokens\":7}"}"#, None),
            (r#"{"usage":null}"#, None),
            (r#"{"usage":{"prompt_tok"#, None),
            ("", None),
        ] {
            let found = used_tokens(text.as_bytes());
            let found = found.map(|used| (used.prompt, used.completion, used.cached));
            assert_eq!(found, expected, "{text}");
        }
    }
}
