//! One kept answer: the bytes that came, with what must be known about them in front, in one buffer that goes to Redis as it is.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::gather::gather;
use super::key::Key;
use super::spread::spread;

/// Names the layout below; another layout gets another.
const MAGIC: &[u8; 4] = b"DSA1";

/// magic 4, key 32, form 1, usage 1, empty 2, stored at 8, prompt tokens 8, completion tokens 8, usage event start 8 and
/// end 8, length of the body 8. Numbers are little-endian, times milliseconds since 1970.
pub(super) const HEADER: usize = 88;

/// The form of an answer's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One JSON object.
    Json,
    /// A stream of events.
    Stream,
}

impl Form {
    /// The `Content-Type` of a body in this form.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Stream => "text/event-stream; charset=utf-8",
        }
    }
}

/// The form in which an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// JSON or a stream.
    pub form: Form,
    /// Whether a stream shall tell its tokens (`stream_options.include_usage`); JSON always does.
    pub wants_usage: bool,
}

/// What an answer cost the upstream's account, so what a hit saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Tokens of the question.
    pub prompt: u64,
    /// Tokens of the answer.
    pub completion: u64,
}

/// Where a stream tells its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Usage {
    /// Nowhere.
    Untold,
    /// Beside other things; it cannot be taken out.
    Within,
    /// In an event that holds nothing else, which stands at these bytes of the body.
    Apart(std::ops::Range<usize>),
}

/// What stands in front of a body.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) key: Key,
    pub(super) form: Form,
    pub(super) usage: Usage,
    pub(super) tokens: Tokens,
    pub(super) stored: SystemTime,
}

/// Bytes that are no entry, or the entry of another question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the entry that was looked for")
    }
}

impl std::error::Error for Unreadable {}

/// A complete answer. Cloning it copies no bytes.
#[derive(Debug, Clone)]
pub struct Entry {
    facts: Facts,
    encoded: Bytes,
}

impl Entry {
    /// Makes an entry of a body that has `HEADER` bytes of room before it.
    pub(super) fn seal(mut bytes: Vec<u8>, facts: Facts) -> Self {
        let (usage, apart) = match &facts.usage {
            Usage::Untold => (0, 0..0),
            Usage::Within => (1, 0..0),
            Usage::Apart(range) => (2, range.clone()),
        };
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(facts.key.as_bytes());
        header.extend_from_slice(&[u8::from(facts.form == Form::Stream), usage, 0, 0]);
        let length = bytes.len() - HEADER;
        for number in [
            milliseconds(facts.stored),
            facts.tokens.prompt,
            facts.tokens.completion,
            apart.start as u64,
            apart.end as u64,
            length as u64,
        ] {
            header.extend_from_slice(&number.to_le_bytes());
        }
        bytes[..HEADER].copy_from_slice(&header);
        // Boxed first: room that the buffer grew and does not need would be paid for as long as the entry lives.
        let encoded = Bytes::from(bytes.into_boxed_slice());
        Self { facts, encoded }
    }

    /// Reads what was kept under a key, and refuses what was not.
    pub fn decode(key: &Key, encoded: Bytes) -> Result<Self, Unreadable> {
        let header: &[u8; HEADER] = encoded.first_chunk().ok_or(Unreadable)?;
        let number = |at: usize| {
            let bytes = header[40 + 8 * at..48 + 8 * at].try_into();
            u64::from_le_bytes(bytes.expect("eight bytes were cut"))
        };
        let size = |at: usize| usize::try_from(number(at)).map_err(|_| Unreadable);
        let mut found = [0; 32];
        found.copy_from_slice(&header[4..36]);
        let length = encoded.len() - HEADER;
        let apart = size(3)?..size(4)?;
        let is_ours = header[..4] == *MAGIC && found == *key.as_bytes() && size(5)? == length;
        if !is_ours || apart.start > apart.end || apart.end > length {
            return Err(Unreadable);
        }
        let facts = Facts {
            key: Key::from_bytes(found),
            form: if header[36] == 0 {
                Form::Json
            } else {
                Form::Stream
            },
            usage: match header[37] {
                0 => Usage::Untold,
                1 => Usage::Within,
                _ => Usage::Apart(apart),
            },
            tokens: Tokens {
                prompt: number(1),
                completion: number(2),
            },
            stored: UNIX_EPOCH + Duration::from_millis(number(0)),
        };
        Ok(Self { facts, encoded })
    }

    /// The question it answers.
    pub fn key(&self) -> Key {
        self.facts.key
    }

    /// The form in which it came.
    pub fn form(&self) -> Form {
        self.facts.form
    }

