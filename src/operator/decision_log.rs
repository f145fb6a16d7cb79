//! The loop's log in the operator's state folder: one JSON document a line, one line a tick.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::line::LineName;

use super::environment::Environment;

/// A larger file makes room for a new one; the one before is kept.
const LARGEST: u64 = 16 << 20;
/// How much of a log's end is read: more than one tick of the largest line.
const TAIL: u64 = 1 << 20;

/// The log of one line.
#[derive(Clone, Debug)]
pub struct DecisionLog {
    path: PathBuf,
}

impl DecisionLog {
    /// Where a line's log lies.
    pub fn of(environment: &Environment, line: &LineName) -> Self {
        let name = format!("{line}.decisions.jsonl");
        Self {
            path: environment.state_folder().join(name),
        }
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line.
    pub fn append(&self, line: &str) -> Result<()> {
        self.write(line)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn write(&self, line: &str) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        if fs::metadata(&self.path).is_ok_and(|file| file.len() > LARGEST) {
            fs::rename(&self.path, self.before())?;
        }
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path)?;
        // In one piece: another loop may write too.
        file.write_all(format!("{line}\n").as_bytes())
    }

    /// Its last lines, from the file before when this one is empty; nothing when there is none that can be read.
    pub fn tail(&self) -> String {
        let read = |path: &Path| tail_of(path).unwrap_or_default();
        let text = read(&self.path);
        if text.is_empty() {
            read(&self.before())
        } else {
            text
        }
    }

    /// All its lines, those of the file before first; `None` if there is no log.
    pub fn whole(&self) -> std::io::Result<Option<String>> {
        let mut all = None;
        for path in [self.before(), self.path.clone()] {
            match fs::read(&path) {
                Ok(bytes) => {
                    let text: &mut String = all.get_or_insert_default();
                    text.push_str(&String::from_utf8_lossy(&bytes));
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    fn before(&self) -> PathBuf {
        self.path.with_extension("1.jsonl")
    }
}

fn tail_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn lines_are_added_and_a_large_file_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().display().to_string();
        let variables = HashMap::from([("HOME".to_owned(), home)]);
        let environment = Environment::new(variables, PathBuf::new(), None);
        let log = DecisionLog::of(&environment, &"home".parse().unwrap());
        assert_eq!(log.tail(), "");
        assert_eq!(log.whole().unwrap(), None);
        log.append("one").unwrap();
        log.append("two").unwrap();
        assert_eq!(log.tail(), "one\ntwo\n");
        let name = ".local/state/dsline/home.decisions.jsonl";
        assert_eq!(log.path(), folder.path().join(name));
        let file = OpenOptions::new().write(true).open(log.path()).unwrap();
        file.set_len(LARGEST + 1).unwrap();
        log.append("three").unwrap();
        assert_eq!(log.tail(), "three\n");
        let whole = log.whole().unwrap().unwrap();
        assert!(whole.starts_with("one\ntwo\n") && whole.ends_with("three\n"));
        fs::remove_file(log.path()).unwrap();
        assert_eq!(log.tail().len() as u64, TAIL);
    }
}
