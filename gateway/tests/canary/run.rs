//! One run of the program, as an unprivileged user where the test may choose, with secrets in every place that takes one.

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{park_timeout, spawn};
use std::time::{Duration, Instant};

use ring::hmac;
use tempfile::TempDir;

pub(crate) const UPSTREAM_KEY: &str = "sk-upstream-canary";
pub(crate) const CLIENT_KEY: &str = "sk-client-canary";
pub(crate) const PROMPT: &str = "prompt-canary";
/// What must not come out. The secret that signs tokens is among them, and a stranger's key is as secret as a friend's.
pub(crate) const CANARIES: [&str; 6] = [
    UPSTREAM_KEY,
    CLIENT_KEY,
    PROMPT,
    SECRET,
    "sk-stranger-canary",
    "environment-canary",
];

const HASH: &str = "34de9fdf8eaff8f9251a5c80f2f06602f9e846b49e551b830ac3c4a82050552d";
const SECRET: &str = "5a5b5c5d5e5f60616263646566676869505152535455565758595a5b5c5d5e5f";

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The user `nobody` of every Debian.
const NOBODY: u32 = 65_534;

/// A running gateway; it ends with the test.
pub(crate) struct Run {
    folder: TempDir,
    process: Child,
    clients: SocketAddr,
    operator: SocketAddr,
    log: Arc<Mutex<String>>,
    refuses: Arc<AtomicBool>,
}

