//! Streams that are opened one after another and then all kept, so that somebody can look how much they weigh.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::arguments::Task;

/// Sent so many at a time: a listener's queue is finite.
const WAVE: usize = 50;

/// Opens, holds and tells how many were open at the end.
pub(crate) fn run(task: &Task) -> anyhow::Result<String> {
    let begun = Instant::now();
    let mut open = Vec::with_capacity(task.connections);
    let mut refused = 0_usize;
    while open.len() + refused < task.connections {
        let wave = WAVE.min(task.connections - open.len() - refused);
        let mut asked = Vec::with_capacity(wave);
        for place in 0..wave {
            let mut connection = task.target.connect().context("connect")?;
            connection.send(&task.question.bytes((open.len() + refused + place) as u64))?;
            asked.push(connection);
        }
        for mut connection in asked {
            if connection.begin().is_ok_and(|status| status == 200) {
                connection.hurry()?;
                open.push(connection);
            } else {
                refused += 1;
            }
        }
        open.retain_mut(|connection| connection.drain());
    }
    let opened = open.len();
    let _ = writeln!(
        std::io::stderr(),
        "held {opened} after {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    let end = Instant::now() + task.time;
    while Instant::now() < end {
        open.retain_mut(|connection| connection.drain());
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(format!(
        "{{\"opened\": {opened}, \"refused\": {refused}, \"open_at_end\": {}}}",
        open.len()
    ))
}
