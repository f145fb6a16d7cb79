//! The node's own rules of logrotate, day by day on a faked clock: the 31st file goes, and nothing else does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const RULES: &str = include_str!("../../../templates/node/logrotate.conf.j2");

/// Whether a program is here.
pub(crate) fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// The node's rules for the trail in a folder, with the 30 days of the default profile.
pub(crate) fn configure(folder: &Path) {
    let here = folder.display().to_string();
    let rules = RULES
        .replace("{{ keep_days }}", "30")
        .replace("/var/log/deepseek", &here)
        .replace(
            "/usr/lib/rsyslog/rsyslog-rotate",
            &format!("[ ! -e {here}/pid ] || kill -HUP $(cat {here}/pid)"),
        );
    assert!(!rules.contains("{{"), "{rules}");
    let file = folder.join("logrotate.conf");
    fs::write(&file, rules).unwrap();
    // It reads nothing that others may write.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
}

/// Runs logrotate as on the given day after 2026-11-01.
pub(crate) fn rotate(folder: &Path, day: u32) {
    let time = format!("2026-{:02}-{:02} 00:00:30", 11 + day / 28, 1 + day % 28);
    let output = Command::new("faketime")
        .args([time.as_str(), "logrotate", "--state"])
        .args([folder.join("state"), folder.join("logrotate.conf")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{time}: {said}");
}

/// Rotated files, oldest first.
pub(crate) fn rotated(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().contains("api_audit.log-"));
    files.sort();
    files
}

/// A file's text, compressed or not.
pub(crate) fn text(file: &Path) -> Vec<u8> {
    let output = Command::new("gzip").args(["-dcf"]).arg(file).output();
    output.unwrap().stdout
}

#[test]
fn thirty_days_are_kept_and_the_day_before_them_goes() {
    if !has("logrotate") || !has("faketime") {
        eprintln!("skipped: there is no logrotate, or no faketime, here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path());
    let live = folder.path().join("api_audit.log");
    // The first look at a file only notes the day.
    fs::write(&live, "day 0\n").unwrap();
    fs::set_permissions(&live, fs::Permissions::from_mode(0o640)).unwrap();
    rotate(folder.path(), 0);
    for day in 1..=40 {
        fs::write(&live, format!("day {day}\n")).unwrap();
        rotate(folder.path(), day);
        // A second look at the same day changes nothing.
        rotate(folder.path(), day);
    }
    let files = rotated(folder.path());
    let days: Vec<String> = files
        .iter()
        .map(|file| String::from_utf8(text(file)).unwrap())
        .collect();
    let expected: Vec<String> = (11..=40).map(|day| format!("day {day}\n")).collect();
    assert_eq!(days, expected);
    let is_packed = |file: &&PathBuf| file.to_string_lossy().ends_with(".gz");
    assert_eq!(files.iter().filter(is_packed).count(), 29);
    for file in files.iter().chain([&live]) {
        let mode = fs::metadata(file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o640, "{}", file.display());
    }
}
