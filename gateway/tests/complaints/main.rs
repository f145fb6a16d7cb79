//! What users of LLM gateways complain about, one test for each row: the real program between raw clients and scripted
//! upstreams. The name of a test is its row's symptom.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod cache;
mod client;
mod health;
mod redis_server;
mod safety;
mod stage;
mod stream;
mod upstream;
