//! A session with a node: opened with its pinned host key, then used for one command after the other.

use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};
use ssh2::MethodType;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::blocked::Blocked;
use super::command::Command;
use super::door::{Door, Target};
use super::exchange::Wire;
use super::jump::{check_known, go_on};
use super::login::log_in;
use super::socket::Socket;
use super::ssh_config::{Directory, Route};
use crate::line::HostKeyStage;

/// Host keys that a jump host may have, in the order that OpenSSH prefers and so has noted them.
const JUMP_HOST_KEYS: &str = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256";

/// An open session with a node; clones share it, and their commands run one after the other.
#[derive(Clone)]
pub struct Session {
    place: Arc<str>,
    wire: Arc<Mutex<Wire>>,
    has_lasting_key: Arc<AtomicBool>,
    is_broken: Arc<AtomicBool>,
}

/// What a command left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its exit status; 128 when a signal ended it.
    pub status: i32,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: String,
}

impl Session {
    /// Connects, proves that it is the node, and logs in, all within a time.
    pub async fn open(door: &Door, target: &Target, timeout: Duration) -> Result<Self, Blocked> {
        let late = || {
            Blocked::Unreachable(format!(
                "{target}: SSH did not come up within {} s",
                timeout.as_secs()
            ))
        };
        tokio::time::timeout(timeout, open(door, target, timeout))
            .await
            .map_err(|_| late())?
    }

    /// Which of its two host keys the node showed, or was given since.
    pub fn stage(&self) -> HostKeyStage {
        if self.has_lasting_key.load(Ordering::Relaxed) {
            HostKeyStage::Lasting
        } else {
            HostKeyStage::FirstBoot
        }
    }

    /// Whether the connection broke: nothing can be run over it any more, but a new session may do.
    pub fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }

    /// Runs a command to its end; a status other than 0 is no error here.
    ///
    /// It runs to its end also when nobody waits for it any more: half a command would leave the session unusable.
    pub async fn run(&self, command: &Command, input: Option<Vec<u8>>) -> Result<Output, Blocked> {
        let wire = Arc::clone(&self.wire).lock_owned().await;
        let (line, input) = (command.line().to_owned(), command.with_input(input));
        let limit = command.limit();
        let run = tokio::task::spawn_blocking(move || wire.run(&line, &input, limit));
        let outcome = run
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)));
        let remains = outcome.map_err(|error| {
            self.is_broken.store(true, Ordering::Relaxed);
            // What took too long says so itself.
            let why = match error.kind() {
                io::ErrorKind::TimedOut => error.to_string(),
                _ => format!("the SSH connection broke: {error}"),
            };
            self.broken(&why)
        })?;
        let stderr = String::from_utf8_lossy(&remains.stderr).into_owned();
        Ok(Output {
            status: remains.status,
            stdout: remains.stdout,
            stderr,
        })
    }

    /// Runs a script of ours, which must succeed, and returns what it printed.
    pub(super) async fn script(
        &self,
        command: &Command,
        input: Option<Vec<u8>>,
    ) -> Result<String, Blocked> {
        let output = self.run(command, input).await?;
        if output.status != 0 {
            return Err(self.broken(&format!(
                "a command failed with status {}: {}",
                output.status,
                output.stderr.trim()
            )));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub(super) fn set_stage(&self, stage: HostKeyStage) {
        self.has_lasting_key
            .store(stage == HostKeyStage::Lasting, Ordering::Relaxed);
    }

    /// The node's slot and address, for messages.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn broken(&self, why: &str) -> Blocked {
        Blocked::Broken(format!("{}: {why}", self.place))
    }
}

async fn open(door: &Door, target: &Target, timeout: Duration) -> Result<Session, Blocked> {
    let unusable = |why: String| Blocked::Broken(format!("{target}: {why}"));
    let route = Directory::read(door)
        .and_then(|directory| directory.to_node(target))
        .map_err(unusable)?;
    let socket = reach(door, target, &route, timeout).await?;
    let node = Handshake {
        route: route.clone(),
        methods: "ssh-ed25519",
        has_agent: door.agent,
        timeout,
    };
    let (blocking_target, place) = (target.clone(), target.to_string());
    let (wire, stage) = blocking(move || {
        let (session, socket) = node
            .shake_hands(socket)
            .map_err(|error| no_handshake(&blocking_target, &error))?;
        let stage = check_pinned(&session, &blocking_target)?;
        log_in(&session, &node.route, node.has_agent)
            .map_err(|why| Blocked::Refused(format!("{blocking_target} {why}")))?;
        Ok(((session, socket), stage))
    })
    .await?;
    let wire = Wire::new(wire.0, wire.1);
    Ok(Session {
        place: place.into(),
        wire: Arc::new(Mutex::new(wire)),
        has_lasting_key: Arc::new(AtomicBool::new(stage == HostKeyStage::Lasting)),
        is_broken: Arc::default(),
    })
}

