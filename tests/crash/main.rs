//! The crash matrix: `dsline` is killed, or loses an answer, at every request and every command on a node; then it must
//! bring the same line about when it is run again, and leave nothing behind.
//!
//! Positions are not written down: an undisturbed run is recorded, and each of its requests is one. `cargo test` takes
//! one of each command, `-- --include-ignored` all; `DSLINE_CRASH='up ec2 us-east-1 RunInstances 1 after'` is one alone (several between commas),
//! on nodes with systemd and Docker if `DSLINE_CRASH_NODES=full`. `DSLINE_CRASH_WORKERS=6` has more of them at work,
//! `DSLINE_CRASH_DONE=LOG` goes on where an earlier log ends.
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

use std::sync::{Mutex, PoisonError};

use matrix::{Choice, Matrix, try_one_of_each};
use support::variable;
use worker::Worker;

/// Workers have ports and addresses by their number, so there is one matrix at a time.
static STAGE: Mutex<()> = Mutex::new(());

/// `DSLINE_CRASH` names others.
#[test]
fn one_crash_of_each_command_converges() {
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(named) = variable("DSLINE_CRASH") else {
        return try_one_of_each();
    };
    let kind = match variable("DSLINE_CRASH_NODES").as_deref() {
        Some("full") => "full",
        _ => "slim",
    };
    Matrix::record(kind).run(&Choice::Named(named));
}

/// A command that died may have launched where no check is yet; if its regions are given up then, nothing names them.
#[test]
#[ignore = "long: tests/run.sh --full"]
fn what_a_crash_left_in_a_region_that_was_given_up_is_found() {
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut worker = Worker::start(0, "slim");
    worker.begin();
    let strike = "ec2 eu-west-1 RunInstances 1 after".parse().unwrap();
    let struck = worker.run_into("up --yes --regions us-east-1,eu-west-1", &strike);
    assert!(struck.was_reached, "{}", struck.output);
    worker.run("up --yes --regions us-east-1").exits(0);
    worker.run("plan --regions us-east-1").exits(0);
    let left = worker.landlord.account().shape();
    let elsewhere: Vec<&String> = left
        .iter()
        .filter(|line| line.contains("eu-west-1"))
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    worker.run("teardown --yes").exits(0);
    assert_eq!(worker.landlord.account().leftovers().len(), 0);
}

#[test]
#[ignore = "takes half an hour; `tests/run.sh --full crash` runs it"]
fn every_crash_converges() {
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    Matrix::record("slim").run(&Choice::All);
}

#[test]
#[ignore = "boots a node with systemd and Docker for each position; `tests/run.sh --full crash` runs it"]
fn every_crash_during_a_push_to_a_real_node_converges() {
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    Matrix::record("full").run(&Choice::OnNodesIn("us-east-1"));
}
