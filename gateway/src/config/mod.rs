//! `gateway.toml`: read once, complete and valid afterwards.

mod auth;
mod field;
mod quota;
mod refusal;
mod settings;

pub use auth::{AddressHeader, Algorithm, AllowList, Auth, Cidr, Jwt, JwksUrl, Names};
pub use field::{BaseUrl, Label, Seconds};
pub use quota::{Permits, Quota};
pub use refusal::Refusal;
pub use settings::{Keys, Limits, Settings, Upstream};
