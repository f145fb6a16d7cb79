//! Merging seen from outside: many clients, one call, and nobody pays for another one's pace or leaving.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails by panicking"
)]

mod bounds;
mod share;
mod speed;
mod stage;
mod storm;