    /// How long it has been kept; nothing if the clock went back.
    pub fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(self.facts.stored).unwrap_or_default()
    }

    /// What it cost, as far as it says.
    pub fn tokens(&self) -> Tokens {
        self.facts.tokens
    }

    /// The body as it came, heartbeats taken out.
    pub fn body(&self) -> Bytes {
        self.encoded.slice(HEADER..)
    }

    /// Whether it can be served in this form with all that this form promises: JSON always tells its tokens, a stream
    /// when asked. An answer that does not know them is no answer to such a question.
    pub fn can_serve(&self, need: Need) -> bool {
        let tells = self.facts.usage != Usage::Untold;
        match (self.facts.form, need.form) {
            (Form::Json, Form::Json) => true,
            (Form::Stream, Form::Json) => tells,
            (_, Form::Stream) => tells || !need.wants_usage,
        }
    }

    /// The body in the form that is wanted: byte for byte as it came if that is the form it came in.
    pub fn render(&self, need: Need) -> Option<Bytes> {
        if !self.can_serve(need) {
            return None;
        }
        let body = self.body();
        match (self.facts.form, need.form) {
            (Form::Json, Form::Json) => Some(body),
            (Form::Stream, Form::Json) => gather(&body).map(|answer| answer.to_string().into()),
            (Form::Json, Form::Stream) => spread(&body, need.wants_usage).map(Bytes::from),
            (Form::Stream, Form::Stream) => Some(match &self.facts.usage {
                Usage::Apart(range) if !need.wants_usage => {
                    [&body[..range.start], &body[range.end..]].concat().into()
                }
                _ => body,
            }),
        }
    }

    /// The whole buffer, as Redis keeps it.
    pub(super) fn encoded(&self) -> &Bytes {
        &self.encoded
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key::from_bytes([7; 32]);

    fn sealed(body: &str, form: Form, usage: Usage) -> Entry {
        let facts = Facts {
            key: KEY,
            form,
            usage,
            tokens: Tokens {
                prompt: 3,
                completion: 4,
            },
            stored: UNIX_EPOCH + Duration::from_secs(1000),
        };
        Entry::seal([vec![0; HEADER], body.as_bytes().to_vec()].concat(), facts)
    }

    #[test]
    fn what_is_sealed_is_read_again_under_its_own_key_only() {
        let entry = sealed("{}", Form::Json, Usage::Apart(1..2));
        let again = Entry::decode(&KEY, entry.encoded().clone()).unwrap();
        assert_eq!(
            (again.body(), again.key(), again.tokens()),
            (entry.body(), KEY, entry.tokens())
        );
        assert_eq!(again.facts.usage, Usage::Apart(1..2));
        assert_eq!(
            again.age(UNIX_EPOCH + Duration::from_secs(1007)),
            Duration::from_secs(7)
        );
        assert!(Entry::decode(&Key::from_bytes([8; 32]), entry.encoded().clone()).is_err());
    }

    #[test]
    fn damaged_bytes_are_no_entry() {
        let good = sealed("{\"a\":1}", Form::Json, Usage::Untold)
            .encoded()
            .to_vec();
        for length in 0..good.len() {
            assert!(Entry::decode(&KEY, Bytes::copy_from_slice(&good[..length])).is_err());
        }
        for (at, value) in [(0, b'X'), (3, b'2'), (5, 0), (64, 1), (79, 255), (80, 0)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert!(Entry::decode(&KEY, bad.into()).is_err(), "byte {at}");
        }
    }

    #[test]
    fn tokens_are_told_to_whom_they_are_promised() {
        let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n";
        let usage = "data: {\"choices\":[],\"usage\":{}}\n\n";
        let done = "data: [DONE]\n\n";
        let need = |form, wants_usage| Need { form, wants_usage };
        let silent = sealed(&format!("{stream}{done}"), Form::Stream, Usage::Untold);
        assert!(silent.render(need(Form::Json, false)).is_none());
        assert!(silent.render(need(Form::Stream, true)).is_none());
        assert_eq!(
            silent.render(need(Form::Stream, false)),
            Some(silent.body())
        );
        let range = stream.len()..stream.len() + usage.len();
        let telling = sealed(
            &format!("{stream}{usage}{done}"),
            Form::Stream,
            Usage::Apart(range),
        );
        assert_eq!(
            telling.render(need(Form::Stream, true)),
            Some(telling.body())
        );
        assert_eq!(
            telling.render(need(Form::Stream, false)),
            Some(silent.body())
        );
        assert!(
            telling
                .render(need(Form::Json, false))
                .unwrap()
                .ends_with(b",\"usage\":{}}")
        );
    }
}
