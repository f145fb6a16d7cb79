//! The files between the gateway and the node's syslog: appended to, followed by the next, taken away once read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::audit::{AuditRules, Counts};

/// What the reader's pattern ends in.
const ENDING: &str = ".spool";

/// A file that was read this long ago is not read again.
const REST: u64 = 60;

/// The writing side; one process appends to one file, which no other process has.
pub(super) struct Spool {
    rules: AuditRules,
    counts: Arc<Counts>,
    /// Milliseconds of the start in the files' names: their order is their age, over restarts too.
    started: u128,
    files: u64,
    current: Option<Current>,
    tidied: Instant,
}

struct Current {
    file: File,
    path: PathBuf,
    length: u64,
}

/// A file of the spool that may be taken away.
struct Old {
    path: PathBuf,
    length: u64,
    is_read: bool,
    /// When it was last read.
    read: (i64, i64),
    is_resting: bool,
}

impl Spool {
    /// Opens nothing yet.
    pub(super) fn new(rules: AuditRules, counts: Arc<Counts>) -> Self {
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_millis());
        Self {
            rules,
            counts,
            started,
            files: 0,
            current: None,
            tidied: Instant::now(),
        }
    }

    /// Appends whole lines, or nothing at all.
    pub(super) fn write(&mut self, lines: &[u8], tidy: Duration) -> io::Result<()> {
        if self.tidied.elapsed() > tidy {
            self.tidy();
        }
        if lines.is_empty() {
            return Ok(());
        }
        let is_full = |current: &Current| current.length >= self.rules.file_bytes;
        if self.current.as_ref().is_none_or(is_full) {
            self.current = None;
            self.current = Some(self.next_file()?);
            self.tidy();
        }
        let current = self.current.as_mut().expect("one was just opened");
        match current.file.write_all(lines) {
            Ok(()) => {
                current.length += lines.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half a line would spoil the one that follows it.
                let _ = current.file.set_len(current.length);
                Err(error)
            }
        }
    }

    fn next_file(&mut self) -> io::Result<Current> {
        self.files += 1;
        let (file, path) = loop {
            let name = format!("audit-{:013}-{:06}{ENDING}", self.started, self.files);
            let path = self.rules.folder.join(name);
            let mut options = OpenOptions::new();
            match options
                .append(true)
                .create_new(true)
                .mode(0o640)
                .open(&path)
            {
                Ok(file) => break (file, path),
                // Another process began in the same millisecond; whatever comes later has a later name.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.started += 1,
                Err(error) => return Err(error),
            }
        };
        // Shows a process that starts beside this one, at a restart, that this file is still being written.
        file.lock()?;
        Ok(Current {
            file,
            path,
            length: 0,
        })
    }

    /// Takes away what was read; beyond the limit, the oldest, read or not.
    fn tidy(&mut self) {
        self.tidied = Instant::now();
        let mut old = self.old_files();
        old.sort_by(|a, b| a.path.cmp(&b.path));
        let mut total: u64 =
            old.iter().map(|file| file.length).sum::<u64>() + self.rules.file_bytes;
        let latest = self.latest_read(&old);
        for file in old {
            // A reader that is held up in the middle of a file has read no other since: that file is not done with.
            let is_through = file.is_read && file.read < latest;
            let is_done = is_through && file.is_resting;
            if !is_done && total <= self.rules.all_bytes {
                continue;
            }
            if !is_through {
                let text = fs::read(&file.path).unwrap_or_default();
                let lost = text.split(|byte| *byte == b'\n').count() - 1;
                self.counts
                    .dropped
                    .fetch_add(lost as u64, Ordering::Relaxed);
            }
            if fs::remove_file(&file.path).is_ok() {
                total -= file.length;
            }
        }
        let current = self.current.as_ref().map_or(0, |current| current.length);
        let bytes = (total - self.rules.file_bytes).saturating_add(current);
        self.counts
            .bytes
            .store(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// When any file was last read, the one that is being written too.
    fn latest_read(&self, old: &[Old]) -> (i64, i64) {
        let current = self.current.as_ref();
        let facts = current.and_then(|current| current.file.metadata().ok());
        let current = facts
            .filter(|facts| facts.accessed().ok() > facts.created().ok())
            .map(|facts| (facts.atime(), facts.atime_nsec()));
        let read = old.iter().filter(|file| file.is_read).map(|file| file.read);
        read.chain(current).max().unwrap_or_default()
    }

    /// The files of the spool that nobody writes.
    fn old_files(&self) -> Vec<Old> {
        let own = self.current.as_ref().map(|current| &current.path);
        let entries = fs::read_dir(&self.rules.folder).into_iter().flatten();
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let is_ours =
            |path: &PathBuf| path.to_string_lossy().ends_with(ENDING) && Some(path) != own;
        paths.filter(is_ours).filter_map(look_at).collect()
    }
}

/// `None` for a file that is being written, or gone.
fn look_at(path: PathBuf) -> Option<Old> {
    let file = File::open(&path).ok()?;
    file.try_lock().ok()?;
    let facts = file.metadata().ok()?;
    let age = facts
        .modified()
        .ok()?
        .elapsed()
        .unwrap_or_default()
        .as_secs();
    Some(Old {
        path,
        length: facts.len(),
        is_read: was_read(&facts),
        read: (facts.atime(), facts.atime_nsec()),
        is_resting: age > REST,
    })
}

/// With `relatime`, the default, the first read after the last write moves the time of access past that of change.
fn was_read(facts: &fs::Metadata) -> bool {
    let changed = (facts.mtime(), facts.mtime_nsec());
    (facts.atime(), facts.atime_nsec()) > changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool(folder: &std::path::Path, all_bytes: u64) -> (Spool, Arc<Counts>) {
        let counts = Arc::<Counts>::default();
        let rules = AuditRules {
            folder: folder.into(),
            node: "n".into(),
            file_bytes: 100,
            all_bytes,
            prompts: false,
        };
        (Spool::new(rules, Arc::clone(&counts)), counts)
    }

    fn files(folder: &std::path::Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn nobody_reading_costs_the_oldest_records_and_they_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, counts) = spool(folder.path(), 1_000);
        for _ in 0..40 {
            spool.write(&[b'\n'; 100], Duration::MAX).unwrap();
        }
        assert!(files(folder.path()) <= 10, "{}", files(folder.path()));
        let kept = files(folder.path()) as u64 * 100;
        assert_eq!(counts.dropped.load(Ordering::Relaxed) + kept, 4_000);
    }

    #[test]
    fn what_was_read_is_taken_away_after_a_while_and_not_counted() {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, counts) = spool(folder.path(), 1_000_000);
        for _ in 0..5 {
            spool.write(&[b'\n'; 100], Duration::MAX).unwrap();
        }
        let long_ago = SystemTime::now() - Duration::from_secs(2 * REST);
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        names.sort();
        // The first was never read, the reader is held up in the fourth, the fifth is being written.
        for (number, name) in names[..4].iter().enumerate() {
            let read = long_ago + Duration::from_secs(number as u64);
            let times = fs::FileTimes::new().set_modified(long_ago);
            let file = File::open(name).unwrap();
            file.set_times(times.set_accessed(read)).unwrap();
        }
        spool.tidy();
        let left: Vec<bool> = names.iter().map(|name| name.exists()).collect();
        assert_eq!(left, [true, false, false, true, true]);
        assert_eq!(counts.dropped.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_file_that_another_process_writes_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (mut old, _) = spool(folder.path(), 0);
        old.write(b"x\n", Duration::MAX).unwrap();
        let (mut new, counts) = spool(folder.path(), 0);
        new.started += 1;
        new.write(b"y\n", Duration::MAX).unwrap();
        new.tidy();
        assert_eq!(
            (files(folder.path()), counts.dropped.load(Ordering::Relaxed)),
            (2, 0)
        );
    }
}
