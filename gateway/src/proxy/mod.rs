//! A request's way through: up to the upstream, and its answer back.

mod heartbeat;
mod pass;
mod relay;
mod upload;

pub use heartbeat::{Heartbeat, Pauses};
pub use pass::{ascend, descend};
pub use relay::Relay;
pub use upload::Upload;
