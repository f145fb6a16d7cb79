//! All rooms together: many clients of one answer, a Redis in trouble, a change under load, odd requests.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should say where, and what was measured is worth a look"
)]

mod change;
mod crowd;
mod play;
mod redis;
#[path = "../cache/redis_server.rs"]
#[allow(dead_code, reason = "other tests do more with it")]
mod redis_server;
mod shapes;
mod silence;
#[path = "../live/stage.rs"]
#[allow(dead_code, reason = "other tests do more with it")]
mod stage;
