//! What a client may ask, read as strictly as the real API does.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;

use crate::failure::Failure;

/// The body of a chat request; fields that change nothing here are not read.
#[derive(Debug, Deserialize)]
pub struct Question {
    /// The model's name.
    pub model: String,
    messages: Vec<Message>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    thinking: Option<Thinking>,
    tools: Option<Vec<Tool>>,
}

/// The body of an embeddings request.
#[derive(Debug, Deserialize)]
pub struct Texts {
    /// The model's name.
    pub model: String,
    /// One text or several.
    pub input: Input,
}

/// The texts to embed.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
    reasoning_content: Option<String>,
    tool_calls: Option<Vec<IgnoredAny>>,
}

#[derive(Debug, Deserialize)]
struct Tool {
    function: Function,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
struct Part {
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Thinking {
    r#type: String,
}

/// Reads a body: no JSON is 400, JSON that is no such request 422, as the API has it.
pub fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => Failure::saying(
            422,
            &format!("Failed to deserialize the JSON body into the target type: {error}"),
        ),
        _ => Failure::saying(
            400,
            &format!("Failed to parse the request body as JSON: {error}"),
        ),
    })
}

impl Question {
    /// Refuses what the API refuses although it is well-formed.
    pub fn checked(self) -> Result<Self, Failure> {
        if !self.model.starts_with("deepseek-") {
            return Err(Failure::saying(400, "Model Not Exist"));
        }
        if self.messages.is_empty() {
            return Err(Failure::saying(422, "Empty input messages"));
        }
        let has_lost_its_thoughts = |message: &Message| {
            message
                .tool_calls
                .as_ref()
                .is_some_and(|calls| !calls.is_empty())
                && message.reasoning_content.is_none()
        };
        if self.wants_thinking() && self.messages.iter().any(has_lost_its_thoughts) {
            return Err(Failure::saying(
                400,
                "The `reasoning_content` in the thinking mode must be passed back to the API.",
            ));
        }
        Ok(self)
    }

    /// The tool that the model calls: the first one, as soon as a user speaks.
    pub fn tool(&self) -> Option<&str> {
        let is_users_turn = self.messages.last().is_some_and(|last| last.role == "user");
        let first = self.tools.as_ref()?.first().filter(|_| is_users_turn)?;
        Some(&first.function.name)
    }

    /// Whether the answer is to come as events.
    pub fn wants_stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    /// Whether the stream is to tell its usage.
    pub fn wants_usage(&self) -> bool {
        self.stream_options
            .as_ref()
            .and_then(|options| options.include_usage)
            .unwrap_or(false)
    }

    /// Whether the model thinks first, as it does unless told not to.
    pub fn wants_thinking(&self) -> bool {
        self.thinking
            .as_ref()
            .is_none_or(|thinking| thinking.r#type != "disabled")
    }

    /// The text of the user's last message.
    pub fn last_words(&self) -> String {
        let last = self
            .messages
            .iter()
            .rfind(|message| message.role == "user")
            .or(self.messages.last());
        last.map_or_else(String::new, |message| message.texts().collect())
    }

    /// All texts of the conversation.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.messages.iter().flat_map(Message::texts)
    }
}

impl Message {
    fn texts(&self) -> impl Iterator<Item = &str> {
        let (whole, parts) = match &self.content {
            Some(Content::Text(text)) => (Some(text.as_str()), &[][..]),
            Some(Content::Parts(parts)) => (None, parts.as_slice()),
            None => (None, &[][..]),
        };
        whole
            .into_iter()
            .chain(parts.iter().filter_map(|part| part.text.as_deref()))
    }
}

impl Input {
    /// The texts, however they came.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        }
    }
}
