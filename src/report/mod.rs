//! PURE: what was read of a line's time span -> one account of it, for people (Markdown) and for scripts.

mod account;
mod markdown;
mod story;
mod tally;

pub use account::{Account, Event, Excerpt, Material, NodeNow, Span, Summary, Unread, Window};
pub use markdown::markdown;
pub use story::{brought, told};
pub use tally::Tally;
