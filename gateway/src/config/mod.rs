//! `gateway.toml`: read once, complete and valid afterwards.

mod field;
mod refusal;
mod settings;

pub use field::{BaseUrl, Label, Seconds};
pub use refusal::Refusal;
pub use settings::{Keys, Limits, Settings, Upstream};
