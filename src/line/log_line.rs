//! Lines of logs as they may be shown: nothing that looks like a secret is in them.

/// So long a word of letters and digits mixed is no word.
const LONG: usize = 24;

/// The lines with whatever looks like a key or a token taken out.
pub fn shown_lines(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| without_secrets(line)).collect()
}

/// A line with whatever looks like a key or a token taken out.
pub fn without_secrets(line: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    let mut shown = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        shown += if is_secret(word) { "[hidden]" } else { word };
        let next = after.find(is_part).unwrap_or(after.len());
        shown += &after[..next];
        rest = &after[next..];
    }
    shown
}

/// A provider's key, a token of three parts, or what is too long and too mixed to be anything else.
fn is_secret(word: &str) -> bool {
    let has = |fits: fn(&u8) -> bool| word.bytes().any(|byte| fits(&byte));
    let is_time = word.as_bytes().get(4) == Some(&b'-') && word.as_bytes().get(7) == Some(&b'-');
    word.starts_with("sk-")
        || word.starts_with("eyJ")
        || (word.len() >= LONG
            && has(u8::is_ascii_digit)
            && has(u8::is_ascii_alphabetic)
            && !is_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_tokens_are_hidden_and_the_rest_is_told() {
        for (line, told) in [
            ("key sk-live refused", "key [hidden] refused"),
            ("Bearer eyJhbGciOi.eyJz.c2ln", "Bearer [hidden]"),
            (
                "id 4f1d9c7be2a853604f1d9c7be2a85360 at /v1/models",
                "id [hidden] at /v1/models",
            ),
            (
                "2026-11-23T06:00:00.123Z connect() to unix:/var/lib/dsline/sockets/gateway.sock failed (111)",
                "2026-11-23T06:00:00.123Z connect() to unix:/var/lib/dsline/sockets/gateway.sock failed (111)",
            ),
        ] {
            assert_eq!(without_secrets(line), told);
        }
    }
}
