//! A request's way through: up to the upstream, and its answer back.

mod pass;
mod relay;
mod upload;

pub use pass::{ascend, descend};
pub use relay::Relay;
pub use upload::Upload;
