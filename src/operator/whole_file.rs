//! Writes a file whole or not at all: a full disk or a crash leaves no half of one under its name.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::line::Hint as _;

/// Writes beside the file, has the disk confirm it, and gives it its name; `mode` is the new file's.
pub fn write_whole(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    let draft = draft_of(path);
    let written = write(&draft, content, mode).and_then(|()| fs::rename(&draft, path));
    written
        .inspect_err(|_| {
            // What there was no room for takes none either; a draft that was never made is no fault.
            let _ = fs::remove_file(&draft);
        })
        .with_context(|| format!("cannot write {}; nothing of it is left", path.display()))
        .hint(format!(
            "see whether the disk has room (`df -h {}`) and the folder is yours, then repeat the command",
            folder_of(path).display()
        ))
}

fn write(draft: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(draft)?;
    file.write_all(content)?;
    file.sync_all()
}

fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_replaced_whole_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dsline.toml");
        write_whole(&path, b"one", 0o644).unwrap();
        write_whole(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_and_says_where() {
        let folder = tempfile::tempdir().unwrap();
        // A folder in the file's place: the draft is written and cannot take its name.
        let path = folder.path().join("taken");
        fs::create_dir_all(path.join("inside")).unwrap();
        let error = write_whole(&path, b"one", 0o644).unwrap_err();
        assert!(error.to_string().starts_with("cannot write /"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
