//! The answer to a question: the same words for the same question, as one JSON body or as events.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::question::{Input, Question};

/// What follows the words that name the question.
const FILLER: [&str; 12] = [
    "It", "is", "an", "answer", "of", "the", "lab,", "made", "of", "plain", "words.", "\n",
];

/// What the model thinks before it speaks.
const THOUGHTS: &str = "The user wants an answer, and gets one.";

/// The context cache counts in units of so many tokens.
const CACHE_UNIT: u64 = 64;

/// Letters in a piece of a tool call's arguments.
const PIECE: usize = 8;

/// An answer before it has a shape: words to say, or the arguments of a call.
pub struct Answer {
    id: String,
    created: u64,
    model: String,
    thoughts: Vec<String>,
    words: Vec<String>,
    tool: Option<String>,
    usage: Value,
}

/// A fingerprint of a whole conversation.
pub fn fingerprint(question: &Question) -> u64 {
    let mut hasher = DefaultHasher::new();
    question.model.hash(&mut hasher);
    question.texts().for_each(|text| text.hash(&mut hasher));
    hasher.finish()
}

impl Answer {
    /// The answer with this number (so that a fresh one can be told from a cached one) at this time (in Unix seconds).
    pub fn to(
        question: &Question,
        tokens: usize,
        is_repeated: bool,
        number: u64,
        created: u64,
    ) -> Self {
        let tool = question.tool().map(str::to_owned);
        let said = format!("You asked {}: {}", question.model, question.last_words());
        let named = said.split_inclusive(' ').map(str::to_owned);
        let filler = FILLER.iter().cycle().map(|word| format!(" {word}"));
        let count = tokens.max(named.clone().count());
        let words: Vec<_> = if tool.is_some() {
            arguments(&question.last_words())
        } else {
            named.chain(filler).take(count).collect()
        };
        let mut thoughts: Vec<_> = THOUGHTS.split_inclusive(' ').map(str::to_owned).collect();
        if !question.wants_thinking() {
            thoughts.clear();
        }
        let usage = usage(question, is_repeated, words.len(), thoughts.len());
        Self {
            id: format!("lab-{number}"),
            created,
            model: question.model.clone(),
            thoughts,
            words,
            tool,
            usage,
        }
    }

    /// How many tokens it has, thoughts included.
    pub fn tokens(&self) -> usize {
        self.thoughts.len() + self.words.len()
    }

    /// As one JSON body.
    pub fn whole(&self) -> Bytes {
        let mut message = match &self.tool {
            None => json!({"role": "assistant", "content": self.words.concat()}),
            Some(name) => {
                let function = json!({"name": name, "arguments": self.words.concat()});
                let call = json!({"index": 0, "id": self.call_id(), "type": "function", "function": function});
                json!({"role": "assistant", "content": "", "tool_calls": [call]})
            }
        };
        if !self.thoughts.is_empty() {
            message["reasoning_content"] = self.thoughts.concat().into();
        }
        let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": self.reason()});
        self.frame("chat.completion", json!([choice]), self.usage.clone())
            .to_string()
            .into()
    }

    /// As events: the role, thoughts, words, the reason to stop, the usage if wanted, `[DONE]`.
    pub fn events(&self, wants_usage: bool) -> Vec<Bytes> {
        let delta = |delta: Value, reason: Value| {
            let choice =
                json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason});
            event(&self.frame("chat.completion.chunk", json!([choice]), Value::Null))
        };
        let mut events = vec![delta(
            json!({"role": "assistant", "content": ""}),
            Value::Null,
        )];
        events.extend(self.thoughts.iter().map(|word| {
            delta(
                json!({"content": null, "reasoning_content": word}),
                Value::Null,
            )
        }));
        if let Some(name) = &self.tool {
            let function = json!({"name": name, "arguments": ""});
            let call =
                json!({"index": 0, "id": self.call_id(), "type": "function", "function": function});
            events.push(delta(json!({"tool_calls": [call]}), Value::Null));
        }
        events.extend(self.words.iter().map(|word| {
            let call = json!({"index": 0, "function": {"arguments": word}});
            let said = match self.tool {
                None => json!({"content": word}),
                Some(_) => json!({"tool_calls": [call]}),
            };
            delta(said, Value::Null)
        }));
        events.push(delta(json!({"content": ""}), self.reason().into()));
        if wants_usage {
            events.push(event(&self.frame(
                "chat.completion.chunk",
                json!([]),
                self.usage.clone(),
            )));
        }
        events.push(Bytes::from_static(b"data: [DONE]\n\n"));
        events
    }

    fn reason(&self) -> &'static str {
        if self.tool.is_some() {
            "tool_calls"
        } else {
            "stop"
        }
    }

    fn call_id(&self) -> String {
        format!("call-{}", self.id)
    }

    fn frame(&self, object: &str, choices: Value, usage: Value) -> Value {
        let mut frame = json!({
            "id": self.id, "object": object, "created": self.created, "model": self.model,
            "system_fingerprint": "fp_lab",
        });
        frame["choices"] = choices;
        frame["usage"] = usage;
        frame
    }
}

/// The answer to an embeddings request: eight numbers between -1 and 1 for each text.
pub fn embeddings(model: &str, input: &Input) -> Bytes {
    let data: Vec<_> = input
        .texts()
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector: Vec<f64> = (0..8_u8).map(|axis| coordinate(text, axis)).collect();
            json!({"object": "embedding", "index": index, "embedding": vector})
        })
        .collect();
    let tokens: u64 = input.texts().iter().map(|text| count(text)).sum();
    json!({"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})
        .to_string()
        .into()
}

fn coordinate(text: &str, axis: u8) -> f64 {
    let mut hasher = DefaultHasher::new();
    (text, axis).hash(&mut hasher);
    let [low, high, ..] = hasher.finish().to_le_bytes();
    f64::from(u16::from_le_bytes([low, high])) / 32_768.0 - 1.0
}

/// What a tool is called with, in pieces.
fn arguments(about: &str) -> Vec<String> {
    let letters: Vec<char> = json!({"about": about}).to_string().chars().collect();
    letters.chunks(PIECE).map(String::from_iter).collect()
}

fn event(frame: &Value) -> Bytes {
    format!("data: {frame}\n\n").into()
}

/// A token is about four bytes.
fn count(text: &str) -> u64 {
    text.len() as u64 / 4 + 1
}

fn usage(question: &Question, is_repeated: bool, words: usize, thoughts: usize) -> Value {
    let prompt: u64 = question.texts().map(count).sum();
    let hit = if is_repeated {
        prompt / CACHE_UNIT * CACHE_UNIT
    } else {
        0
    };
    let completion = (words + thoughts) as u64;
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": hit},
        "completion_tokens_details": {"reasoning_tokens": thoughts},
        "prompt_cache_hit_tokens": hit,
        "prompt_cache_miss_tokens": prompt - hit,
    })
}
