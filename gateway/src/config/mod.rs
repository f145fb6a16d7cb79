//! `gateway.toml`: read once, complete and valid afterwards.

mod cache;
mod field;
mod listen;
mod overrides;
mod refusal;
mod sections;
mod settings;

pub use cache::{Cache, Matching, Merge, Millis, RedisPlace};
pub use field::{BaseUrl, Label, Seconds};
pub use listen::Listen;
pub use overrides::{BadVariable, Overrides};
pub use refusal::Refusal;
pub use sections::{Audit, Conversation, Cors, Origin};
pub use settings::{Keys, Limits, Settings, Upstream};
