//! `gateway.toml`: read once, complete and valid afterwards.

mod field;
mod refusal;
mod settings;
mod upstream;

pub use field::{BaseUrl, Label, Seconds};
pub use refusal::Refusal;
pub use settings::{Keys, Limits, Settings, Upstream};
pub use upstream::{Provider, Providers, Retry};
