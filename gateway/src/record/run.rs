//! Which start of the node's gateway a record is of.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Counts the processes that wrote to this folder, so that the trail of a whole process cannot be gone unnoticed.
///
/// 0 where it cannot be counted; then no record can be written either.
pub(super) fn next_run(folder: &Path) -> u64 {
    let count = || -> io::Result<u64> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .open(folder.join("runs"))?;
        // Another process may start at the same time.
        file.lock()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let run = text.trim().parse::<u64>().unwrap_or(0) + 1;
        file.rewind()?;
        file.write_all(format!("{run}\n").as_bytes())?;
        file.sync_data()?;
        Ok(run)
    };
    count().unwrap_or(0)
}

/// Host, program and process: the time of the start, so that numbers that begin anew are not taken for gaps.
pub(super) fn head(node: &str) -> String {
    let started = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_millis());
    format!("{node} dsline-gateway {started}")
}
