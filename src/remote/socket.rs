//! A connection to an SSH server, straight or through a jump host, with a second handle to wait on beside libssh2.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;

/// A connection that libssh2 reads and writes by itself.
pub(super) enum Socket {
    Straight(TcpStream),
    Through(UnixStream),
}

impl Socket {
    pub(super) fn second_handle(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Straight(stream) => Self::Straight(stream.try_clone()?),
            Self::Through(stream) => Self::Through(stream.try_clone()?),
        })
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Straight(stream) => stream.as_raw_fd(),
            Self::Through(stream) => stream.as_raw_fd(),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Straight(stream) => stream.as_fd(),
            Self::Through(stream) => stream.as_fd(),
        }
    }
}
