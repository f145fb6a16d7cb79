//! Finds the first token in a stream of events, and tells keep-alives, empty deltas and errors apart from it.

use serde::Deserialize;
use serde_json::Value;

/// What the events so far amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Keep-alives, roles, empty choices: nothing a client would miss.
    Nothing,
    /// Something of the answer.
    Token,
    /// An error instead of an answer that asking again may mend.
    Error,
    /// No JSON.
    Malformed,
}

/// Reads events until the first that matters.
#[derive(Debug, Default)]
pub(super) struct FirstToken {
    line: Vec<u8>,
    data: Vec<u8>,
    after_carriage_return: bool,
}

/// The part of an event, or of an answer in one piece, that tells what it is.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    choices: Option<Vec<Choice>>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<serde_json::Map<String, Value>>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    finish_reason: Option<Value>,
}

impl FirstToken {
    /// Takes the next bytes; ask no more once it saw something.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Sight {
        for &byte in bytes {
            let closes_crlf = byte == b'\n' && self.after_carriage_return;
            self.after_carriage_return = byte == b'\r';
            if closes_crlf {
                continue;
            }
            if byte != b'\n' && byte != b'\r' {
                self.line.push(byte);
                continue;
            }
            let seen = self.end_line();
            if seen != Sight::Nothing {
                return seen;
            }
        }
        Sight::Nothing
    }

    fn end_line(&mut self) -> Sight {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return if data.is_empty() {
                Sight::Nothing
            } else {
                look(&data)
            };
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value.trim_ascii_start());
        }
        Sight::Nothing
    }
}

fn look(data: &[u8]) -> Sight {
    // An empty answer is one, too; whether it is worth anything is not for this room to say.
    if data.trim_ascii() == b"[DONE]" {
        return Sight::Token;
    }
    let Ok(event) = serde_json::from_slice::<Event>(data) else {
        return Sight::Malformed;
    };
    match (event.error, event.choices) {
        (Some(error), _) if !error.is_null() => judge_error(&error),
        (_, Some(choices)) if !choices.iter().any(says_something) => Sight::Nothing,
        // Events of another shape than completions speak for themselves.
        _ => Sight::Token,
    }
}

/// An error that blames the request is an answer: any upstream would give it.
fn judge_error(error: &Value) -> Sight {
    let says = |key: &str, word: &str| error[key].as_str().is_some_and(|text| text.contains(word));
    let blames_client = says("type", "invalid_request")
        || says("code", "context_length")
        || says("code", "content_");
    if blames_client {
        Sight::Token
    } else {
        Sight::Error
    }
}

fn says_something(choice: &Choice) -> bool {
    let is_full = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    };
    let delta = choice.delta.iter().flatten();
    delta
        .filter(|(name, _)| *name != "role")
        .any(|(_, value)| is_full(value))
        || choice.text.as_ref().is_some_and(|text| !text.is_empty())
        || choice.finish_reason.as_ref().is_some_and(is_full)
}

/// What a whole answer in one piece is.
pub(super) fn look_at_answer(body: &[u8]) -> Sight {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        error: Option<Value>,
    }
    match serde_json::from_slice::<Answer>(body) {
        Err(_) => Sight::Malformed,
        Ok(answer) => match answer.error {
            Some(error) if !error.is_null() => judge_error(&error),
            _ => Sight::Token,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(stream: &str, chunk: usize) -> Sight {
        let mut first = FirstToken::default();
        let mut pieces = stream
            .as_bytes()
            .chunks(chunk.max(1))
            .map(|piece| first.feed(piece));
        pieces
            .find(|sight| *sight != Sight::Nothing)
            .unwrap_or(Sight::Nothing)
    }

    const ROLE: &str = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;

    fn cases() -> Vec<(String, Sight)> {
        vec![
            (String::new(), Sight::Nothing),
            (
                ": keep-alive\n\n: keep-alive\n\n\n\r\n".into(),
                Sight::Nothing,
            ),
            (format!("data: {ROLE}\n\n"), Sight::Nothing),
            (
                r#"data: {"choices":[]}"#.to_owned() + "\n\n",
                Sight::Nothing,
            ),
            (
                r#"data: {"choices":[{"delta":{"content":null,"tool_calls":[]}}]}"#.to_owned()
                    + "\n\n",
                Sight::Nothing,
            ),
            (
                format!(
                    "data: {ROLE}\r\n\r\ndata: {{\"choices\":[{{\"delta\":{{\"content\":\"a\"}}}}]}}\r\n\r\n"
                ),
                Sight::Token,
            ),
            (
                r#"data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}"#.to_owned() + "\n\n",
                Sight::Token,
            ),
            (
                r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#.to_owned() + "\n\n",
                Sight::Token,
            ),
            (
                r#"data: {"choices":[{"text":"a"}]}"#.to_owned() + "\r\r",
                Sight::Token,
            ),
            (
                r#"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"#.to_owned() + "\n\n",
                Sight::Token,
            ),
            (
                "event: response.created\ndata: {\"type\":\"response.created\"}\n\n".into(),
                Sight::Token,
            ),
            ("data: [DONE]\n\n".into(), Sight::Token),
            (
                ": x\n\ndata: {\"error\":{\"message\":\"overloaded\"}}\n\n".into(),
                Sight::Error,
            ),
            (
                "data: {\"error\":{\"type\":\"invalid_request_error\"}}\n\n".into(),
                Sight::Token,
            ),
            ("data: {\"choices\": [\n\n".into(), Sight::Malformed),
            ("data: <html>\n\n".into(), Sight::Malformed),
            (
                "data: {\"choices\":\ndata: [{\"text\":\"a\"}]}\n\n".into(),
                Sight::Token,
            ),
        ]
    }

    #[test]
    fn tokens_are_told_from_everything_else_however_they_are_cut() {
        for (stream, sight) in cases() {
            for chunk in 1..=stream.len().max(1) {
                assert_eq!(
                    seen(&stream, chunk),
                    sight,
                    "{stream:?} in chunks of {chunk}"
                );
            }
        }
    }

    #[test]
    fn whole_answers_are_looked_at() {
        for (body, sight) in [
            ("\n\n{\"choices\":[]}", Sight::Token),
            ("{\"error\":{\"message\":\"busy\"}}", Sight::Error),
            ("{\"error\":null,\"data\":[]}", Sight::Token),
            ("{\"choices\":[", Sight::Malformed),
            ("<html>", Sight::Malformed),
        ] {
            assert_eq!(look_at_answer(body.as_bytes()), sight, "{body}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            FirstToken::default().feed(&bytes);
        }
    }
}
