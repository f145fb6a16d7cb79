//! Properties of the keys: every way of writing the same question gives one key, every other question another.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use proptest::prelude::*;
use serde_json::Value;

use super::answer::{Expected, Observer, Verdict};
use super::entry::{Entry, Form, Need};
use super::key::{Key, Scope};
use super::question::{Edit, Endpoint, Question};
use super::skip::Skip;

fn key(body: &str) -> Key {
    let question = Question::read(Endpoint::Chat, Bytes::copy_from_slice(body.as_bytes()))
        .expect("is an object");
    let scope = Scope {
        tenant: "t",
        model: "m",
        path: "/v1/chat/completions",
    };
    Key::exact(&scope, &question).expect("has no key twice")
}

/// Any JSON, a few values deep, with the texts that make trouble.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-c]{0,3}",
        any::<String>(),
        Just("é\u{1f600}\"\\/\u{8}\n".to_owned()),
        Just("stream".to_owned())
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-5i64..5).prop_map(Value::from),
        // serde_json itself would not read every fraction back as it wrote it: these it does.
        (-4000i32..4000).prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..5)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-d]{0,2}|é", value(), 0..5)
        .prop_map(|members| members.into_iter().collect())
}

/// Writes a value in another of its many ways; the choices come from `dice`.
fn write(value: &Value, dice: &mut impl Iterator<Item = u8>, out: &mut String) {
    space(dice, out);
    match value {
        Value::String(text) => write_text(text, dice, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write(item, dice, out);
            }
            space(dice, out);
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().map(|member| (dice.next(), member)).collect();
            members.sort_by_key(|(die, _)| *die);
            out.push('{');
            for (at, (_, (name, value))) in members.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                space(dice, out);
                write_text(name, dice, out);
                space(dice, out);
                out.push(':');
                write(value, dice, out);
            }
            space(dice, out);
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
    space(dice, out);
}

fn space(dice: &mut impl Iterator<Item = u8>, out: &mut String) {
    out.push_str(["", "", " ", "\n\t", "\r\n "][usize::from(dice.next().unwrap_or(0)) % 5]);
}

fn write_text(text: &str, dice: &mut impl Iterator<Item = u8>, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        let must_escape = letter < ' ' || letter == '"' || letter == '\\';
        if must_escape || dice.next().unwrap_or(0).is_multiple_of(3) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let is_small = dice.next().unwrap_or(0).is_multiple_of(2);
                let digits = if is_small {
                    format!("{unit:04x}")
                } else {
                    format!("{unit:04X}")
                };
                out.push_str("\\u");
                out.push_str(&digits);
            }
        } else {
            out.push(letter);
        }
    }
    out.push('"');
}

/// All values that differ from this one in a single place.
fn neighbours(value: &Value) -> Vec<Value> {
    let mut found = match value {
        Value::Null => vec![Value::from(false)],
        Value::Bool(on) => vec![Value::from(!on)],
        Value::Number(number) => vec![Value::from(number.to_string())],
        Value::String(text) => vec![
            Value::from(format!("{text} ")),
            Value::from(vec![text.clone()]),
        ],
        Value::Array(items) => {
            let mut longer = items.clone();
            longer.push(Value::Null);
            let mut turned = items.clone();
            turned.reverse();
            vec![Value::from(longer), Value::from(turned)]
        }
        Value::Object(members) => {
            let mut more = members.clone();
            more.insert("new".into(), Value::Null);
            vec![Value::from(more)]
        }
    };
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                found.extend(neighbours(item).into_iter().map(|item| {
                    let mut items = items.clone();
                    items[at] = item;
                    Value::from(items)
                }));
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                found.extend(neighbours(value).into_iter().map(|value| {
                    let mut members = members.clone();
                    members.insert(name.clone(), value);
                    Value::from(members)
                }));
                let mut fewer = members.clone();
                fewer.remove(name);
                found.push(Value::from(fewer));
            }
        }
        _ => {}
    }
    found.retain(|neighbour| neighbour != value);
    found
}

/// A stream of two choices with everything in it that streams have.
const STREAM: &str = concat!(
    ": keep-alive\n\n",
    r#"data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"é\ud83d\ude00"}},{"index":1,"delta":{"reasoning_content":"x"}}]}"#,
    "\r\n\r\n: keep-alive\nid: 4\n",
    r#"data: {"choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
    "\n\n",
    r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "\n\n",
    r#"data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
    "\n\ndata: [DONE]\n\n",
);

