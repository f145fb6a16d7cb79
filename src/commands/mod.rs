//! One file per subcommand: its arguments and its story; gathers values, calls the rooms below, prints.

pub mod cert;
pub mod completions;
pub mod connect;
pub mod dns;
pub mod exec;
pub mod failover;
pub mod init;
pub mod plan;
pub mod render;
pub mod ssh;
pub mod status;
pub mod teardown;
pub mod token;
pub mod up;

mod answers;
mod consent;
mod dns_check;
mod dns_explain;
mod failover_dns;
mod failover_drill;
mod failover_site;
mod failover_turn;
mod global;
mod lock;
mod outcome;
mod setup;

pub use global::{Global, LineArgs};
pub use lock::LockArgs;
pub use outcome::Outcome;
