//! A listener of either kind, and how a successor takes over without a connection being refused.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::config::Listen;

/// Something to accept connections from.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// An accepted connection.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    /// Listens there; `key` is the configuration's name for it.
    pub(super) async fn bind(key: &str, place: &Listen) -> anyhow::Result<Self> {
        let listener = match place {
            Listen::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Listen::Unix(path) => {
                take_over(path).map(|listener| Self::Unix(listener, path.clone()))
            }
        };
        listener.with_context(|| format!("cannot listen on {place} (key `{key}`)"))
    }

    /// The next connection, and its address. What comes over a unix socket comes from this machine: from nginx, which
    /// alone may enter the socket's folder.
    pub(super) async fn accept(&self) -> io::Result<(Stream, IpAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // Tokens are small and must not wait for one another. A socket that refuses is one that is gone.
                let _ = stream.set_nodelay(true);
                Ok((Stream::Tcp(stream), address.ip().to_canonical()))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), Ipv4Addr::LOCALHOST.into()))
            }
        }
    }

    /// Whether a successor may have taken the name over, so that what is still in the queue is ours to answer.
    pub(super) fn can_be_taken_over(&self) -> bool {
        matches!(self, Self::Unix(..))
    }

    /// Where it listens, with the port that was found for port 0.
    pub(super) fn place(&self) -> io::Result<String> {
        Ok(match self {
            Self::Tcp(listener) => listener.local_addr()?.to_string(),
            Self::Unix(_, path) => format!("unix:{}", path.display()),
        })
    }
}

/// Binds beside the name and renames: at every moment the name leads to a socket that somebody accepts from.
fn take_over(path: &Path) -> io::Result<UnixListener> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&beside)?;
    // Who may enter the folder may connect: nginx has another user and group than the container.
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o666))?;
    fs::rename(&beside, path)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_successor_takes_the_name_over_and_the_old_queue_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.sock");
        let place = Listen::Unix(path.clone());
        let old = Listener::bind("listen", &place).await.unwrap();
        let _queued = UnixStream::connect(&path).await.unwrap();
        let new = Listener::bind("listen", &place).await.unwrap();
        let _fresh = UnixStream::connect(&path).await.unwrap();
        assert!(old.accept().await.unwrap().1.is_loopback());
        assert!(new.accept().await.unwrap().1.is_loopback());
        assert_eq!(new.place().unwrap(), format!("unix:{}", path.display()));
        drop(old);
        assert!(UnixStream::connect(&path).await.is_ok());
    }
}
