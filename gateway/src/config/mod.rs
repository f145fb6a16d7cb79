//! `gateway.toml`: read once, complete and valid afterwards.

mod auth;
mod cache;
mod field;
mod listen;
mod overrides;
mod quota;
mod refusal;
mod sections;
mod settings;
mod upstream;

pub use auth::{AddressHeader, Algorithm, AllowList, Auth, Cidr, JwksUrl, Jwt, Names};
pub use cache::{Cache, Matching, Merge, Millis, RedisPlace};
pub use field::{BaseUrl, Label, Seconds};
pub use listen::Listen;
pub use overrides::{BadVariable, Overrides};
pub use quota::{Permits, Quota};
pub use refusal::Refusal;
pub use sections::{Audit, Conversation, Cors, Keys, Limits, Origin, Streams};
pub use settings::Settings;
pub use upstream::{Provider, Providers, Retry};
