//! How many tokens a request will use, guessed before anybody knows.

/// What an answer is taken for when the request names no `max_tokens`, and the most that is reserved when it does:
/// clients ask for far more than they get, and what an answer really used is charged afterwards.
const ANSWER: u64 = 1024;

/// Bytes of a request body that make one token: four in English text, nearer to five in Chinese as UTF-8.
const BYTES_PER_TOKEN: u64 = 4;

/// Tokens to reserve for a request with a body of so many bytes.
pub fn tokens(body_bytes: u64, max_tokens: Option<u64>) -> u32 {
    let answer = max_tokens.map_or(ANSWER, |tokens| tokens.min(ANSWER));
    let all = body_bytes.div_ceil(BYTES_PER_TOKEN).saturating_add(answer);
    u32::try_from(all).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_count_whole_and_answers_up_to_a_bound() {
        assert_eq!(tokens(400, Some(10)), 110);
        assert_eq!(tokens(401, None), 101 + 1024);
        assert_eq!(tokens(0, Some(384_000)), 1024);
        assert_eq!(tokens(u64::MAX, Some(u64::MAX)), u32::MAX);
    }
}
