//! The whole way of a node's records: the gateway as a process, rsyslogd restarted, files rotated, and nothing is lost.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::load;
use super::rotation::{self, has, rotate, rotated, text};
use super::syslog;

const KEY: &str = "sk-client-canary";
const HASH: &str = "34de9fdf8eaff8f9251a5c80f2f06602f9e846b49e551b830ac3c4a82050552d";

/// Connections that ask at the same time.
const CALLERS: usize = 4;

struct Gateway {
    process: Child,
    clients: SocketAddr,
    operator: SocketAddr,
}

impl Gateway {
    fn start(folder: &Path, upstream: SocketAddr) -> Self {
        let place = folder.display();
        let settings = format!(
            "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nnode = \"eu-west-1/1\"\nline = \"test\"\nstop_seconds = 5\n\
             [[upstream]]\nname = \"u\"\nbase_url = \"http://{upstream}\"\nkey_file = \"{place}/upstream_key\"\n\
             [keys]\nfile = \"{place}/client_keys\"\n[audit]\nfolder = \"{place}/spool\"\n\
             [quota]\nrequests_per_minute = 1000000000\naddress_requests_per_minute = 1000000000\n"
        );
        fs::write(folder.join("gateway.toml"), settings).unwrap();
        fs::write(folder.join("upstream_key"), "sk-upstream\n").unwrap();
        fs::write(folder.join("client_keys"), format!("sha256:{HASH}\n")).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_dsline-gateway"))
            .arg("--config")
            .arg(folder.join("gateway.toml"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let mut started = String::new();
        lines.read_line(&mut started).unwrap();
        // Warnings follow, and nobody may find its output closed.
        thread::spawn(move || lines.lines().count());
        let after = |word: &str| -> SocketAddr {
            let rest = started.split(word).nth(1).expect("it did not start");
            rest.split([',', '"']).next().unwrap().parse().unwrap()
        };
        Self {
            clients: after("clients "),
            operator: after("operator "),
            process,
        }
    }

    /// Records that it counted as lost.
    fn dropped(&self) -> u64 {
        let output = Command::new("curl")
            .args(["-sf", &format!("http://{}/metrics", self.operator)])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text
            .lines()
            .find(|line| {
                line.contains("audit") && line.contains("dropped") && !line.starts_with('#')
            })
            .unwrap_or_else(|| panic!("no count of lost records: {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn stop(mut self) {
        let id = self.process.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status();
        assert!(told.unwrap().success());
        assert!(self.process.wait().unwrap().success());
    }
}

/// Numbers of the requests in all files of the trail, and how many lines there are of them.
fn numbers(folder: &Path) -> (HashSet<u64>, usize) {
    let mut files = rotated(folder);
    files.push(folder.join("api_audit.log"));
    let mut all = HashSet::new();
    let mut lines = 0;
    for file in files {
        let text = text(&file);
        let text = std::str::from_utf8(&text).unwrap();
        for line in text.lines().filter(|line| line.contains(" API_REQUEST ")) {
            let number = line.split(" [dsline@32473 seq=\"").nth(1).unwrap();
            all.insert(number.split('"').next().unwrap().parse().unwrap());
            lines += 1;
        }
    }
    (all, lines)
}

/// Asks at full speed, while rsyslogd is restarted and the trail is rotated this often.
fn play(requests: usize, disturbances: usize) {
    if !["rsyslogd", "logrotate", "faketime", "curl"]
        .iter()
        .all(|name| has(name))
    {
        eprintln!("skipped: rsyslogd, logrotate, faketime and curl are not all here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    syslog::configure(folder);
    rotation::configure(folder);
    fs::write(folder.join("api_audit.log"), "").unwrap();
    // The first look at a file only notes the day.
    rotate(folder, 0);
    let first = syslog::start(folder);
    let gateway = Gateway::start(folder, load::upstream());
    let address = gateway.clients;
    let begun = Instant::now();
    let done = AtomicUsize::new(0);
    let (mut good, mut day) = (0, 0);
    let rsyslog = thread::scope(|scope| {
        let mut rsyslog = first;
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    let share = requests / CALLERS / (2 * disturbances);
                    let parts = (0..2 * disturbances).map(|_| {
                        let good = load::ask(address, KEY, share);
                        done.fetch_add(share, Ordering::Relaxed);
                        good
                    });
                    parts.sum::<usize>()
                })
            })
            .collect();
        for disturbance in 1..2 * disturbances {
            while done.load(Ordering::Relaxed) < requests / (2 * disturbances) * disturbance {
                thread::park_timeout(Duration::from_millis(5));
            }
            if disturbance % 2 == 0 {
                day += 1;
                rotate(folder, day);
            } else {
                syslog::stop(rsyslog);
                rsyslog = syslog::start(folder);
            }
        }
        good = callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .sum();
        rsyslog
    });
    let asked = begun.elapsed();
    let dropped = gateway.dropped();
    gateway.stop();
    let wait = Instant::now();
    let (mut there, mut lines) = numbers(folder);
    while (there.len() as u64) < requests as u64 - dropped
        && wait.elapsed() < Duration::from_mins(2)
    {
        thread::park_timeout(Duration::from_millis(300));
        (there, lines) = numbers(folder);
    }
    syslog::stop(rsyslog);
    eprintln!(
        "{requests} requests in {asked:?} ({:.0} a second), {good} good, {} rotated files, {lines} records, {} of them twice, {dropped} counted as lost",
        requests as f64 / asked.as_secs_f64(),
        rotated(folder).len(),
        lines - there.len(),
    );
    assert_eq!((good, dropped), (requests, 0));
    assert_eq!(
        (there.len(), lines),
        (requests, requests),
        "lost or doubled"
    );
}

#[test]
fn no_record_is_lost_while_files_rotate_and_rsyslog_restarts() {
    play(2_000, 2);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn no_record_is_lost_while_files_rotate_and_rsyslog_restarts_often() {
    play(20_000, 10);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn no_record_of_a_million_is_lost() {
    play(1_000_000, 10);
}
