//! The real program between a raw client and a scripted upstream, byte by byte.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod check;
mod life;
mod pass;
#[allow(dead_code, reason = "other tests do more with it")]
mod stage;
mod stream;
