//! Bodies on their way: a client's up, an answer's down.

mod delivery;
mod heartbeat;
mod upload;

pub use delivery::{Delivery, usage};
pub use heartbeat::{BEAT, Heartbeat, Pauses};
pub use upload::Upload;
