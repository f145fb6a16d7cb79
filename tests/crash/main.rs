//! The crash matrix: `dsline` is killed, or loses an answer, at every request and every command on a node; then it must
//! bring the same line about when it is run again, and leave nothing behind.
//!
//! Positions are not written down: an undisturbed run is recorded, and each of its requests is one. `cargo test` takes a
//! fixed sample, `-- --include-ignored` all; `DSLINE_CRASH='up ec2 us-east-1 RunInstances 1 after'` is one alone.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the other test programs use the rest"
)]
mod support;

#[path = "../lab/http.rs"]
mod http;

mod account;
mod chapter;
mod landlord;
mod matrix;
mod position;
mod round;
mod worker;

use matrix::{Choice, Matrix};
use support::variable;

/// Rounds of the sample; each one disturbs every command once.
const SAMPLE: usize = 8;
/// Where the sample's shuffle begins: the same positions each time.
const SEED: u64 = 20_261_123;

#[test]
fn a_sample_of_crashes_converges() {
    let choice = match variable("DSLINE_CRASH") {
        Some(one) => Choice::One(one),
        None => Choice::Sample(SAMPLE, SEED),
    };
    Matrix::record("slim").run(&choice);
}

#[test]
#[ignore = "takes half an hour; `tests/run.sh --full crash` runs it"]
fn every_crash_converges() {
    Matrix::record("slim").run(&Choice::All);
}

#[test]
#[ignore = "boots a node with systemd and Docker for each position; `tests/run.sh --full crash` runs it"]
fn every_crash_during_a_push_to_a_real_node_converges() {
    Matrix::record("full").run(&Choice::OnNodes);
}
