//! Tells an answer's first word from what providers send to keep a connection alive: comments and blank lines.

/// Listens until something is said; from then on it costs nothing.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts, each true or not whatever the others are"
)]
pub struct Speech {
    is_stream: bool,
    inside_a_comment: bool,
    at_line_start: bool,
    has_spoken: bool,
}

impl Speech {
    /// An answer that has not begun: a stream of events, or one body.
    pub fn new(is_stream: bool) -> Self {
        Self {
            is_stream,
            inside_a_comment: false,
            at_line_start: true,
            has_spoken: false,
        }
    }

    /// Hears the next bytes; says whether a word was among those so far.
    pub fn feed(&mut self, bytes: &[u8]) -> bool {
        if !self.has_spoken {
            self.has_spoken = bytes.iter().any(|byte| self.is_word(*byte));
        }
        self.has_spoken
    }

    fn is_word(&mut self, byte: u8) -> bool {
        if matches!(byte, b'\n' | b'\r') {
            self.inside_a_comment = false;
            self.at_line_start = true;
            return false;
        }
        if self.at_line_start && self.is_stream && byte == b':' {
            self.inside_a_comment = true;
        }
        self.at_line_start = false;
        !self.inside_a_comment && !byte.is_ascii_whitespace()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn life_is_not_yet_a_word() {
        for (is_stream, text, spoken) in [
            (true, ": keep-alive\n\n: keep-alive\r\n\r\n", false),
            (true, "\n\n", false),
            (true, ": keep-alive\n\ndata: {}\n\n", true),
            (true, "\r\n:\r\ndata", true),
            (true, "event: x\n", true),
            (false, "\n\n \r\n", false),
            (false, "\n\n{\"id\"", true),
            (false, ": keep", true),
        ] {
            for size in 1..=text.len() {
                let mut speech = Speech::new(is_stream);
                let chunks = text.as_bytes().chunks(size);
                let last = chunks.map(|bytes| speech.feed(bytes)).last();
                assert_eq!(last, Some(spoken), "{text:?} in chunks of {size}");
            }
        }
    }
}
