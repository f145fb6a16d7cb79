//! What goes over the wire, without any I/O: headers, error bodies, event streams.

mod failure;
mod header;
mod speech;
mod sse;

pub use failure::Failure;
pub use header::{
    is_event_stream, is_plain_path, keep_end_to_end, usable_request_id, withhold_from_clients,
    withhold_from_upstream,
};
pub use speech::Speech;
pub use sse::Watch;
