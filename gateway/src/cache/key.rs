//! Which questions are the same one: 256 bits over who asks, whom, and the meaning of the whole body.
//!
//! The meaning of a body is its JSON with the members of each object sorted, escapes resolved and white space gone.
//! `stream` and `stream_options` of the outermost object are left out: they change the form of an answer, never its
//! content. Everything else counts, unknown fields too. Two choices deserve a word:
//!
//! - A number is its text: `1`, `1.0` and `1e0` are three. Servers with typed fields treat them differently, and a key
//!   too many costs a question, one too few gives a wrong answer.
//! - `user_id` and `model` count as the client sent them. What the gateway puts in their place follows from the tenant
//!   and the upstream model, which are in the key themselves.

use std::borrow::Cow;
use std::fmt;

use blake3::Hasher;

use super::question::Question;
use super::skip::Skip;
use crate::wire::{Kind, View, unescape};

/// Changes whenever the meaning of a key or the form of an entry does, so that old entries are not found.
const VERSION: &[u8] = b"dsline answer 1";

/// Only about the form of an answer.
const FORM_ONLY: [&[u8]; 2] = [b"stream", b"stream_options"];

/// No byte of UTF-8, nor of WTF-8: ends a text or a number.
const END: &[u8] = &[0xff];

/// Words whose order does not count in loose matching.
const LOOSE_WORDS: usize = 10;

/// For the configuration's check, the log and the documentation.
pub const LOOSE_WARNING: &str = "match = \"loose\" ignores case, spaces and the order of the first ten words of the last user \
message: \"does the dog bite the man\" gets the answer to \"does the man bite the dog\"";

/// Whose question it is and who answers it.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Answers are never shared between tenants.
    pub tenant: &'a str,
    /// The upstream's own name of the model.
    pub model: &'a str,
    /// Path and query of the request.
    pub path: &'a str,
}

/// The name of a question.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// Same meaning, same key.
    pub fn exact(scope: &Scope<'_>, question: &Question) -> Result<Self, Skip> {
        hash(scope, question, None)
    }

    /// As [`exact`](Self::exact), but of the last user message neither case nor spaces count, nor the order of its
    /// first ten words. See [`LOOSE_WARNING`].
    pub fn loose(scope: &Scope<'_>, question: &Question) -> Result<Self, Skip> {
        let messages = question.root().member("messages");
        let is_users = |message: &View<'_>| {
            let role = message.member("role");
            role.is_some_and(|role| *role.text() == *b"user")
        };
        let last = messages.and_then(|messages| messages.items().filter(is_users).last());
        let content = last.and_then(|last| last.member("content"));
        let content = content.filter(|content| content.kind() == Kind::Text);
        hash(
            scope,
            question,
            content.map(|content| content.range().start),
        )
    }

    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

fn hash(scope: &Scope<'_>, question: &Question, loosened: Option<usize>) -> Result<Key, Skip> {
    if !question.is_known_whole() {
        return Err(Skip::TooRich);
    }
    let mut digest = Digest {
        hasher: Hasher::new(),
        members: Vec::new(),
        loosened,
    };
    for part in [
        VERSION,
        scope.tenant.as_bytes(),
        scope.model.as_bytes(),
        scope.path.as_bytes(),
    ] {
        digest.text(part);
    }
    digest.value(question.root(), &FORM_ONLY)?;
    Ok(Key(*digest.hasher.finalize().as_bytes()))
}

struct Digest<'a> {
    hasher: Hasher,
    /// The members of the objects around the current value, those of one object behind those of its parent.
    members: Vec<(Cow<'a, [u8]>, View<'a>)>,
    /// Where the text stands that is matched loosely.
    loosened: Option<usize>,
}

impl<'a> Digest<'a> {
    /// Every value begins with a mark of its kind and tells its own end, so no two documents give the same bytes.
    fn value(&mut self, value: View<'a>, left_out: &[&[u8]]) -> Result<(), Skip> {
        match value.kind() {
            Kind::Null => self.mark(b"0"),
            Kind::True => self.mark(b"t"),
            Kind::False => self.mark(b"f"),
            Kind::Number => {
                self.mark(b"#");
                self.hasher.update(value.raw());
                self.mark(END);
            }
            Kind::Text if self.loosened == Some(value.range().start) => {
                self.loose_text(&value.text());
            }
            Kind::Text => {
                self.mark(b"\"");
                unescape(value.escaped(), &mut |part| self.mark(part));
                self.mark(END);
            }
            Kind::Array => {
                self.mark(b"[");
                value.items().try_for_each(|item| self.value(item, &[]))?;
                self.mark(b"]");
            }
            Kind::Object => self.object(value, left_out)?,
        }
        Ok(())
    }

