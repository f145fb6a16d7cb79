//! What people and scripts see; the only room that prints.

mod applied;
mod delegation;
mod explanation;
mod failover;
mod failure;
mod plan;
mod printer;
mod progress;
mod prompt;
mod receipt;
mod status;

pub use applied::{Endings, applied};
pub use delegation::{Delegation, delegation};
pub use explanation::{Explanation, PathStep, explanation};
pub use failover::{DnsMove, Failover, Flights, Move, Turn, failover};
pub use failure::failure;
pub use plan::{plan, troubles};
pub use printer::Printer;
pub use progress::show_progress;
pub use prompt::{confirm, prompt_choice, prompt_many, prompt_text};
pub use receipt::receipt;
pub use status::{DnsAnswer, NodeLine, StatusReport, status};
