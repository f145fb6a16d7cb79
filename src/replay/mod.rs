//! A recorded load against a policy: second by second, with a score and a picture; nothing is launched.

mod course;
mod log;
mod machine;
mod picture;
mod score;
#[cfg(test)]
mod shapes;
mod trace;

pub use course::{Course, Second, Setting, run};
pub use log::{Verdict, read_log, verdicts, write_log};
pub use machine::Machine;
pub use picture::{Drawn, picture};
pub use score::Score;
pub use trace::{Arrival, Trace, TraceError};
