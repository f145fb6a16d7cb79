//! Answers to repeated questions: what counts as the same question, which answers are worth keeping, and where they are kept.

mod answer;
mod count;
mod entry;
mod far;
mod gather;
mod key;
mod link;
mod policy;
#[cfg(test)]
mod properties;
mod question;
mod seen;
mod setup;
mod skip;
mod spread;
mod store;

pub use answer::{Expected, Observer, Verdict};
pub use count::{Breaker, Counts};
pub use entry::{Entry, Form, Need, Tokens, Unreadable};
pub use key::{Key, LOOSE_WARNING, Scope};
pub use policy::Policy;
pub use question::{BadQuestion, Edit, Endpoint, Question};
pub use setup::{RedisPlace, RedisSetup, Setup};
pub use skip::Skip;
pub use store::{Hit, Level, Store};
