//! Stories on the running lab: what `dsline` does to an account, and what the account does to it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the other test program uses the rest"
)]
mod support;

mod answers;
mod authority;
mod certificates;
mod change;
mod chaos;
mod cloud;
mod credentials;
mod dark;
mod disturbance;
mod doctor;
mod doors;
mod failover;
mod faults_account;
mod faults_launch;
mod faults_node;
mod foreign;
mod http;
mod hub;
mod life;
mod lock;
mod means;
mod million;
mod node;
mod ownership;
mod page;
mod reconcile;
mod releases;
mod report;
mod signals;
mod stops;
mod storm;
mod story;
mod together;
mod traffic;
mod trail;
mod users;
mod zones;
