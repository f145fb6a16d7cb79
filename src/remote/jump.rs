//! Going through another host: a channel of its session, pumped into a socket that the next session takes for a connection.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use ssh2::{CheckResult, KnownHostFileKind, Session};

use super::exchange::Wire;
use super::socket::Socket;
use super::ssh_config::Route;

/// Checks a jump host against the operator's own `~/.ssh/known_hosts`; the error is a message.
pub(super) fn check_known(session: &Session, route: &Route, home: &Path) -> Result<(), String> {
    let name = match route.port {
        22 => route.host.clone(),
        port => format!("-p {port} {}", route.host),
    };
    let unknown = || {
        format!(
            "the jump host {} is not in your ~/.ssh/known_hosts; connect to it once with `ssh {name}`",
            route.host
        )
    };
    let (blob, _) = session.host_key().ok_or_else(unknown)?;
    let mut known = session
        .known_hosts()
        .map_err(|error| error.message().to_owned())?;
    known
        .read_file(&home.join(".ssh/known_hosts"), KnownHostFileKind::OpenSSH)
        .map_err(|_| unknown())?;
    match known.check_port(&route.host, route.port, blob) {
        CheckResult::Match => Ok(()),
        CheckResult::Mismatch => Err(format!(
            "the jump host {} shows another host key than your ~/.ssh/known_hosts has",
            route.host
        )),
        CheckResult::NotFound | CheckResult::Failure => Err(unknown()),
    }
}

/// Opens a way from a jump host to the next one; it lasts as long as the socket is held.
pub(super) fn go_on(wire: Wire, next: &Route) -> io::Result<Socket> {
    let channel =
        wire.until(|| Ok(wire.ssh.channel_direct_tcpip(&next.host, next.port, None)?))?;
    let (near, far) = UnixStream::pair()?;
    // What went wrong, the session on top notices: its connection ends.
    std::thread::spawn(move || wire.pump(channel, far));
    Ok(Socket::Through(near))
}
