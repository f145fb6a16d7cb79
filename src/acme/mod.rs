//! Orders of certificates at a public authority, by ACME (RFC 8555).

mod order;

pub use order::{Directory, Order};
