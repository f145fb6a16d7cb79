//! A request's body, read once and never written anew: what it asks for, and how to change a field in place.

use std::fmt;

use bytes::Bytes;

use super::entry::{Form, Need};
use crate::wire::{Kind, Malformed, Outline, View, quote};

/// The paths whose answers can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/v1/chat/completions`
    Chat,
    /// `/v1/completions`
    Completions,
    /// `/v1/embeddings`
    Embeddings,
}

impl Endpoint {
    /// The endpoint at a path; `None` for all that is only passed through.
    pub fn at(path: &str) -> Option<Self> {
        match path {
            "/v1/chat/completions" => Some(Self::Chat),
            "/v1/completions" => Some(Self::Completions),
            "/v1/embeddings" => Some(Self::Embeddings),
            _ => None,
        }
    }
}

/// A body that is no question, in words for a 400.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadQuestion {
    /// Not JSON.
    Malformed(Malformed),
    /// JSON, and no object.
    NoObject,
}

impl fmt::Display for BadQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(fault) => write!(f, "The request body is not valid JSON: {fault}."),
            Self::NoObject => f.write_str("The request body must be a JSON object."),
        }
    }
}

impl std::error::Error for BadQuestion {}

/// Values to put into a body in place of the client's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Edit<'a> {
    /// The upstream's name of the model.
    pub model: Option<&'a str>,
    /// The tenant, as the upstream may know it.
    pub user_id: Option<&'a str>,
}

/// One request. Holds up to 2 MiB besides the body for a rich one: not to be kept while its answer streams.
#[derive(Debug)]
pub struct Question {
    endpoint: Endpoint,
    body: Bytes,
    outline: Outline,
    model: Option<String>,
    is_stream: bool,
    wants_usage: bool,
    choices: u32,
}

impl Question {
    /// Reads a body.
    pub fn read(endpoint: Endpoint, body: Bytes) -> Result<Self, BadQuestion> {
        let outline = Outline::read(&body).map_err(BadQuestion::Malformed)?;
        let root = outline.root(&body);
        if root.kind() != Kind::Object {
            return Err(BadQuestion::NoObject);
        }
        let model = root
            .member("model")
            .filter(|model| model.kind() == Kind::Text);
        let model = model.map(|model| String::from_utf8_lossy(&model.text()).into_owned());
        let is_true = |value: View<'_>| value.kind() == Kind::True;
        let options = root.member("stream_options");
        let wants_usage = options.and_then(|options| options.member("include_usage"));
        Ok(Self {
            endpoint,
            model,
            is_stream: root.member("stream").is_some_and(is_true),
            wants_usage: wants_usage.is_some_and(is_true),
            choices: number(root.member("n")).unwrap_or(1),
            body,
            outline,
        })
    }

    /// The bytes as they came.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Which path it was sent to.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The model that was asked for; of several the last, as the upstream would have it.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Whether the answer shall come as a stream of events.
    pub fn is_stream(&self) -> bool {
        self.is_stream && self.endpoint != Endpoint::Embeddings
    }

    /// How many choices the answer must have to be complete.
    pub fn choices(&self) -> u32 {
        self.choices
    }

    /// The form in which an answer can be served.
    pub fn need(&self) -> Need {
        let form = if self.is_stream() {
            Form::Stream
        } else {
            Form::Json
        };
        Need {
            form,
            wants_usage: self.wants_usage,
        }
    }

    /// Whether a field of the outermost object is `true`: for switches of dsline's own endpoints, such as `regenerate`.
    pub fn is_set(&self, field: &str) -> bool {
        self.field(field) == Some(b"true")
    }

    /// The bytes of a field of the outermost object (`max_tokens`, `user_id`).
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.root().member(name).map(View::raw)
    }

    /// The body with other values; everything else keeps its bytes. A repeated key is changed wherever it stands, so
    /// that no reader can find the old value; a missing one is put first.
    pub fn edited(&self, edit: &Edit<'_>) -> Bytes {
        let fields = [("model", edit.model), ("user_id", edit.user_id)];
        let mut cuts = Vec::new();
        let mut news = String::new();
        for (name, value) in fields {
            let Some(value) = value.map(quote) else {
                continue;
            };
            let known = cuts.len();
            let named = self
                .root()
                .members()
                .filter(|(key, _)| *key.text() == *name.as_bytes());
            cuts.extend(named.map(|(_, old)| (old.range(), value.clone())));
            if cuts.len() == known {
                news = format!("{news}\"{name}\":{value},");
            }
        }
        cuts.retain(|(range, value)| self.body[range.clone()] != *value.as_bytes());
        if cuts.is_empty() && news.is_empty() {
            return self.body.clone();
        }
        cuts.sort_by_key(|(range, _)| range.start);
        let is_empty = self.root().members().next().is_none();
        let news = if is_empty {
            news.trim_end_matches(',')
        } else {
            &news
        };
        self.put_together(news, &cuts)
    }

    fn put_together(&self, news: &str, cuts: &[(std::ops::Range<usize>, String)]) -> Bytes {
        let start = self.root().range().start + 1;
        let room = cuts.iter().map(|(_, value)| value.len()).sum::<usize>() + news.len();
        let mut edited = Vec::with_capacity(self.body.len() + room);
        edited.extend_from_slice(&self.body[..start]);
        edited.extend_from_slice(news.as_bytes());
        let mut from = start;
        for (range, value) in cuts {
            edited.extend_from_slice(&self.body[from..range.start]);
            edited.extend_from_slice(value.as_bytes());
            from = range.end;
        }
        edited.extend_from_slice(&self.body[from..]);
        edited.into()
    }

    pub(super) fn root(&self) -> View<'_> {
        self.outline.root(&self.body)
    }

    /// Whether the body is known down to its last value.
    pub(super) fn is_known_whole(&self) -> bool {
        self.outline.is_complete()
    }
}

