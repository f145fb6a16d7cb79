//! How many nodes a region should have: policies as pure functions of load, fleet, limits and time, and why.

mod band;
mod bounds;
mod decision;
mod fixed;
mod hpa;
mod load;
mod policy;
mod pool;
#[cfg(test)]
mod properties;
mod settings;
mod threshold;
mod wish;

pub use band::Band;
pub use bounds::{Elsewhere, Limits};
pub use decision::{Decision, Inputs, decide};
pub use fixed::Fixed;
pub use hpa::Hpa;
pub use load::{History, Sample};
pub use policy::Policy;
pub use pool::{Change, Pool};
pub use threshold::{Threshold, schedule_resources};
pub use wish::Wish;
