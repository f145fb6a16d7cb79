//! What happened: counted, logged, and written into the audit trail. Imports no room; the others hand it plain values.

mod audit;
mod facts;
mod families;
mod ledger;
mod log;
mod metrics;
mod process;
mod run;
mod scene;
mod spool;
mod window;

pub use audit::{Audit, AuditRules};
pub use facts::{Caller, Ending, Usage, Verdict};
pub use ledger::{Exchange, Ledger};
pub use log::Log;
pub use metrics::Metrics;
pub use scene::{Scene, UpstreamScene};
