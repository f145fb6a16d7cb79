//! The simple chat for web and mobile clients: `{"messages":[…]}` in and out, and the caller's current conversation.

mod shelf;
mod store;
mod translate;

pub use store::Conversations;
pub use translate::{Odd, Question, answered, nothing_said, translate};
