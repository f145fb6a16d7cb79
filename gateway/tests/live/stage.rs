//! The stage: a running gateway, an upstream that does what a test says, and a client that sees every byte.

use std::future::Future;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// The client key of all tests, and its hash.
pub(crate) const KEY: &str = "Bearer sk-client-canary";
const HASH: &str = "sha256:34de9fdf8eaff8f9251a5c80f2f06602f9e846b49e551b830ac3c4a82050552d";

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks at the operator's side, and how many there are.
const POLL: Duration = Duration::from_millis(20);
const POLLS: usize = 3000;

/// Waits for what must come, and no longer than that.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what)
        .await
        .expect("it did not come in time")
}

/// A message: the head with its first line, and a body.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The value of a header, if it is there once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut found = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| key.eq_ignore_ascii_case(name));
    let value = found.next()?.1.trim();
    assert!(found.next().is_none(), "{name} came twice:\n{head}");
    Some(value)
}

/// One end of a connection.
pub(crate) struct Wire(BufReader<TcpStream>);

impl Wire {
    pub(crate) async fn to(address: &str) -> Self {
        Self(BufReader::new(
            soon(TcpStream::connect(address)).await.unwrap(),
        ))
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.0.get_mut().write_all(bytes.as_ref()))
            .await
            .unwrap();
    }

    /// The head of the next message, or `None` when there is none.
    pub(crate) async fn head(&mut self) -> Option<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if soon(self.0.read_line(&mut head)).await.ok()? == 0 {
                return None;
            }
        }
        Some(head)
    }

    /// The next message, whole.
    pub(crate) async fn message(&mut self) -> Option<Message> {
        let head = self.head().await?;
        let mut body = Vec::new();
        if header(&head, "transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk().await.expect("the body was cut") {
                body.extend(chunk);
            }
        } else {
            body.resize(
                header(&head, "content-length").map_or(0, |length| length.parse().unwrap()),
                0,
            );
            soon(self.0.read_exact(&mut body)).await.ok()?;
        }
        Some(Message { head, body })
    }

    /// The next chunk of a chunked body; `None` at its proper end, an error where it was cut.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, &'static str> {
        let mut size = String::new();
        soon(self.0.read_line(&mut size))
            .await
            .map_err(|_| "reset")?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(|_| "cut")?;
        let mut chunk = vec![0; size + 2];
        soon(self.0.read_exact(&mut chunk))
            .await
            .map_err(|_| "cut")?;
        chunk.truncate(size);
        Ok((size > 0).then_some(chunk))
    }

    /// Waits until the other end is gone.
    pub(crate) async fn until_closed(&mut self) {
        soon(self.until_closed_for_ever()).await;
    }

    /// The same, however long that takes.
    pub(crate) async fn until_closed_for_ever(&mut self) {
        let mut rest = Vec::new();
        let _ = self.0.read_to_end(&mut rest).await;
    }

    /// A few bytes as they come.
    pub(crate) async fn bytes(&mut self, most: usize) -> usize {
        let mut some = vec![0; most];
        soon(self.0.read(&mut some)).await.unwrap()
    }
}

/// An upstream that does with each connection what the test says; returns its address.
pub(crate) async fn upstream<F>(play: impl Fn(Wire) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(play(Wire(BufReader::new(stream))));
        }
    });
    address
}

/// A running gateway; it dies with the test.
pub(crate) struct Gateway {
    pub(crate) folder: TempDir,
    pub(crate) clients: String,
    pub(crate) operator: String,
    pub(crate) process: Child,
    log: Lines<BufReader<ChildStdout>>,
}

/// Far longer than any test may take: where an upstream's call ends early, it was no timeout.
const READ_TIMEOUT: &str = "read_timeout_seconds = 600";

/// Writes a configuration with its secrets into a folder.
pub(crate) fn configure(folder: &Path, upstream: &str, more: &str) {
    let place = folder.display();
    let text = format!(
        "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nnode = \"eu-west-1/1\"\nline = \"test\"\n{more}\n\
         [upstream]\nbase_url = \"http://{upstream}/base\"\nkey_file = \"{place}/upstream_key\"\n{READ_TIMEOUT}\n\
         [keys]\nfile = \"{place}/client_keys\"\n[limits]\nbody_bytes = 100000\n"
    );
    std::fs::write(folder.join("gateway.toml"), text).unwrap();
    std::fs::write(folder.join("upstream_key"), "sk-upstream-canary\n").unwrap();
    std::fs::write(folder.join("client_keys"), format!("# test\n{HASH}\n")).unwrap();
}

/// The program with these arguments.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsline-gateway"));
    command
        .args(arguments)
        .kill_on_drop(true)
        .stdin(Stdio::null());
    command
}

impl Gateway {
    /// Starts a gateway in front of this upstream.
    pub(crate) async fn before(upstream: &str) -> Self {
        Self::with(upstream, "").await
    }

    /// The same with more sections.
    pub(crate) async fn with(upstream: &str, sections: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        configure(folder.path(), upstream, "");
        let file = folder.path().join("gateway.toml");
        let text = std::fs::read_to_string(&file).unwrap() + sections;
        std::fs::write(&file, text).unwrap();
        Self::start(folder).await
    }

    /// The same with this timeout in place of [`READ_TIMEOUT`].
    pub(crate) async fn with_timeout(upstream: &str, timeout: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        configure(folder.path(), upstream, "");
        let file = folder.path().join("gateway.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace(READ_TIMEOUT, timeout)).unwrap();
        Self::start(folder).await
    }

    async fn start(folder: TempDir) -> Self {
        let file = folder.path().join("gateway.toml");
        let mut process = program(&["--config", file.to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stdout.take().unwrap()).lines();
        let started = soon(log.next_line()).await.unwrap().unwrap();
        let after = |word: &str| {
            started
                .split(word)
                .nth(1)
                .unwrap()
                .split(',')
                .next()
                .unwrap()
                .to_owned()
        };
        Self {
            clients: after("clients "),
            operator: after("operator "),
            folder,
            process,
            log,
        }
    }

    /// The next line of the log that holds this text.
    pub(crate) async fn logged(&mut self, text: &str) -> String {
        loop {
            let line = soon(self.log.next_line())
                .await
                .unwrap()
                .expect("the log ended");
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends a signal to the process.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().unwrap().to_string();
        assert!(
            std::process::Command::new("kill")
                .args([name, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Sends a request on a connection of its own and waits for the whole answer.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> Message {
        let mut wire = Wire::to(&self.clients).await;
        wire.send(request).await;
        wire.message().await.expect("no answer")
    }

    /// One short request to the operator's side.
    pub(crate) async fn operate(&self, method: &str, path: &str) -> Message {
        let mut wire = Wire::to(&self.operator).await;
        wire.send(format!("{method} {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await;
        wire.message().await.expect("no answer")
    }

    /// Waits until a page of the operator's side holds this text: what happened is counted after the client has its answer.
    pub(crate) async fn shows(&self, path: &str, text: &str) -> Message {
        let mut last = None;
        for _ in 0..POLLS {
            let page = self.operate("GET", path).await;
            if page.text().contains(text) {
                return page;
            }
            last = Some(page);
            tokio::time::sleep(POLL).await;
        }
        panic!("{text} is not in {path}: {last:?}")
    }
}

/// A request with the tests' key.
pub(crate) fn request(start: &str, more: &str, body: &str) -> String {
    format!(
        "{start} HTTP/1.1\r\nhost: line.example\r\nauthorization: {KEY}\r\n{more}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A small JSON answer of an upstream.
pub(crate) fn json(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