    fn object(&mut self, object: View<'a>, left_out: &[&[u8]]) -> Result<(), Skip> {
        let from = self.members.len();
        let members = object.members().map(|(key, value)| (key.text(), value));
        self.members.extend(members);
        let own = &mut self.members[from..];
        own.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        if own.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Skip::RepeatedKey);
        }
        self.mark(b"{");
        for at in from..self.members.len() {
            let (key, value) = &mut self.members[at];
            let (key, value) = (std::mem::take(key), *value);
            if !left_out.contains(&&*key) {
                self.text(&key);
                self.value(value, &[])?;
            }
        }
        self.mark(b"}");
        self.members.truncate(from);
        Ok(())
    }

    fn loose_text(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text).to_lowercase();
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let ordered = words.len().min(LOOSE_WORDS);
        words[..ordered].sort_unstable();
        self.mark(b"~[");
        for word in words {
            self.text(word.as_bytes());
        }
        self.mark(b"]");
    }

    fn text(&mut self, text: &[u8]) {
        self.mark(b"\"");
        self.hasher.update(text);
        self.mark(END);
    }

    fn mark(&mut self, mark: &[u8]) {
        self.hasher.update(mark);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::question::Endpoint;
    use super::*;

    const SCOPE: Scope<'static> = Scope {
        tenant: "t",
        model: "m",
        path: "/v1/chat/completions",
    };

    fn question(body: &str) -> Question {
        Question::read(Endpoint::Chat, Bytes::copy_from_slice(body.as_bytes())).unwrap()
    }

    fn exact(body: &str) -> Key {
        Key::exact(&SCOPE, &question(body)).unwrap()
    }

    fn loose(text: &str) -> Key {
        let body = format!(
            r#"{{"messages":[{{"role":"system","content":"S"}},{{"role":"user","content":"{text}"}},{{"role":"assistant","content":"X"}}]}}"#
        );
        Key::loose(&SCOPE, &question(&body)).unwrap()
    }

    #[test]
    fn form_does_not_count() {
        let plain = exact(r#"{"model":"m","a":{"stream":true}}"#);
        assert_eq!(
            exact(
                r#"{"a":{"stream":true},"stream":true,"model":"m","stream_options":{"include_usage":true}}"#
            ),
            plain
        );
        assert_ne!(exact(r#"{"model":"m","a":{"stream":false}}"#), plain);
        assert_ne!(exact(r#"{"model":"m","a":{}}"#), plain);
    }

    #[test]
    fn numbers_are_their_text() {
        let keys = [
            "1",
            "1.0",
            "1e0",
            "10",
            "\"1\"",
            "0.1",
            "0.10000000000000001",
        ];
        let keys: Vec<Key> = keys
            .iter()
            .map(|number| exact(&format!("{{\"t\":{number}}}")))
            .collect();
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key));
        }
    }

    #[test]
    fn who_asks_whom_counts_and_does_not_run_together() {
        let body = question("{}");
        let key = |tenant, model, path| {
            Key::exact(
                &Scope {
                    tenant,
                    model,
                    path,
                },
                &body,
            )
            .unwrap()
        };
        let keys = [
            key("t", "m", "p"),
            key("tm", "", "p"),
            key("", "tm", "p"),
            key("t", "mp", ""),
            key("u", "m", "p"),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key));
        }
    }

    #[test]
    fn a_repeated_key_has_no_name() {
        for body in [
            r#"{"a":1,"\u0061":1}"#,
            r#"{"x":[{"b":1,"c":2,"b":1}]}"#,
            r#"{"stream":true,"stream":false}"#,
        ] {
            assert_eq!(
                Key::exact(&SCOPE, &question(body)),
                Err(Skip::RepeatedKey),
                "{body}"
            );
        }
        let rich = format!("{{\"input\":[{}0]}}", "0,".repeat(200_000));
        assert_eq!(Key::exact(&SCOPE, &question(&rich)), Err(Skip::TooRich));
    }

    #[test]
    fn structure_cannot_be_imitated_by_text() {
        let bodies = [
            r#"{"a":["b","c"]}"#,
            r#"{"a":["b",["c"]]}"#,
            r#"{"a":[["b"],"c"]}"#,
            r#"{"a":["bc"]}"#,
            r#"{"a":{"b":"c"}}"#,
            r#"{"a":"b","c":null}"#,
            r#"{"a":"b"}"#,
            r#"{"a":null}"#,
            r#"{"a":"null"}"#,
            r#"{"a":[]}"#,
            r#"{"a":{}}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\udc00"}"#,
            r#"{"a":"\ud800\udc00"}"#,
            r#"{"a":"\u0000"}"#,
            r#"{"a":""}"#,
        ];
        let keys: Vec<Key> = bodies.iter().map(|body| exact(body)).collect();
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{}", bodies[at]);
        }
    }

    #[test]
    fn loose_matching_forgets_what_it_says_and_no_more() {
        let one = loose("Does the  dog bite the man");
        assert_eq!(loose("does the man BITE the dog "), one);
        assert_ne!(loose("does the man bite the dog twice"), one);
        let long = loose("a b c d e f g h i j k l");
        assert_eq!(loose("J i h g f e d c b a\\nK L"), long);
        assert_ne!(loose("a b c d e f g h i j l k"), long);
        assert_ne!(
            loose("a"),
            Key::exact(
                &SCOPE,
                &question(r#"{"messages":[{"role":"user","content":"a"}]}"#)
            )
            .unwrap()
        );
        let other_rest = |system| {
            let body = format!(
                r#"{{"messages":[{{"role":"system","content":"{system}"}},{{"role":"user","content":"x"}}]}}"#
            );
            Key::loose(&SCOPE, &question(&body)).unwrap()
        };
        assert_ne!(other_rest("s"), other_rest("S"));
    }
}
