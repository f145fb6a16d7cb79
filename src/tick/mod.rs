//! PURE: what one tick of the loop makes of what it saw: whether it may act, how many nodes load asks for, and its record.

mod demand;
mod memory;
mod record;
mod sight;
mod verdict;

pub use memory::Memory;
pub use record::{Ending, Record, StepRecord};
pub use sight::{Held, may_act};
pub use verdict::{Scene, Verdict, judge};