fn number(value: Option<View<'_>>) -> Option<u32> {
    std::str::from_utf8(value?.raw()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Question {
        Question::read(Endpoint::Chat, Bytes::copy_from_slice(body.as_bytes())).unwrap()
    }

    #[test]
    fn what_is_asked_for_is_read_from_the_outermost_object_only() {
        let question = read(
            r#" {"messages":[{"role":"user","model":"inner","content":"{\"model\":\"x\"}"}],"tools":{"stream":true},
            "mod\u0065l":"a\u002fb","stream":true,"stream_options":{"include_usage":true},"n":2,"max_tokens":7,"regenerate":true} "#,
        );
        assert_eq!(question.model(), Some("a/b"));
        assert_eq!(
            question.need(),
            Need {
                form: Form::Stream,
                wants_usage: true
            }
        );
        assert_eq!(
            (question.choices(), question.field("max_tokens")),
            (2, Some(b"7".as_slice()))
        );
        assert!(question.is_set("regenerate") && !question.is_set("stream_options"));
        let plain = read(r#"{"stream":"true","model":5}"#);
        assert_eq!(
            (plain.model(), plain.is_stream(), plain.choices()),
            (None, false, 1)
        );
    }

    #[test]
    fn an_edit_changes_its_field_and_no_other_byte() {
        let model = Edit {
            model: Some("up\"1"),
            ..Edit::default()
        };
        for (body, edited) in [
            (
                r#"{"a":1.0, "model" : "m","z":{"model":"m"}}"#,
                r#"{"a":1.0, "model" : "up\"1","z":{"model":"m"}}"#,
            ),
            (
                r#"{"model":"m","b":2,"mode\u006c":["n"]}"#,
                r#"{"model":"up\"1","b":2,"mode\u006c":"up\"1"}"#,
            ),
            (
                " {\t\"b\":\"model\"}\n",
                " {\"model\":\"up\\\"1\",\t\"b\":\"model\"}\n",
            ),
            ("{ }", "{\"model\":\"up\\\"1\" }"),
        ] {
            assert_eq!(read(body).edited(&model), edited);
        }
        let both = Edit {
            model: Some("x"),
            user_id: Some("t1"),
        };
        assert_eq!(
            read(r#"{"user_id":"mine","model":"m"}"#).edited(&both),
            r#"{"user_id":"t1","model":"x"}"#
        );
        assert_eq!(
            read(r#"{"model":"m"}"#).edited(&both),
            r#"{"user_id":"t1","model":"x"}"#
        );
    }

    #[test]
    fn an_edit_that_changes_nothing_copies_nothing() {
        let question = read(r#"{"model":"m"}"#);
        let same = Edit {
            model: Some("m"),
            ..Edit::default()
        };
        assert_eq!(question.edited(&same).as_ptr(), question.body().as_ptr());
        assert_eq!(
            question.edited(&Edit::default()).as_ptr(),
            question.body().as_ptr()
        );
    }

    #[test]
    fn a_megabyte_of_prompt_keeps_its_bytes() {
        let prompt = r"'; DROP TABLE x; -- <script>alert(\u0031)</script> é \\n".repeat(20_000);
        let body =
            format!(r#"{{"messages":[{{"role":"user","content":"{prompt}"}}],"model":"alias"}}"#);
        let edited = read(&body).edited(&Edit {
            model: Some("m"),
            ..Edit::default()
        });
        assert_eq!(edited, body.replace("\"alias\"", "\"m\""));
    }

    #[test]
    fn a_bad_body_is_explained() {
        let message = |body: &'static str| {
            Question::read(Endpoint::Chat, Bytes::from_static(body.as_bytes()))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            message("{\"model\": \"m\",}"),
            "The request body is not valid JSON: no key in double quotes at line 1, column 15."
        );
        assert_eq!(message("[]"), "The request body must be a JSON object.");
        assert!(message("").contains("an end where a value was expected"));
    }
}
