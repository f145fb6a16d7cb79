//! What a flight is given and what it hands out, as plain values.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;

/// What the one upstream call of a flight brought. Its headers are passed on as they are: clean them before.
pub struct Answer<B: Body> {
    /// Head and body as they came.
    pub response: Response<B>,
    /// The longest silence of the body; keep-alives end it as well.
    pub patience: Duration,
    /// Whether a stream of events is whole only with its `[DONE]`.
    pub needs_done: bool,
    /// What a fault of the body is called in words, for those who are cut off by it.
    pub why: fn(&B::Error) -> &'static str,
    /// Looks on while the body goes by.
    pub observer: Option<Observer>,
}

/// Called by the pump for each chunk and once at the end. Dropped without an end when the last client left.
pub type Observer = Box<dyn FnMut(Sight<'_>) + Send>;

/// What an observer sees.
#[derive(Debug)]
pub enum Sight<'a> {
    /// The next bytes; a clone of them is cheap and holds no connection's buffer.
    Chunk(&'a Bytes),
    /// Nothing more will come.
    End(Ending),
}

/// How the upstream's body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Everything came; `cleanly` is false if the connection broke after the end mark.
    Whole {
        /// Whether the connection, too, ended as it should.
        cleanly: bool,
    },
    /// Something is missing, and why.
    Cut(&'static str),
}

/// The beginning of an answer, the same for every client.
#[derive(Debug, Clone)]
pub struct Head {
    /// The upstream's status.
    pub status: StatusCode,
    /// The headers as the leader left them.
    pub headers: HeaderMap,
    /// Whether the body is a readable stream of events.
    pub is_stream: bool,
    /// The body's length where it is known beforehand.
    pub length: Option<u64>,
}

/// Why there is no answer; every client of the flight gets the same.
#[derive(Debug)]
pub enum Loss<E> {
    /// The leader's call failed.
    Fault(Arc<E>),
    /// The call's task ended without a word: a panic, or the end of the process.
    Vanished,
}

impl<E> Clone for Loss<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Fault(fault) => Self::Fault(Arc::clone(fault)),
            Self::Vanished => Self::Vanished,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Loss<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Vanished => f.write_str("the shared upstream call vanished"),
        }
    }
}

/// How much memory flights may take, and how long finished ones stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// What one flight keeps for late joiners. Beyond it nobody joins, and only what is yet to be read is kept.
    pub flight_bytes: usize,
    /// What all flights keep together. Beyond it the oldest finished ones go, then running ones stop to keep.
    pub total_bytes: usize,
    /// How long a finished answer can still be joined; zero for not at all.
    pub window: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            flight_bytes: 2 * 1024 * 1024,
            total_bytes: 64 * 1024 * 1024,
            window: Duration::from_secs(30),
        }
    }
}
