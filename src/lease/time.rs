//! A clock that nobody sets and that goes on while the machine sleeps.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A holder whose laptop slept must know that its time is over; Linux's monotonic clock would not tell.
#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

/// Time since the machine was started.
pub(super) fn uptime() -> Duration {
    clock_gettime(CLOCK)
        .try_into()
        .expect("a machine was not started in the future")
}
