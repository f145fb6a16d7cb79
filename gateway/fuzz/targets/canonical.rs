//! The canonicaliser against another JSON reader: what that one calls equal has one key, and an edit changes what it should.
#![no_main]

use bytes::Bytes;
use dsline_gateway::cache::{Edit, Endpoint, Key, Question, Scope};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// The other reader's own way to smuggle a number; no text of a client's.
const SMUGGLED: &[u8] = b"$serde_json::private";

const SCOPE: Scope<'static> = Scope {
    tenant: "t",
    model: "m",
    path: "/v1/chat/completions",
};

fn read(body: &[u8]) -> Option<Question> {
    Question::read(Endpoint::Chat, Bytes::copy_from_slice(body)).ok()
}

fn key(body: &[u8]) -> Option<Key> {
    Key::exact(&SCOPE, &read(body)?).ok()
}

fuzz_target!(|data: &[u8]| {
    let other = serde_json::from_slice::<Value>(data).ok();
    let Some(question) = read(data) else {
        let is_object = matches!(other, Some(Value::Object(_)));
        assert!(!is_object, "a body that others can read was refused");
        return;
    };
    let _ = (
        Key::loose(&SCOPE, &question),
        question.need(),
        question.choices(),
        question.field("user_id"),
    );
    edit(&question);
    let Ok(own) = Key::exact(&SCOPE, &question) else {
        return;
    };
    let is_smuggled = data
        .windows(SMUGGLED.len())
        .any(|window| window == SMUGGLED);
    let Some(Value::Object(mut members)) = other.filter(|_| !is_smuggled) else {
        return;
    };
    // The other reader writes `e+1` for `e1`, and here a number is its text.
    if members.values().any(has_exponent) {
        return;
    }
    let again = |members: &serde_json::Map<String, Value>| {
        key(&serde_json::to_vec(members).expect("it was read from JSON"))
    };
    assert_eq!(
        again(&members),
        Some(own),
        "rewritten it is another question"
    );
    if members
        .insert("not there before".into(), Value::Null)
        .is_none()
    {
        assert_ne!(
            again(&members),
            Some(own),
            "a field more is the same question"
        );
    }
});

fn has_exponent(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.to_string().contains(['e', 'E']),
        Value::Array(items) => items.iter().any(has_exponent),
        Value::Object(members) => members.values().any(has_exponent),
        _ => false,
    }
}

fn edit(question: &Question) {
    let news = Edit {
        model: Some("m \"2\""),
        user_id: Some("u"),
    };
    let edited = read(&question.edited(&news)).expect("an edit keeps JSON whole");
    assert_eq!(edited.model(), Some("m \"2\""));
    assert_eq!(edited.field("user_id"), Some(b"\"u\"".as_slice()));
    assert_eq!(edited.need(), question.need());
    let untouched = question.edited(&Edit::default());
    assert_eq!(&untouched, question.body());
}