/// A connection to the node's port: straight, or through the jump hosts one after the other.
async fn reach(
    door: &Door,
    target: &Target,
    route: &Route,
    timeout: Duration,
) -> Result<Socket, Blocked> {
    let first = route.jumps.first().unwrap_or(route);
    let mut socket = connect(first, timeout)
        .await
        .map_err(|why| Blocked::Unreachable(format!("{target}: {why}")))?;
    for (index, jump) in route.jumps.iter().enumerate() {
        let hop = Handshake {
            route: jump.clone(),
            methods: JUMP_HOST_KEYS,
            has_agent: door.agent,
            timeout,
        };
        let (place, home) = (target.to_string(), door.home.clone());
        let (session, handle) = blocking(move || {
            hop.enter(socket, &home)
                .map_err(|why| Blocked::Broken(format!("{place}: {why}")))
        })
        .await?;
        let next = route.jumps.get(index + 1).unwrap_or(route);
        let onward = {
            let next = next.clone();
            tokio::task::spawn_blocking(move || go_on(Wire::new(session, handle), &next))
        };
        let unreachable = |error: io::Error| {
            Blocked::Unreachable(format!(
                "{target}: the jump host {} does not reach {}:{}: {error}",
                jump.host, next.host, next.port
            ))
        };
        socket = onward
            .await
            .expect("opening a way does not panic")
            .map_err(unreachable)?;
    }
    Ok(socket)
}

async fn connect(route: &Route, timeout: Duration) -> Result<Socket, String> {
    let timeout = route
        .connect_timeout
        .map_or(timeout, |own| own.min(timeout));
    let whom = format!("{}:{}", route.host, route.port);
    let connecting = within(
        timeout,
        TcpStream::connect((route.host.as_str(), route.port)),
    );
    let stream = connecting
        .await
        .map_err(|error| format!("no connection to {whom}: {error}"))?;
    let stream = stream
        .set_nodelay(true)
        .and_then(|()| stream.into_std())
        .and_then(|stream| {
            // libssh2 waits by itself while hands are shaken.
            stream.set_nonblocking(false)?;
            Ok(stream)
        });
    stream
        .map(Socket::Straight)
        .map_err(|error| format!("no connection to {whom}: {error}"))
}

async fn within<T>(timeout: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = |_| {
        io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {} s", timeout.as_secs()),
        )
    };
    tokio::time::timeout(timeout, work).await.map_err(late)?
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Blocked> + Send + 'static,
) -> Result<T, Blocked> {
    tokio::task::spawn_blocking(work)
        .await
        .expect("a handshake does not panic")
}

/// The part of a session that blocks its thread.
struct Handshake {
    route: Route,
    methods: &'static str,
    has_agent: bool,
    timeout: Duration,
}

impl Handshake {
    /// Agrees on keys; returns the session with a second handle on its socket.
    fn shake_hands(&self, socket: Socket) -> Result<(ssh2::Session, Socket), ssh2::Error> {
        let mut session = ssh2::Session::new()?;
        let handle = socket.second_handle().map_err(|_| ssh2::Error::unknown())?;
        session.set_timeout(u32::try_from(self.timeout.as_millis()).unwrap_or(u32::MAX));
        session.method_pref(MethodType::HostKey, self.methods)?;
        session.set_tcp_stream(socket);
        session.handshake()?;
        Ok((session, handle))
    }

    /// Enters a jump host; the error is a message.
    fn enter(&self, socket: Socket, home: &Path) -> Result<(ssh2::Session, Socket), String> {
        let jump = format!("the jump host {}", self.route.host);
        let (session, handle) = self
            .shake_hands(socket)
            .map_err(|error| format!("{jump} does not speak SSH with us: {}", error.message()))?;
        check_known(&session, &self.route, home)?;
        log_in(&session, &self.route, self.has_agent).map_err(|why| format!("{jump} {why}"))?;
        Ok((session, handle))
    }
}

fn no_handshake(target: &Target, error: &ssh2::Error) -> Blocked {
    Blocked::Broken(format!(
        "{target}: something answers, but not SSH with an Ed25519 host key: {}",
        error.message()
    ))
}

/// Compares the host key with the node's two, before anything of the operator's is sent.
fn check_pinned(session: &ssh2::Session, target: &Target) -> Result<HostKeyStage, Blocked> {
    let shown = session.host_key().map(|(blob, _)| blob).unwrap_or_default();
    let (lasting, first_boot) = (
        target.lasting.public_blob(),
        target.first_boot.public_blob(),
    );
    if shown == lasting {
        return Ok(HostKeyStage::Lasting);
    }
    if shown == first_boot {
        return Ok(HostKeyStage::FirstBoot);
    }
    if target.login.is_some() {
        return Err(Blocked::WrongHostKey(format!(
            "{target} shows the host key {}, but the profile pins {}; nothing was sent to it",
            fingerprint(shown),
            fingerprint(&lasting),
        )));
    }
    Err(Blocked::WrongHostKey(format!(
        "{target} shows the host key {}, but the node's is {} ({} before its first contact); nothing was sent to it",
        fingerprint(shown),
        fingerprint(&lasting),
        fingerprint(&first_boot),
    )))
}

/// As `ssh-keygen -l` prints it.
fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_read_like_openssh_s() {
        assert_eq!(
            fingerprint(b""),
            "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
        );
    }
}
