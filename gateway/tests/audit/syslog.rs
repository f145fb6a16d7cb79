//! The real rsyslogd with the node's own rules, in a folder of the test's.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

/// What dsline's own tests hold equal to what it renders.
const NODE: &str = include_str!("../../../src/render/snapshots/node-default.snap");
/// Where the file with the rules begins in it.
const TITLE: &str = "==> rsyslog/dsline.conf (0644 root:root) <==\n";

/// The node's rules, with every path turned to a folder of the test's.
pub(crate) fn configure(folder: &Path) {
    let here = folder.display().to_string();
    let (_, rules) = NODE.split_once(TITLE).unwrap();
    let rules = rules.split("\n==> ").next().unwrap();
    let rules = rules
        .replace("/var/lib/dsline", &here)
        .replace("/var/log/deepseek", &here)
        .replace("/var/spool/rsyslog", &format!("{here}/work"));
    let head = format!("global(workDirectory=\"{here}/work\")\n");
    fs::create_dir_all(folder.join("work")).unwrap();
    fs::create_dir_all(folder.join("spool")).unwrap();
    fs::write(folder.join("rsyslog.conf"), head + &rules).unwrap();
}

/// Starts it, and waits until it has taken its rules in: before that it would die of a signal instead of ending in order.
pub(crate) fn start(folder: &Path) -> Child {
    let file = |name: &str| folder.join(name).display().to_string();
    let rsyslog = Command::new("rsyslogd")
        .args(["-n", "-i", &file("pid"), "-f", &file("rsyslog.conf")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    let id = rsyslog.id().to_string();
    let is_up = || fs::read_to_string(file("pid")).is_ok_and(|text| text.trim() == id);
    while !is_up() {
        assert!(Instant::now() < deadline, "rsyslogd does not start");
        park_timeout(Duration::from_millis(10));
    }
    rsyslog
}

pub(crate) fn stop(mut rsyslog: Child) {
    let id = rsyslog.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    rsyslog.wait().unwrap();
}
