//! The fault wall: upstreams that fail in every way known, and what the room of upstreams makes of each.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod begun;
mod health;
mod overhead;
mod scenarios;
mod stage;
