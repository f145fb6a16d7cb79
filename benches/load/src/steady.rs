//! An open loop: requests leave at fixed moments, and one that has to wait for a slow answer counts its waiting.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::arguments::Task;
use crate::connection::Connection;
use crate::figures::Figures;

/// The threads need little; there may be hundreds.
const STACK: usize = 128 * 1024;

/// Asks and tells how it went.
pub(crate) fn run(task: &Task) -> anyhow::Result<String> {
    let start = Instant::now() + Duration::from_millis(100);
    let mut all = Figures::default();
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let mut threads = Vec::new();
        for place in 0..task.connections {
            let thread = std::thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, move || ask(task, place, start))
                .context("start a thread")?;
            threads.push(thread);
        }
        for thread in threads {
            all.add(thread.join().expect("no thread panics"));
        }
        Ok(())
    })?;
    // A server that cannot keep up answers the last requests late: its rate is that of the time it really took.
    Ok(all.json(start.elapsed()))
}

/// One connection's share: every n-th request, each at its moment.
#[allow(
    clippy::cast_precision_loss,
    reason = "request numbers are far below 2^52"
)]
fn ask(task: &Task, place: usize, start: Instant) -> Figures {
    let mut figures = Figures::default();
    let mut connection: Option<Connection> = task.target.connect().ok();
    let mut number = place as u64;
    loop {
        let due = Duration::from_secs_f64(number as f64 / task.rate);
        if due >= task.time || start.elapsed() > task.time * 2 {
            return figures;
        }
        let due = start + due;
        let bytes = task.question.bytes(number);
        number += task.connections as u64;
        let early = due.saturating_duration_since(Instant::now());
        std::thread::sleep(early);
        // Whoever slept starts when it woke up, since the sleep's inaccuracy is ours; whoever was kept waiting by the
        // last answer starts at the moment it was due.
        let begun = if early.is_zero() { due } else { Instant::now() };
        let mut exchange = || -> anyhow::Result<_> {
            let mut open = match connection.take() {
                Some(open) => open,
                None => task.target.connect().context("connect")?,
            };
            open.send(&bytes).context("send")?;
            let seen = open.answer()?;
            if !seen.closes {
                connection = Some(open);
            }
            Ok(seen)
        };
        match exchange() {
            Ok(seen) => figures.answered(seen.status, seen.first - begun, seen.end - begun),
            Err(error) => figures.failed(&error),
        }
    }
}
