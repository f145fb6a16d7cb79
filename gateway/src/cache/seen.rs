//! What an answer has said so far: its choices and their ends, its tokens, and the bytes that are worth keeping.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::entry::{Form, HEADER, Tokens, Usage};
use super::gather::gather;
use super::question::Endpoint;
use super::skip::Skip;
use crate::wire::{Outline, Part, Tree, field, unescape};

/// More choices than any API gives.
const MOST_CHOICES: usize = 256;

/// What has been seen so far.
#[derive(Debug)]
pub(super) struct Seen {
    form: Form,
    skip: Option<Skip>,
    /// Room for the entry's header, then the body without heartbeats.
    kept: Vec<u8>,
    longest: usize,
    choices: Vec<Ending>,
    usage: Usage,
    tokens: Tokens,
    event: Event,
    is_done: bool,
}

/// The event that has begun.
#[derive(Debug, Default)]
struct Event {
    start: usize,
    has_fields: bool,
    has_data: bool,
    data: Vec<u8>,
    /// The line before was kept, so the second half of its end is.
    keeps_end: bool,
}

/// How far one choice has come.
#[derive(Debug)]
struct Ending {
    index: u32,
    is_finished: bool,
    says_something: bool,
    calls: bool,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    data: Option<Vec<IgnoredAny>>,
    error: Option<IgnoredAny>,
    usage: Option<Spent>,
}

#[derive(Deserialize)]
struct Spent {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: u32,
    finish_reason: Option<String>,
    #[serde(borrow)]
    delta: Option<Said<'a>>,
    #[serde(borrow)]
    message: Option<Said<'a>>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
}

impl Seen {
    /// Nothing yet, of an answer in this form.
    pub(super) fn new(form: Form, longest: usize) -> Self {
        Self {
            form,
            skip: None,
            kept: vec![0; HEADER],
            longest,
            choices: Vec::new(),
            usage: Usage::Untold,
            tokens: Tokens::default(),
            event: Event::default(),
            is_done: false,
        }
    }

    /// An answer whose head says already that it is not kept.
    pub(super) fn spoilt(skip: Skip) -> Self {
        let mut seen = Self::new(Form::Json, 0);
        seen.give_up(skip);
        seen
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    pub(super) fn skip(&self) -> Option<Skip> {
        self.skip
    }

    /// What is to be kept, with room for a header before it.
    pub(super) fn into_kept(self) -> Result<(Vec<u8>, Form, Usage, Tokens), Skip> {
        match self.skip {
            Some(skip) => Err(skip),
            None => Ok((self.kept, self.form, self.usage, self.tokens)),
        }
    }

    /// Gives up what would be too long with so many bytes of a line that has begun.
    pub(super) fn bound(&mut self, begun: usize) {
        if self.kept.len() + begun > HEADER + self.longest {
            self.give_up(Skip::TooLarge);
        }
    }

    /// The next bytes of a JSON body, without the empty lines that keep a connection alive until the answer is there.
    pub(super) fn body(&mut self, bytes: &[u8]) {
        let is_first = self.kept.len() == HEADER;
        self.keep(if is_first {
            bytes.trim_ascii_start()
        } else {
            bytes
        });
    }

    /// The stream is over.
    pub(super) fn end_stream(&mut self) {
        if self.event.has_fields {
            self.part(Part::Line(b"", b'\n'));
        }
        if !self.is_done {
            self.give_up(Skip::NoDone);
        }
    }

    /// The first reason counts; what was kept is let go at once.
    pub(super) fn give_up(&mut self, skip: Skip) {
        self.skip.get_or_insert(skip);
        self.kept = Vec::new();
        self.event = Event::default();
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.kept.len() + bytes.len() > HEADER + self.longest {
            self.give_up(Skip::TooLarge);
        } else {
            self.kept.extend_from_slice(bytes);
        }
    }

    /// One line of a stream. Comments are not kept, nor the blank lines that would end an event without a field.
    pub(super) fn part(&mut self, part: Part<'_>) {
        if self.skip.is_some() {
            return;
        }
        let (line, end) = match part {
            Part::Line(line, end) => (line, end),
            Part::SecondEnd if self.event.keeps_end => return self.keep(b"\n"),
            Part::SecondEnd => return,
        };
        self.event.keeps_end =
            !line.starts_with(b":") && (self.event.has_fields || !line.is_empty());
        if !self.event.keeps_end {
            return;
        }
        if !self.event.has_fields {
            self.event.start = self.kept.len();
            self.event.has_fields = true;
        }
        self.keep(line);
        self.keep(&[end]);
        if line.is_empty() {
            self.end_event();
        } else if let Some(value) = field(line, "data") {
            if self.event.has_data {
                self.event.data.push(b'\n');
            }
            self.event.has_data = true;
            self.event.data.extend_from_slice(value);
        }
    }

    fn end_event(&mut self) {
        let mut event = std::mem::take(&mut self.event);
        self.event.keeps_end = event.keeps_end;
        if self.skip.is_none() && event.has_data {
            if self.is_done {
                self.give_up(Skip::Malformed);
            } else if event.data.trim_ascii() == b"[DONE]" {
                self.is_done = true;
            } else {
                self.chunk(&event.data, event.start);
            }
        }
        // Its memory serves the next event.
        event.data.clear();
        self.event.data = event.data;
    }

    fn chunk(&mut self, data: &[u8], start: usize) {
        let Ok(chunk) = serde_json::from_slice::<Chunk<'_>>(data) else {
            return self.give_up(Skip::Malformed);
        };
        if chunk.error.is_some() {
            return self.give_up(Skip::ErrorInside);
        }
        let choices = chunk.choices.unwrap_or_default();
        if let Some(spent) = chunk.usage {
            self.tokens = spent.into();
            // The blank line's second half, of a CRLF, is still to come: a range that leaves it out would leave an odd
            // blank line behind. Such a stream tells its tokens to everyone.
            let is_apart =
                choices.is_empty() && self.kept.ends_with(b"\n\n") && self.usage == Usage::Untold;
            self.usage = if is_apart {
                Usage::Apart(start - HEADER..self.kept.len() - HEADER)
            } else {
                Usage::Within
            };
        }
        for choice in choices {
            self.choice(choice);
        }
    }

