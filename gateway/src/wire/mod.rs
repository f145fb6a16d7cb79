//! What goes over the wire, without any I/O: headers, error bodies, event streams, JSON that keeps its bytes.

mod cors;
mod failure;
mod header;
mod json;
mod lines;
mod scan;
mod speech;
mod sse;
mod text;
mod tree;
mod usage;

pub use cors::CorsRules;
pub use failure::Failure;
pub use header::{
    is_event_stream, is_plain_path, keep_end_to_end, usable_request_id, withhold_from_clients,
    withhold_from_upstream,
};
pub use json::{Malformed, Outline, View};
pub use lines::{Lines, Part, field};
pub use scan::Kind;
pub use speech::Speech;
pub use sse::Watch;
pub use text::{pieces, quote, unescape};
pub use tree::Tree;
pub use usage::{UsedTokens, used_tokens};
