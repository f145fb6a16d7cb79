//! Who may ask.

mod auth;

pub use auth::{BadKeyLine, KeyRing};
