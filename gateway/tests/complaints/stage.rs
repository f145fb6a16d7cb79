//! The stage: a running gateway before some upstreams, its log, its metrics and its memory.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::spawn;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::{Answer, Client, chat, question};
use crate::upstream::Upstream;

/// `sk-client-canary`, `sk-client-two` and `sk-client-three`; the last two are tenants of their own.
const KEYS: [&str; 3] = [
    "sha256:34de9fdf8eaff8f9251a5c80f2f06602f9e846b49e551b830ac3c4a82050552d name=one",
    "sha256:67f6fadf26bf6561ba699110ec9bc2c7597883a15bb1454cc7b60d6f5ad2d0df name=two tenant=two",
    "sha256:4c103d8e6ba35b09b9d4368e96c884accb9cf9dbe029938413dc628731aaa935 name=three tenant=three",
];

/// Far longer than any test may take: where a call ends early, it was no timeout.
const PATIENT: &str = "read_timeout_seconds = 600\nidle_timeout_seconds = 600";

/// A running gateway; it ends with the test.
pub(crate) struct Gateway {
    pub(crate) clients: SocketAddr,
    operator: SocketAddr,
    process: Child,
    log: Arc<Mutex<String>>,
    _folder: TempDir,
}

impl Gateway {
    /// Starts one before these upstreams, of which all but the first stand by; `more` are sections of its configuration.
    pub(crate) fn before(upstreams: &[&Upstream], more: &str) -> Self {
        let addresses: Vec<SocketAddr> = upstreams.iter().map(|one| one.address).collect();
        Self::start(&addresses, PATIENT, more)
    }

    /// The same with these timeouts for the first upstream.
    pub(crate) fn with_timeouts(upstreams: &[&Upstream], timeouts: &str) -> Self {
        let addresses: Vec<SocketAddr> = upstreams.iter().map(|one| one.address).collect();
        Self::start(&addresses, timeouts, "")
    }

    /// The same for addresses, where perhaps nobody listens.
    pub(crate) fn before_addresses(addresses: &[SocketAddr], more: &str) -> Self {
        Self::start(addresses, PATIENT, more)
    }

    fn start(addresses: &[SocketAddr], first_timeouts: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display();
        let upstream = |(number, address): (usize, &SocketAddr)| {
            let weight = u8::from(number == 0);
            let timeouts = if number == 0 { first_timeouts } else { PATIENT };
            format!(
                "[[upstream]]\nname = \"u{number}\"\nbase_url = \"http://{address}\"\nkey_file = \"{place}/upstream_key\"\n\
                 weight = {weight}\n{timeouts}\n"
            )
        };
        let upstreams: String = addresses.iter().enumerate().map(upstream).collect();
        let text = format!(
            "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nnode = \"test/1\"\nline = \"test\"\nstop_seconds = 1\n\
             {upstreams}[keys]\nfile = \"{place}/client_keys\"\n{more}\n"
        );
        let file = folder.path().join("gateway.toml");
        std::fs::write(&file, text).unwrap();
        std::fs::write(folder.path().join("upstream_key"), "sk-upstream-canary\n").unwrap();
        std::fs::write(folder.path().join("client_keys"), KEYS.join("\n")).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_dsline-gateway"))
            .arg("--config")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let mut started = String::new();
        lines.read_line(&mut started).unwrap();
        let after = |word: &str| -> SocketAddr {
            let rest = started.split(word).nth(1).expect("it did not start");
            let address = rest.split([',', '"']).next().unwrap();
            address.parse().unwrap()
        };
        let (clients, operator) = (after("clients "), after("operator "));
        let log = Arc::new(Mutex::new(started));
        let book = Arc::clone(&log);
        spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                book.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self {
            clients,
            operator,
            process,
            log,
            _folder: folder,
        }
    }

    /// Asks and reads the whole answer.
    pub(crate) fn ask(&self, request: &[u8]) -> Answer {
        Client::send(self.clients, request).whole()
    }

    /// Asks a question in these words.
    pub(crate) fn say(&self, words: &str, stream: bool) -> Answer {
        self.ask(&chat(&question(words, stream)))
    }

    /// Waits until it keeps so many answers: it looks at an answer after its end.
    pub(crate) fn until_it_keeps(&self, answers: usize) {
        let request = b"GET /status HTTP/1.1\r\nhost: x\r\n\r\n";
        let entries = format!("\"entries\":{answers},");
        until("the kept answers", || {
            let status = Client::send(self.operator, request).whole().body;
            status.replace(' ', "").contains(&entries)
        });
    }

    /// Waits until nobody but so many clients is being answered.
    pub(crate) fn until_it_answers(&self, clients: usize) {
        let request = b"GET /status HTTP/1.1\r\nhost: x\r\n\r\n";
        let in_flight = format!("\"in_flight\":{clients},");
        until("the others' leave", || {
            let status = Client::send(self.operator, request).whole().body;
            status.replace(' ', "").contains(&in_flight)
        });
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// What it tells Prometheus.
    pub(crate) fn metrics(&self) -> String {
        let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n";
        Client::send(self.operator, request).whole().body
    }

    /// Resident memory in MiB.
    pub(crate) fn memory(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
        kilobytes.parse::<u64>().unwrap() / 1024
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(
            began.elapsed() < Duration::from_mins(1),
            "waited in vain for {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