    fn choice(&mut self, choice: Choice<'_>) {
        let reason = choice.finish_reason.filter(|reason| !reason.is_empty());
        if let Some(skip) = reason.as_deref().and_then(Skip::of_reason) {
            return self.give_up(skip);
        }
        let said = choice.delta.or(choice.message);
        let says_something = choice.text.is_some_and(is_something)
            || said.is_some_and(|said| said.all().into_iter().flatten().any(is_something));
        let known = self
            .choices
            .iter()
            .position(|known| known.index == choice.index);
        if known.is_none() && self.choices.len() == MOST_CHOICES {
            return self.give_up(Skip::Malformed);
        }
        let at = known.unwrap_or_else(|| {
            self.choices.push(Ending {
                index: choice.index,
                is_finished: false,
                says_something: false,
                calls: false,
            });
            self.choices.len() - 1
        });
        let ending = &mut self.choices[at];
        ending.is_finished |= reason.is_some();
        ending.says_something |= says_something;
        ending.calls |= reason.is_some_and(|reason| reason != "stop");
    }

    /// The JSON body is over.
    pub(super) fn end_body(&mut self, endpoint: Endpoint) {
        if self.skip.is_some() {
            return;
        }
        let kept = std::mem::take(&mut self.kept);
        match serde_json::from_slice::<Chunk<'_>>(&kept[HEADER..]) {
            Err(_) => self.give_up(Skip::Malformed),
            Ok(chunk) if chunk.error.is_some() => self.give_up(Skip::ErrorInside),
            Ok(chunk) => {
                if let Some(spent) = chunk.usage {
                    self.tokens = spent.into();
                    self.usage = Usage::Within;
                }
                if endpoint == Endpoint::Embeddings && chunk.data.is_none_or(|data| data.is_empty())
                {
                    self.give_up(Skip::Empty);
                }
                let choices = chunk.choices.unwrap_or_default();
                for choice in choices {
                    self.choice(choice);
                }
            }
        }
        if self.skip.is_none() {
            self.kept = kept;
        }
    }

    /// Whether all that was asked for is there, finished and sensible.
    pub(super) fn judge(&mut self, expected: u32) {
        if self.skip.is_some() {
            return;
        }
        let is_there = |index| {
            self.choices
                .iter()
                .any(|choice| choice.index == index && choice.is_finished)
        };
        if self.choices.is_empty()
            || !(0..expected).all(is_there)
            || !self.choices.iter().all(|choice| choice.is_finished)
        {
            self.give_up(Skip::Unfinished);
        } else if !self.choices.iter().all(|choice| choice.says_something) {
            self.give_up(Skip::Empty);
        } else if self.choices.iter().any(|choice| choice.calls) && !self.has_sound_calls() {
            self.give_up(Skip::ToolArguments);
        }
    }

    fn has_sound_calls(&self) -> bool {
        let body = &self.kept[HEADER..];
        let answer = match self.form {
            Form::Stream => gather(body),
            Form::Json => Outline::read(body)
                .ok()
                .map(|outline| Tree::of(outline.root(body))),
        };
        let Some(answer) = answer else {
            return false;
        };
        let messages = answer.member("choices").into_iter().flat_map(Tree::items);
        let calls = messages
            .filter_map(|choice| choice.member("message")?.member("tool_calls"))
            .flat_map(Tree::items);
        let mut arguments =
            calls.filter_map(|call| call.member("function")?.member("arguments")?.as_text());
        arguments.all(is_json)
    }
}

/// Whether an escaped text holds JSON; a call without arguments may have none.
fn is_json(escaped: &str) -> bool {
    let mut text = Vec::with_capacity(escaped.len());
    unescape(escaped.as_bytes(), &mut |part| text.extend_from_slice(part));
    text.is_empty() || Outline::read(&text).is_ok()
}

fn is_something(value: &RawValue) -> bool {
    !matches!(value.get(), "null" | "\"\"" | "[]" | "{}")
}

impl<'a> Said<'a> {
    fn all(&self) -> [Option<&'a RawValue>; 5] {
        [
            self.content,
            self.refusal,
            self.tool_calls,
            self.function_call,
            self.audio,
        ]
    }
}

impl From<Spent> for Tokens {
    fn from(spent: Spent) -> Self {
        Self {
            prompt: spent.prompt_tokens,
            completion: spent.completion_tokens,
        }
    }
}
