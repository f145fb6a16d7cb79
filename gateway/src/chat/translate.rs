//! From the simple chat's bodies to those of `/v1/chat/completions`, and back. Messages keep their bytes.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

/// A question as the upstream takes it.
#[derive(Debug)]
pub struct Question {
    /// The body for `/v1/chat/completions`.
    pub body: Vec<u8>,
    /// The conversation so far, each message as it came.
    pub messages: Vec<Box<RawValue>>,
    /// The client wants an answer made anew.
    pub regenerate: bool,
}

/// A body that is none of the simple chat's, in words for the client.
#[derive(Debug, PartialEq, Eq)]
pub struct Odd(String);

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"The body must look like {{"messages": [{{"role": "user", "content": "…"}}]}}: {}."#,
            self.0
        )
    }
}

impl std::error::Error for Odd {}

/// Fields of any name, as they came.
type Fields = BTreeMap<String, Box<RawValue>>;

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Answer,
}

#[derive(Deserialize)]
struct Answer {
    /// Null when the model called a tool instead.
    content: Option<String>,
}

/// Reads a question of the simple chat; `model` answers when it names none. What else it asks for (temperature, limits,
/// thinking) goes up as it came.
pub fn translate(body: &[u8], model: &str) -> Result<Question, Odd> {
    let mut fields: Fields =
        serde_json::from_slice(body).map_err(|error| Odd(error.to_string()))?;
    let messages: Vec<Box<RawValue>> =
        read(&fields, "messages")?.ok_or_else(|| Odd("`messages` is missing".into()))?;
    if messages.is_empty() {
        return Err(Odd("`messages` is empty".into()));
    }
    for (index, message) in messages.iter().enumerate() {
        if !is_message(message) {
            return Err(Odd(format!("messages[{index}] has no `role`")));
        }
    }
    let regenerate = read(&fields, "regenerate")?.unwrap_or(false);
    fields.remove("regenerate");
    if read::<String>(&fields, "model")?.is_none() {
        fields.insert("model".into(), raw(model));
    }
    // The simple chat has one answer, whole.
    fields.insert("stream".into(), raw(false));
    fields.remove("stream_options");
    let body = serde_json::to_vec(&fields).expect("what was JSON stays JSON");
    Ok(Question {
        body,
        messages,
        regenerate,
    })
}

/// The simple chat's answer: the conversation with the upstream's answer at its end; `None` if there is no answer in it.
pub fn answered(messages: &[Box<RawValue>], completion: &[u8]) -> Option<Vec<u8>> {
    // Providers under load send empty lines first, so that nobody takes them for dead.
    let completion: Completion = serde_json::from_slice(completion.trim_ascii_start()).ok()?;
    let answer = completion.choices.into_iter().next()?.message;
    let content = raw(answer.content.unwrap_or_default());
    let mut all: Vec<&RawValue> = messages.iter().map(AsRef::as_ref).collect();
    let last = BTreeMap::from([("content", content), ("role", raw("assistant"))]);
    let last = raw(last);
    all.push(&last);
    Some(conversation(&all))
}

/// A conversation with nothing in it.
pub fn nothing_said() -> Vec<u8> {
    conversation(&[])
}

fn conversation(messages: &[&RawValue]) -> Vec<u8> {
    serde_json::to_vec(&BTreeMap::from([("messages", messages)])).expect("messages are JSON")
}

fn is_message(message: &RawValue) -> bool {
    serde_json::from_str::<Fields>(message.get())
        .is_ok_and(|fields| matches!(read::<String>(&fields, "role"), Ok(Some(_))))
}

/// The value of a field; null counts as not there.
fn read<T: DeserializeOwned>(fields: &Fields, name: &str) -> Result<Option<T>, Odd> {
    let Some(value) = fields.get(name) else {
        return Ok(None);
    };
    serde_json::from_str(value.get()).map_err(|error| Odd(format!("`{name}`: {error}")))
}

fn raw(value: impl serde::Serialize) -> Box<RawValue> {
    to_raw_value(&value).expect("text, truth and maps of them are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_question_goes_up_with_a_model_and_its_own_bytes() {
        let body = br#"{"messages":[{"role":"user",  "content":"1.50 \u00e9"}], "temperature": 0.70, "regenerate":true, "stream":true}"#;
        let question = translate(body, "deepseek-flash").unwrap();
        assert!(question.regenerate);
        assert_eq!(
            text(&question.body),
            r#"{"messages":[{"role":"user",  "content":"1.50 \u00e9"}],"model":"deepseek-flash","stream":false,"temperature":0.70}"#
        );
        let named = translate(br#"{"messages":[{"role":"user"}],"model":"m"}"#, "other").unwrap();
        assert!(text(&named.body).contains(r#""model":"m""#) && !named.regenerate);
    }

    #[test]
    fn an_answer_is_the_conversation_with_one_more_message() {
        let question = translate(br#"{"messages":[{"role":"user","content":"a"}]}"#, "m").unwrap();
        let completion = b"\n\n{\"id\":\"x\",\"choices\":[{\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\",\"content\":\"b\\\"c\",\"reasoning_content\":\"t\"}}]}";
        assert_eq!(
            text(&answered(&question.messages, completion).unwrap()),
            r#"{"messages":[{"role":"user","content":"a"},{"content":"b\"c","role":"assistant"}]}"#
        );
        assert_eq!(answered(&question.messages, b"{\"choices\":[]}"), None);
        assert_eq!(answered(&question.messages, b"<html>"), None);
        assert_eq!(text(&nothing_said()), r#"{"messages":[]}"#);
    }

    #[test]
    fn odd_questions_are_refused_in_words() {
        for (body, words) in [
            ("", "EOF while parsing"),
            ("[]", "invalid type"),
            ("{}", "`messages` is missing"),
            (r#"{"messages":[]}"#, "`messages` is empty"),
            (r#"{"messages":"x"}"#, "`messages`: invalid type"),
            (
                r#"{"messages":[{"role":"user"},"x"]}"#,
                "messages[1] has no `role`",
            ),
            (
                r#"{"messages":[{"role":"user"}],"regenerate":1}"#,
                "`regenerate`: invalid type",
            ),
        ] {
            let said = translate(body.as_bytes(), "m").unwrap_err().to_string();
            assert!(said.contains(words), "{said}");
        }
    }
}
