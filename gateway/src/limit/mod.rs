//! Limits in front of work: how much each key, each address and this node may ask, and a fair queue to the upstream.

mod account;
mod allowance;
mod estimate;
mod limiter;
mod permit;
#[cfg(test)]
mod properties;
mod rate;
mod refusal;
mod shelves;
mod window;

pub use allowance::Allowance;
pub use estimate::tokens;
pub use limiter::{AccountId, Demand, Figures, Limiter, Ticket};
pub use permit::{Permit, Turnstile};
pub use refusal::{Refusal, Whose};
