//! What `dsline` says and answers where it needs no account, above all to bad input.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the other test program uses the rest"
)]
mod support;

mod account;
mod bench;
mod disk;
mod dns;
mod doctor;
mod failover;
mod help;
mod init;
mod machine;
mod masking;
mod profile;
mod render;
mod replay;
mod report;
mod schema;
mod secrets;
mod token;

use support::Lab;

/// A port that nothing listens on: RFC 863's, which no Linux serves by itself.
const NOWHERE: &str = "http://127.0.0.1:9";

/// An operator with all that a line needs but an account that answers.
fn offline() -> Lab {
    Lab::at(NOWHERE)
}