fn observed(stream: &[u8], kind: &'static str, cuts: &[usize]) -> Verdict {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let expected = Expected {
        key: key("{}"),
        endpoint: Endpoint::Chat,
        choices: 2,
        longest: 1 << 16,
    };
    let mut observer = Observer::new(expected, StatusCode::OK, &headers);
    let mut rest = stream;
    for cut in cuts.iter().chain([&stream.len()]) {
        let (chunk, left) = rest.split_at((*cut).min(rest.len()));
        rest = left;
        observer.feed(chunk);
    }
    observer.finish(true, SystemTime::UNIX_EPOCH)
}

fn all_forms(entry: &Entry) -> Vec<Option<Bytes>> {
    let forms = [Form::Json, Form::Stream].into_iter();
    let needs = forms.flat_map(|form| [true, false].map(|wants_usage| Need { form, wants_usage }));
    needs.map(|need| entry.render(need)).collect()
}

proptest! {
    #[test]
    fn any_fragmentation_keeps_the_same_answer(cuts in prop::collection::vec(0usize..40, 0..60)) {
        let Verdict::Admit(whole) = observed(STREAM.as_bytes(), "text/event-stream", &[]) else {
            panic!("a good answer was not admitted");
        };
        let Verdict::Admit(parts) = observed(STREAM.as_bytes(), "text/event-stream", &cuts) else {
            panic!("was not admitted in parts of {cuts:?}");
        };
        prop_assert_eq!(whole.body(), parts.body());
        prop_assert_eq!(all_forms(&whole), all_forms(&parts));
        prop_assert!(all_forms(&whole).iter().all(Option::is_some));
    }

    /// Whatever an upstream sends: no panic, and what is admitted can be given again and read again.
    #[test]
    fn damaged_answers_are_survived(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(0usize..40, 0..20),
        is_stream in any::<bool>(),
    ) {
        let mut stream = STREAM.as_bytes().to_vec();
        for (at, byte) in &damage {
            *at.get_mut(&mut stream) = *byte;
        }
        stream.truncate(end.index(2 * STREAM.len()));
        let kind = if is_stream { "text/event-stream" } else { "application/json" };
        if let Verdict::Admit(entry) = observed(&stream, kind, &cuts) {
            prop_assert!(entry.body().ends_with(b"\n\n") || entry.body().ends_with(b"\r\n"));
            all_forms(&entry);
            prop_assert!(Entry::decode(&entry.key(), entry.encoded().clone()).is_ok());
        }
        let _ = Question::read(Endpoint::Chat, Bytes::from(stream));
    }

    #[test]
    fn equal_questions_have_one_key(value in object(), dice in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut other = String::new();
        write(&value, &mut dice.into_iter(), &mut other);
        prop_assert_eq!(serde_json::from_str::<Value>(&other).unwrap(), value.clone());
        prop_assert_eq!(key(&other), key(&value.to_string()), "{}", other);
    }

    #[test]
    fn a_change_anywhere_gives_another_key(value in object()) {
        let own = key(&value.to_string());
        for neighbour in neighbours(&value).into_iter().filter(Value::is_object) {
            prop_assert_ne!(key(&neighbour.to_string()), own, "{} and {}", value, neighbour);
        }
    }

    #[test]
    fn an_edit_changes_the_model_and_nothing_else(value in object(), dice in prop::collection::vec(any::<u8>(), 0..200), model in any::<String>()) {
        let mut body = String::new();
        write(&value, &mut dice.into_iter(), &mut body);
        let question = Question::read(Endpoint::Chat, Bytes::from(body)).unwrap();
        let edited = question.edited(&Edit { model: Some(&model), user_id: Some("u") });
        let mut expected = value;
        expected["model"] = Value::from(model);
        expected["user_id"] = Value::from("u");
        prop_assert_eq!(serde_json::from_slice::<Value>(&edited).unwrap(), expected);
    }
}

#[test]
fn embeddings_that_come_as_a_stream_are_not_kept() {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    let expected = Expected {
        key: Key::from_bytes([1; 32]),
        endpoint: Endpoint::Embeddings,
        choices: 1,
        longest: 10_000,
    };
    let mut observer = Observer::new(expected, StatusCode::OK, &headers);
    observer.feed(b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\ndata: [DONE]\n\n");
    let verdict = observer.finish(true, SystemTime::UNIX_EPOCH);
    assert!(
        matches!(verdict, Verdict::Skip(Skip::ContentType)),
        "{verdict:?}"
    );
}
