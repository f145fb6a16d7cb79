//! One command over an SSH connection: its input goes out while its output comes in, and a peer that died is noticed.

use std::io::{self, Read, Write};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use ssh2::{BlockDirections, Channel};

use super::socket::Socket;

/// How long the wire may be still before the peer is asked whether it is there.
const STILL: Duration = Duration::from_secs(10);
/// How many questions in a row may stay unanswered.
const UNANSWERED: u32 = 3;
/// How long to look for input alone when room for output was no help.
const GLANCE: Duration = Duration::from_millis(20);

/// An authenticated connection; everything here blocks its thread until the wire moves.
pub(super) struct Wire {
    pub(super) ssh: ssh2::Session,
    socket: Socket,
}

/// How long a command may take, and until when that is.
#[derive(Clone, Copy)]
struct Limit {
    time: Duration,
    end: Instant,
}

impl Limit {
    fn begin(time: Duration) -> Self {
        Self {
            time,
            end: Instant::now() + time,
        }
    }

    /// What is left of it, or the error that nothing is.
    fn left(self) -> io::Result<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let why = format!("a command has not ended within {} s", self.time.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        Ok(left)
    }
}

/// What a command left behind.
pub(super) struct Remains {
    pub(super) status: i32,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Wire {
    /// Takes an authenticated session and a second handle on its socket.
    pub(super) fn new(ssh: ssh2::Session, socket: Socket) -> Self {
        ssh.set_blocking(false);
        // The answer is of no interest, only that one comes.
        ssh.set_keepalive(true, 2);
        Self { ssh, socket }
    }

    /// Repeats an attempt, each time the wire has moved, until it does more than `WouldBlock`.
    pub(super) fn until<T>(&self, attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        self.until_late(None, attempt)
    }

    /// The same, but gives up when it is too late: a peer may be there and still never end.
    fn until_late<T>(
        &self,
        limit: Option<Limit>,
        mut attempt: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        let mut heard = Instant::now();
        let mut unanswered = 0;
        let mut had_room_only = false;
        loop {
            match attempt() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
            let left = limit.map_or(Ok(STILL), Limit::left)?;
            // libssh2 may go on naming output it has long sent; there is always room for that, so it is not waited for twice.
            let moved = if had_room_only {
                self.wait(false, GLANCE)?
            } else {
                self.wait(self.wants_room(), left.min(STILL))?
            };
            had_room_only = moved == PollFlags::OUT;
            if moved.contains(PollFlags::IN) {
                heard = Instant::now();
                unanswered = 0;
            } else if heard.elapsed() >= STILL * (unanswered + 1) {
                if unanswered == UNANSWERED {
                    let why = format!(
                        "the SSH connection has been silent for {} s",
                        heard.elapsed().as_secs()
                    );
                    return Err(io::Error::new(io::ErrorKind::TimedOut, why));
                }
                unanswered += 1;
                // It cannot be sent while half of another packet is; then that one's fate tells as much.
                let _ = self.ssh.keepalive_send();
            }
        }
    }

    /// Waits until the socket has input, or room when that is wanted, or the time is over.
    fn wait(&self, wants_room: bool, time: Duration) -> io::Result<PollFlags> {
        let flags = if wants_room {
            PollFlags::IN | PollFlags::OUT
        } else {
            PollFlags::IN
        };
        let mut watched = [PollFd::from_borrowed_fd(self.socket.as_fd(), flags)];
        let time = Timespec::try_from(time).map_err(io::Error::other)?;
        match poll(&mut watched, Some(&time)) {
            Err(rustix::io::Errno::INTR) => Ok(PollFlags::IN),
            other => other.map(|_| watched[0].revents()).map_err(io::Error::from),
        }
    }

    /// Whether libssh2 had no room for output at its last attempt.
    fn wants_room(&self) -> bool {
        matches!(
            self.ssh.block_directions(),
            BlockDirections::Outbound | BlockDirections::Both
        )
    }

    /// Runs a command line with an input to its end, or for as long as it may take.
    pub(super) fn run(
        &self,
        line: &str,
        input: &[u8],
        time: Option<Duration>,
    ) -> io::Result<Remains> {
        let limit = time.map(Limit::begin);
        let mut channel = self.until_late(limit, || Ok(self.ssh.channel_session()?))?;
        self.until_late(limit, || Ok(channel.exec(line)?))?;
        let mut transfer = Transfer {
            input,
            is_input_closed: false,
            stdout: Vec::new(),
            stderr: Vec::new(),
        };
        self.until_late(limit, || transfer.advance(&mut channel))?;
        self.until_late(limit, || Ok(channel.close()?))?;
        self.until_late(limit, || Ok(channel.wait_close()?))?;
        let Transfer {
            stdout, mut stderr, ..
        } = transfer;
        let mut status = channel.exit_status()?;
        if let Some(signal) = channel.exit_signal()?.exit_signal {
            status = 128;
            stderr.extend(format!("killed by SIG{signal}\n").bytes());
        }
        Ok(Remains {
            status,
            stdout,
            stderr,
        })
    }

    /// Carries bytes between a channel and a local socket, both ways, until either side ends.
    pub(super) fn pump(&self, mut channel: Channel, mut local: UnixStream) -> io::Result<()> {
        local.set_nonblocking(true)?;
        let (mut up, mut down) = (Vec::new(), Vec::new());
        loop {
            let mut has_moved = false;
            if up.is_empty() {
                has_moved |= take(&mut local, &mut up)?;
            }
            if !up.is_empty() {
                has_moved |= give(&mut channel, &mut up)?;
            }
            if down.is_empty() {
                has_moved |= take(&mut channel, &mut down)?;
            }
            if !down.is_empty() {
                has_moved |= give(&mut local, &mut down)?;
            }
            if channel.eof() && down.is_empty() {
                return Ok(());
            }
            if !has_moved && self.wait_with(&local, !up.is_empty(), !down.is_empty())? {
                return Ok(());
            }
        }
    }

    /// Waits until either side has moved; says whether the local one has gone.
    fn wait_with(&self, local: &UnixStream, has_up: bool, has_down: bool) -> io::Result<bool> {
        // More from the local side is no help while the last is not out; nor can room on the wire be waited for: see above.
        let (mut flags, time) = if has_up {
            (PollFlags::empty(), GLANCE)
        } else {
            (PollFlags::IN, STILL)
        };
        flags.set(PollFlags::OUT, has_down);
        let mut watched = [
            PollFd::from_borrowed_fd(self.socket.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(local.as_fd(), flags),
        ];
        let time = Timespec::try_from(time).map_err(io::Error::other)?;
        match poll(&mut watched, Some(&time)) {
            Ok(_) => Ok(watched[1].revents().contains(PollFlags::HUP)),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Reads what is there; `UnexpectedEof` when the reader's end has come.
fn take(from: &mut impl Read, into: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 16 * 1024];
    match from.read(&mut buffer) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => {
            into.extend_from_slice(&buffer[..count]);
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes what there is room for.
fn give(to: &mut impl Write, from: &mut Vec<u8>) -> io::Result<bool> {
    match to.write(from) {
        Ok(count) => {
            from.drain(..count);
            Ok(count > 0)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

struct Transfer<'a> {
    input: &'a [u8],
    is_input_closed: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Transfer<'_> {
    /// Moves what can be moved; `Ok` when the command has closed its output.
    fn advance(&mut self, channel: &mut Channel) -> io::Result<()> {
        loop {
            // Input first: while half of a packet is out, nothing else may be sent, not even more room for output.
            let has_sent = self.send(channel)?;
            let has_read =
                read(channel, 0, &mut self.stdout)? | read(channel, 1, &mut self.stderr)?;
            if channel.eof() {
                return Ok(());
            }
            if !has_sent && !has_read {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
    }

    fn send(&mut self, channel: &mut Channel) -> io::Result<bool> {
        if self.is_input_closed {
            return Ok(false);
        }
        if self.input.is_empty() {
            return match channel.send_eof().map_err(io::Error::from) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
                // A command that ended without reading all of its input has closed it; its output says why.
                _ => {
                    self.is_input_closed = true;
                    Ok(true)
                }
            };
        }
        match channel.write(self.input) {
            Ok(sent) => {
                self.input = &self.input[sent..];
                Ok(sent > 0)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(_) if channel.eof() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn read(channel: &Channel, stream: i32, into: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 16 * 1024];
    match channel.stream(stream).read(&mut buffer) {
        Ok(count) => {
            into.extend_from_slice(&buffer[..count]);
            Ok(count > 0)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}
