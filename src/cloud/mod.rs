//! AWS, one file per thing asked of it, with one type for what can go wrong.

mod account;
mod changes;
mod checks;
mod choice;
mod clock;
mod credits;
mod failure;
mod images;
mod instance;
mod instances;
mod launch;
mod limiter;
mod network;
mod power;
mod quota;
mod record;
mod request;
mod rule;
mod sdk_error;
mod session;
mod wait;
mod zone;

pub use account::EnabledRegions;
pub use changes::ChangeId;
pub use checks::CheckHealth;
pub use failure::{Failure, FailureKind};
pub use images::Image;
pub use launch::Launch;
pub use quota::Quota;
pub use request::is_burstable;
pub use session::Cloud;
pub use zone::Zone;
