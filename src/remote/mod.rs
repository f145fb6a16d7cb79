//! A node over SSH, one session per host: who it is, what it says of itself, its releases, its gateway.

mod archive;
mod blocked;
mod boot;
mod command;
mod delivery;
mod door;
mod exchange;
mod gateway;
mod jump;
mod lease;
mod login;
mod openssh;
mod push;
mod push_failure;
mod report;
mod revoked;
mod session;
mod socket;
mod ssh_config;

pub use blocked::Blocked;
pub use boot::{await_boot, install_lasting_key};
pub use command::Command;
pub use door::{Door, Target};
pub use gateway::{drain, gateway_status, undrain};
pub use lease::{read_lease, swap_lease};
pub use openssh::{known_hosts_line, openssh_command};
pub use push::{Pushed, push};
pub use push_failure::PushFailure;
pub use report::report;
pub use revoked::revoke;
pub use session::{Output, Session};
