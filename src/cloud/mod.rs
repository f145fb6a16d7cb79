//! AWS, one file per thing asked of it, with one type for what can go wrong.

mod account;
mod checks;
mod failure;
mod images;
mod instance;
mod instances;
mod limiter;
mod network;
mod record;
mod session;
mod wait;
mod zone;

pub use account::EnabledRegions;
pub use checks::CheckHealth;
pub use failure::{Failure, FailureKind};
pub use images::Image;
pub use instances::{Launch, is_burstable};
pub use session::Cloud;
pub use zone::{ChangeId, Zone};
