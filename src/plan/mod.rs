//! The plan: a pure function of profile, observation and time to an ordered set of typed steps with reasons.

mod answers;
mod back;
mod bill;
mod certificate;
mod context;
#[cfg(test)]
mod disorder;
mod files;
mod fleet;
mod groups;
mod memory;
mod network;
mod out_of_service;
#[cfg(test)]
mod own_machines;
#[cfg(test)]
mod pitfalls;
#[cfg(test)]
mod properties;
mod records;
mod refusal;
mod retire;
mod roll;
mod roster;
mod safety;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod simulation;
mod step;
mod teardown;
mod up;

pub use answers::{ReadyNode, answers};
pub use back::{Going, back, back_again};
pub use bill::within_budget;
pub use certificate::key_of;
pub use context::{Context, Wanted};
pub use files::release_of;
pub use fleet::regions_to_launch_in;
pub use out_of_service::{OutOfService, out_of_service};
pub use refusal::Refusal;
pub use roll::{only_push, roll};
pub use roster::Roster;
pub use safety::refuse_unsafe;
pub use step::{Action, At, LaunchOrder, Plan, PlannedNode, Serving, Step, StepId, Trouble};
pub use teardown::teardown;
pub use up::up;
