//! A stream of events put together: the one JSON answer that the same request without `stream` would have got.

use crate::wire::{Lines, Outline, Part, Tree, field};

/// Texts that say the same thing each time they come; all others inside a delta are parts to be joined.
const SAID_WHOLE: [&str; 6] = ["index", "type", "role", "id", "name", "object"];

/// The body of a `chat.completion` (or `text_completion`) from the body of a stream; `None` if an event is no JSON object.
pub(super) fn gather(stream: &[u8]) -> Option<Tree> {
    let mut answer = Tree::Object(Vec::new());
    let mut choices = Vec::new();
    let mut is_sound = true;
    each_data(stream, &mut |data| {
        if data.trim_ascii() != b"[DONE]" {
            is_sound &= read(data)
                .map(|chunk| add(&mut answer, &mut choices, chunk))
                .is_some();
        }
    });
    if !is_sound || choices.is_empty() {
        return None;
    }
    choices.sort_by_key(index);
    choices.iter_mut().for_each(finish);
    *answer.place("choices") = Tree::Array(choices);
    let kind = answer.member("object").and_then(Tree::as_text);
    if let Some(kind) = kind.and_then(|kind| kind.strip_suffix(".chunk")) {
        *answer.place("object") = Tree::plain_text(kind);
    }
    Some(answer)
}

/// Hands the data of each event to `sink`.
pub(super) fn each_data(stream: &[u8], sink: &mut impl FnMut(&[u8])) {
    let mut data: Option<Vec<u8>> = None;
    Lines::default().feed(stream, &mut |part| match part {
        Part::Line(b"", _) => data.take().iter().for_each(|data| sink(data)),
        Part::Line(line, _) => {
            if let Some(value) = field(line, "data") {
                match &mut data {
                    Some(data) => data.extend([b"\n", value].concat()),
                    None => data = Some(value.to_vec()),
                }
            }
        }
        Part::SecondEnd => {}
    });
    if let Some(data) = data {
        sink(&data);
    }
}

fn read(data: &[u8]) -> Option<Tree> {
    let outline = Outline::read(data).ok()?;
    let chunk = Tree::of(outline.root(data));
    matches!(chunk, Tree::Object(_)).then_some(chunk)
}

/// Adds what one chunk brought.
fn add(answer: &mut Tree, choices: &mut Vec<Tree>, chunk: Tree) {
    let Tree::Object(members) = chunk else {
        return;
    };
    for (key, value) in members {
        // The choices are put into this place at the end.
        let place = answer.place(&key);
        match value {
            Tree::Array(parts) if key == "choices" => add_choices(choices, parts),
            value if !value.is_null() => *place = value,
            _ => {}
        }
    }
}

fn add_choices(choices: &mut Vec<Tree>, parts: Vec<Tree>) {
    for part in parts {
        match choices
            .iter_mut()
            .find(|known| index(known) == index(&part))
        {
            Some(known) => add_to_choice(known, part),
            None => choices.push(part),
        }
    }
}

fn add_to_choice(known: &mut Tree, part: Tree) {
    let Tree::Object(members) = part else {
        return;
    };
    for (key, value) in members {
        let place = known.place(&key);
        match key.as_str() {
            "delta" | "logprobs" | "text" => absorb(place, value, &key),
            _ if !value.is_null() => *place = value,
            _ => {}
        }
    }
}

/// Joins the next part of a value to what came before, as the SDKs do.
fn absorb(known: &mut Tree, part: Tree, key: &str) {
    match (known, part) {
        (_, part) if part.is_null() => {}
        (known, part) if known.is_null() => *known = part,
        (Tree::Text(known), Tree::Text(part)) if SAID_WHOLE.contains(&key) => {
            if !part.is_empty() {
                *known = part;
            }
        }
        (Tree::Text(known), Tree::Text(part)) => known.push_str(&part),
        (Tree::Array(known), Tree::Array(parts)) => {
            for part in parts {
                let twin = part.member("index").and_then(|_| {
                    let is_twin = |item: &&mut Tree| index(item) == index(&part);
                    known.iter_mut().find(is_twin)
                });
                match twin {
                    Some(twin) => absorb(twin, part, ""),
                    None => known.push(part),
                }
            }
        }
        (known @ Tree::Object(_), Tree::Object(members)) => {
            for (key, value) in members {
                absorb(known.place(&key), value, &key);
            }
        }
        (known, part) => *known = part,
    }
}

