//! The API behind: how it is reached, and what can go wrong on the way.

mod call;
mod connect;
mod name;
mod outcome;
mod tls;

pub use call::{Target, Upstream};
pub use outcome::{Fault, TooLarge};
pub use tls::trust;