impl Run {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let refuses = Arc::new(AtomicBool::new(false));
        let upstream = upstream(Arc::clone(&refuses));
        let file = configure(folder.path(), upstream);
        let program = env!("CARGO_BIN_EXE_dsline-gateway");
        let mut command = if is_root(folder.path()) {
            // Where the build lies, nobody may look; a copy is the user's own.
            let copy = folder.path().join("dsline-gateway");
            std::fs::copy(program, &copy).unwrap();
            give_away(folder.path());
            let mut command = as_nobody();
            command.arg(copy);
            command
        } else {
            Command::new(program)
        };
        let mut process = command
            .arg("--config")
            .arg(file)
            .env("UNRELATED_SECRET", "environment-canary")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let mut started = String::new();
        lines.read_line(&mut started).unwrap();
        let after = |word: &str| -> SocketAddr {
            let rest = started.split(word).nth(1).expect("it did not start");
            rest.split([',', '"']).next().unwrap().parse().unwrap()
        };
        let (clients, operator) = (after("clients "), after("operator "));
        let log = Arc::new(Mutex::new(started));
        keep(lines, &log);
        keep(BufReader::new(process.stderr.take().unwrap()), &log);
        Self {
            folder,
            process,
            clients,
            operator,
            log,
            refuses,
        }
    }

    /// The whole answer, head and all, as it came.
    pub(crate) fn ask(&self, start: &str, key: &str, body: &str) -> String {
        self.raw(&format!(
            "{start} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    pub(crate) fn raw(&self, request: &str) -> String {
        exchange(self.clients, request)
    }

    pub(crate) fn operator(&self, path: &str) -> String {
        exchange(
            self.operator,
            &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        )
    }

    /// From now on the upstream refuses, and repeats its key as some do.
    pub(crate) fn upstream_refuses(&self, on: bool) {
        self.refuses.store(on, Ordering::Relaxed);
    }

    /// Reloads with secrets where none belong: its complaint must not repeat them.
    pub(crate) fn reload_broken(&self) {
        let keys = self.folder.path().join("client_keys");
        let good = std::fs::read_to_string(&keys).unwrap();
        for broken in [
            format!("{CLIENT_KEY}\n"),
            format!("sha256:{HASH} name={PROMPT} odd={UPSTREAM_KEY}\n"),
        ] {
            std::fs::write(&keys, broken).unwrap();
            let refused = || self.log().matches("reload_refused").count();
            let before = refused();
            self.signal("HUP");
            let deadline = Instant::now() + PATIENCE;
            while refused() == before {
                assert!(Instant::now() < deadline, "{}", self.log());
                park_timeout(Duration::from_millis(5));
            }
        }
        std::fs::write(&keys, good).unwrap();
    }

    /// All that was written to standard output and standard error.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Stops it in order, so that every record is written, and reads the spool.
    pub(crate) fn audit_records(&mut self) -> String {
        self.signal("TERM");
        self.process.wait().unwrap();
        let files = std::fs::read_dir(self.folder.path().join("spool")).unwrap();
        files
            .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
            .collect()
    }

    /// A file of the process, as root sees it.
    pub(crate) fn proc(&self, name: &str) -> String {
        std::fs::read_to_string(self.place(name)).unwrap()
    }

    pub(crate) fn is_unprivileged(&self) -> bool {
        is_root(self.folder.path()) && as_nobody().arg("true").status().is_ok()
    }

    /// Whether another process of the same user can read it.
    pub(crate) fn can_be_read(&self, name: &str) -> bool {
        let mut cat = as_nobody();
        cat.args(["head", "-c", "1"]).arg(self.place(name));
        let tried = cat.output().unwrap();
        tried.status.success()
    }

    /// Ends it the way a defect would.
    pub(crate) fn crash(&mut self) -> ExitStatus {
        self.signal("ABRT");
        self.process.wait().unwrap()
    }

    fn place(&self, name: &str) -> PathBuf {
        format!("/proc/{}/{name}", self.process.id()).into()
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A token that expires then, signed with the secret of this run.
pub(crate) fn token(expires: u64) -> String {
    let claims = format!(
        "{{\"iss\":\"canary-issuer\",\"aud\":\"line\",\"sub\":\"somebody\",\"jti\":\"1\",\"iat\":0,\"exp\":{expires}}}"
    );
    let signed = format!(
        "{}.{}",
        base64(b"{\"alg\":\"HS256\",\"typ\":\"JWT\"}"),
        base64(claims.as_bytes())
    );
    let bytes: Vec<u8> = SECRET
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let signature = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &bytes),
        signed.as_bytes(),
    );
    format!("{signed}.{}", base64(signature.as_ref()))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let group = |bytes: &[u8]| {
        let byte = |at| usize::from(*bytes.get(at).unwrap_or(&0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let letters = [18, 12, 6, 0].map(|shift| char::from(LETTERS[bits >> shift & 63]));
        letters[..=bytes.len()].iter().collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// An upstream that answers, or refuses and repeats what it was sent.
fn upstream(refuses: Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let refuses = Arc::clone(&refuses);
            spawn(move || serve(&stream, &refuses));
        }
    });
    address
}

fn serve(mut stream: &TcpStream, refuses: &AtomicBool) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let (status, kind, text) = if refuses.load(Ordering::Relaxed) {
            let text = format!("{{\"error\":{{\"message\":\"key {UPSTREAM_KEY} is wrong\"}}}}");
            ("401 No", "application/json", text)
        } else if String::from_utf8_lossy(&body).contains("\"stream\":true") {
            let text = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
            ("200 OK", "text/event-stream", text.to_owned())
        } else {
            let text = "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}";
            ("200 OK", "application/json", text.to_owned())
        };
        let length = text.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{text}"
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn configure(folder: &Path, upstream: SocketAddr) -> PathBuf {
    let place = folder.display();
    let text = format!(
        "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nnode = \"test/1\"\nline = \"test\"\nstop_seconds = 2\n\
         [upstream]\nbase_url = \"http://{upstream}\"\nkey_file = \"{place}/upstream_key\"\nread_timeout_seconds = 600\n\
         [keys]\nfile = \"{place}/client_keys\"\n[limits]\nbody_bytes = 100000\n[audit]\nfolder = \"{place}/spool\"\n\
         [auth.jwt]\nissuers = [\"canary-issuer\"]\naudiences = [\"line\"]\nalgorithms = [\"HS256\"]\nsecret_file = \"{place}/jwt\"\n"
    );
    let files = [
        ("gateway.toml", text),
        ("upstream_key", format!("{UPSTREAM_KEY}\n")),
        ("client_keys", format!("sha256:{HASH} name=friend\n")),
        ("jwt", format!("{SECRET}\n")),
    ];
    for (name, content) in files {
        std::fs::write(folder.join(name), content).unwrap();
        std::fs::set_permissions(folder.join(name), Permissions::from_mode(0o600)).unwrap();
    }
    std::fs::create_dir(folder.join("spool")).unwrap();
    folder.join("gateway.toml")
}

/// Whether the test may choose the user: only root's files are root's.
fn is_root(folder: &Path) -> bool {
    std::fs::metadata(folder).unwrap().uid() == 0
}

fn give_away(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
}

fn as_nobody() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    command
}

/// Collects lines until their source ends.
fn keep(lines: impl BufRead + Send + 'static, log: &Arc<Mutex<String>>) {
    let log = Arc::clone(log);
    spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            log.lock().unwrap().push_str(&(line + "\n"));
        }
    });
}

fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // A server that refuses a large body may not read it to its end.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
