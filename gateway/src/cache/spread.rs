//! One JSON answer spread into the stream of events that the same request with `stream` would have got.

use std::fmt::Write;

use crate::wire::{Outline, Tree, pieces};

/// Some clients refuse lines of 64 KiB, so a long text comes in pieces of this size.
const PIECE: usize = 4096;

/// The stream for a `chat.completion` or `text_completion`; `None` if the body is neither.
pub(super) fn spread(body: &[u8], wants_usage: bool) -> Option<String> {
    let outline = Outline::read(body).ok()?;
    let mut answer = Tree::of(outline.root(body));
    let Some(Tree::Array(choices)) = answer.take("choices") else {
        return None;
    };
    let usage = answer.take("usage").filter(|usage| !usage.is_null());
    if answer.member("object").and_then(Tree::as_text) == Some("chat.completion") {
        *answer.place("object") = Tree::plain_text("chat.completion.chunk");
    }
    let mut stream = Stream::new(&answer, body.len());
    for mut choice in choices {
        let index = choice.take("index").unwrap_or(Tree::Plain("0".into()));
        match choice.take("message") {
            Some(message) => stream.chat(&index, choice, message),
            None => stream.text(&index, choice),
        }
    }
    if let Some(usage) = usage.filter(|_| wants_usage) {
        stream.event("", &format!(",\"usage\":{usage}"));
    }
    stream.text.push_str("data: [DONE]\n\n");
    Some(stream.text)
}

struct Stream {
    /// What every chunk begins with.
    head: String,
    text: String,
}

impl Stream {
    fn new(answer: &Tree, length: usize) -> Self {
        let whole = answer.to_string();
        let members = &whole[..whole.len() - 1];
        let comma = if members.len() > 1 { "," } else { "" };
        Self {
            head: format!("data: {members}{comma}\"choices\":["),
            text: String::with_capacity(2 * length + 1024),
        }
    }

    fn event(&mut self, choice: &str, after: &str) {
        self.text.push_str(&self.head);
        let _ = write!(self.text, "{choice}]{after}}}\n\n");
    }

    fn delta(&mut self, index: &Tree, delta: &str, logprobs: &Tree) {
        self.event(
            &format!("{{\"index\":{index},\"delta\":{{{delta}}},\"logprobs\":{logprobs},\"finish_reason\":null}}"),
            "",
        );
    }

    /// The deltas of one choice: role, thoughts, content, tool calls, and its end.
    fn chat(&mut self, index: &Tree, mut choice: Tree, mut message: Tree) {
        let null = Tree::null();
        let mut logprobs = choice.take("logprobs").unwrap_or(Tree::null());
        let role = message.take("role").filter(|role| !role.is_null());
        let role = role.unwrap_or(Tree::plain_text("assistant"));
        let content = message.take("content").unwrap_or(Tree::null());
        let calls = message.take("tool_calls");
        let first = if content.is_null() { "null" } else { "\"\"" };
        self.delta(
            index,
            &format!("\"role\":{role},\"content\":{first}"),
            &null,
        );
        // What else a message holds (`reasoning_content` above all) comes before its content: it was thought before.
        for (key, value) in message.members() {
            match value.as_text() {
                Some(text) => {
                    for piece in pieces(text, PIECE) {
                        self.delta(index, &format!("\"{key}\":\"{piece}\""), &null);
                    }
                }
                None => self.delta(index, &format!("\"{key}\":{value}"), &null),
            }
        }
        for piece in pieces(content.as_text().unwrap_or_default(), PIECE) {
            let probabilities = std::mem::replace(&mut logprobs, Tree::null());
            self.delta(index, &format!("\"content\":\"{piece}\""), &probabilities);
        }
        for (at, call) in calls.iter().flat_map(Tree::items).enumerate() {
            self.call(index, at, call.clone());
        }
        self.end(index, "\"delta\":{},", &logprobs, choice);
    }

    fn call(&mut self, index: &Tree, at: usize, mut call: Tree) {
        call.take("index");
        let mut arguments = String::new();
        if let Some(Tree::Object(_)) = call.member("function")
            && let Tree::Text(text) = call.place("function").place("arguments")
        {
            arguments = std::mem::take(text);
        }
        let whole = call.to_string();
        let members = whole
            .trim_start_matches('{')
            .strip_suffix('}')
            .unwrap_or_default();
        let comma = if members.is_empty() { "" } else { "," };
        let mut say = |call: &str| {
            self.delta(
                index,
                &format!("\"tool_calls\":[{{\"index\":{at}{call}}}]"),
                &Tree::null(),
            );
        };
        say(&format!("{comma}{members}"));
        for piece in pieces(&arguments, PIECE) {
            say(&format!(",\"function\":{{\"arguments\":\"{piece}\"}}"));
        }
    }