/// Makes a choice of joined deltas one of a whole answer.
fn finish(choice: &mut Tree) {
    let Tree::Object(members) = choice else {
        return;
    };
    let Some((name, message)) = members.iter_mut().find(|(key, _)| key == "delta") else {
        return;
    };
    "message".clone_into(name);
    if message.member("role").is_none_or(Tree::is_null) {
        *message.place("role") = Tree::plain_text("assistant");
    }
    message.place("content");
    if let Tree::Array(calls) = message.place("tool_calls") {
        for call in calls {
            call.take("index");
        }
    } else {
        message.take("tool_calls");
    }
}

/// The place of a choice or of a tool call; what names none is the first.
fn index(item: &Tree) -> u32 {
    match item.member("index") {
        Some(Tree::Plain(number)) => number.parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_become_the_message() {
        let stream = concat!(
            r#"data: {"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null,"reasoning_content":"Hm"},"logprobs":null,"finish_reason":null}],"usage":null}"#,
            "\n\n",
            r#"data: {"id":"c1","choices":[{"index":0,"delta":{"content":null,"reasoning_content":"m\ud83d"},"finish_reason":null}]}"#,
            "\r\n\r\n",
            r#"data: {"choices":[{"index":0,"delta":{"reasoning_content":"\ude00"}}]}"#,
            "\n\n",
            r#"data: {"choices":[{"index":0,"delta":{"content":"A\n"},"logprobs":{"content":[{"token":"A","logprob":-0.10}]}}]}"#,
            "\n\n",
            r#"data: {"choices":[{"index":0,"delta":{"content":"B"},"logprobs":{"content":[{"token":"B","logprob":-1e-7}]}}]}"#,
            "\n\n",
            r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"system_fingerprint":"f"}"#,
            "\n\n",
            r#"data: {"choices":[],"usage":{"prompt_tokens":1}}"#,
            "\n\ndata: [DONE]\n\n",
        );
        let expected = r#"{"id":"c1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"A\nB","reasoning_content":"Hmm\ud83d\ude00"},"logprobs":{"content":[{"token":"A","logprob":-0.10},{"token":"B","logprob":-1e-7}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1},"system_fingerprint":"f"}"#;
        let answer = gather(stream.as_bytes()).unwrap().to_string();
        let end = answer.find("\"usage\"").unwrap();
        assert!(expected.starts_with(&answer[..end]), "{answer}");
        assert!(
            answer.contains(r#""usage":{"prompt_tokens":1}"#)
                && answer.contains(r#""system_fingerprint":"f""#)
        );
    }

    #[test]
    fn tool_calls_and_choices_are_joined_by_their_index() {
        let stream = concat!(
            r#"data: {"object":"chat.completion.chunk","choices":[{"index":1,"delta":{"content":"b"}}]}"#,
            "\n\n",
            r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t0","type":"function","function":{"name":"f","arguments":""}}]}}]}"#,
            "\n\n",
            r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"","function":{"arguments":"{\"a\":"}}]}}]}"#,
            "\n\n",
            r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"t1","type":"function","function":{"name":"g","arguments":"{}"}}]}}]}"#,
            "\n\n",
            r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]},"finish_reason":"tool_calls"}]}"#,
            "\n\n",
        );
        assert_eq!(
            gather(stream.as_bytes()).unwrap().to_string(),
            r#"{"object":"chat.completion","choices":[{"index":0,"delta":X,"finish_reason":"tool_calls"},{"index":1,"message":{"content":"b","role":"assistant"}}]}"#
                .replace("\"delta\":X", r#""message":{"tool_calls":[{"id":"t0","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"t1","type":"function","function":{"name":"g","arguments":"{}"}}],"role":"assistant","content":null}"#)
        );
    }

    #[test]
    fn legacy_texts_are_joined_and_nonsense_is_refused() {
        let stream = "data: {\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":\"a\"}]}\n\ndata: {\"choices\":[{\"index\":0,\"text\":\"b\",\"finish_reason\":\"stop\"}]}\n\n";
        assert_eq!(
            gather(stream.as_bytes()).unwrap().to_string(),
            r#"{"object":"text_completion","choices":[{"index":0,"text":"ab","finish_reason":"stop"}]}"#
        );
        assert_eq!(gather(b"data: [1]\n\n"), None);
        assert_eq!(gather(b"data: [DONE]\n\n"), None);
    }
}
