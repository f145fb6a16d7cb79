//! What happened: counted and logged. Imports no room; the others hand it plain values.

mod ledger;
mod log;
mod metrics;

pub use ledger::{Ending, Exchange, Ledger};
pub use log::Log;
pub use metrics::Metrics;