    /// The pieces of one choice of a `text_completion`, and its end.
    fn text(&mut self, index: &Tree, mut choice: Tree) {
        let mut logprobs = choice.take("logprobs").unwrap_or(Tree::null());
        let text = choice.take("text");
        for piece in pieces(
            text.as_ref().and_then(Tree::as_text).unwrap_or_default(),
            PIECE,
        ) {
            let probabilities = std::mem::replace(&mut logprobs, Tree::null());
            self.event(
                &format!("{{\"index\":{index},\"text\":\"{piece}\",\"logprobs\":{probabilities},\"finish_reason\":null}}"),
                "",
            );
        }
        self.end(index, "\"text\":\"\",", &logprobs, choice);
    }

    /// The last event of a choice carries whatever else the choice holds, its `finish_reason` above all.
    fn end(&mut self, index: &Tree, what: &str, logprobs: &Tree, choice: Tree) {
        let rest = choice.to_string();
        let members = rest[1..].to_owned();
        let comma = if choice.members().is_empty() { "" } else { "," };
        self.event(
            &format!("{{\"index\":{index},{what}\"logprobs\":{logprobs}{comma}{members}"),
            "",
        );
        drop(choice);
    }
}

#[cfg(test)]
mod tests {
    use super::super::gather::gather;
    use super::*;

    fn datas(stream: &str) -> Vec<&str> {
        let events = stream.split("\n\n").filter(|event| !event.is_empty());
        events
            .map(|event| event.strip_prefix("data: ").unwrap())
            .collect()
    }

    #[test]
    fn a_message_becomes_deltas_in_the_order_they_were_thought() {
        let body = r#"{"id":"c1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"A\n","reasoning_content":"Hm"},"logprobs":{"content":[]},"finish_reason":"stop"}],"usage":{"total_tokens":3}}"#;
        let head = r#"{"id":"c1","object":"chat.completion.chunk","model":"m","choices":["#;
        let choice = |inside: &str| format!(r#"{head}{{"index":0,{inside}}}]}}"#);
        let expected = [
            choice(
                r#""delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null"#,
            ),
            choice(r#""delta":{"reasoning_content":"Hm"},"logprobs":null,"finish_reason":null"#),
            choice(r#""delta":{"content":"A\n"},"logprobs":{"content":[]},"finish_reason":null"#),
            choice(r#""delta":{},"logprobs":null,"finish_reason":"stop""#),
            format!(r#"{head}],"usage":{{"total_tokens":3}}}}"#),
            "[DONE]".into(),
        ];
        let with_usage = spread(body.as_bytes(), true).unwrap();
        assert_eq!(datas(&with_usage), expected);
        let without = spread(body.as_bytes(), false).unwrap();
        assert_eq!(datas(&without), [&expected[..4], &expected[5..]].concat());
    }

    #[test]
    fn what_is_spread_gathers_to_the_same_answer() {
        for body in [
            r#"{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{\"a\":\"é\"}"}},{"id":"u","type":"function","function":{"name":"g","arguments":""}}],"x":[1.50]},"logprobs":null,"finish_reason":"tool_calls"},{"index":1,"message":{"role":"assistant","content":"LONG"},"logprobs":{"content":[{"logprob":-1.0}]},"finish_reason":"stop","odd":{"y":1}}],"usage":{"prompt_tokens":2}}"#,
            r#"{"object":"text_completion","choices":[{"index":0,"text":"LONG","logprobs":null,"finish_reason":"stop"}]}"#,
        ] {
            let body = body.replace("LONG", &"\\u00e9\\ud83d\\ude00 ü\\n".repeat(2000));
            let stream = spread(body.as_bytes(), true).unwrap();
            assert!(stream.lines().all(|line| line.len() < 3 * PIECE));
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            let again = gather(stream.as_bytes()).unwrap().to_string();
            assert_eq!(value(&again), value(&body));
        }
        assert_eq!(spread(br#"{"data":[]}"#, false), None);
    }
}
