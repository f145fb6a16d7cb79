//! How large, how long and where: what the cache is told at its start.

use std::path::PathBuf;
use std::time::Duration;

/// Everything there is to choose. A reload that changes none of it can keep the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Bytes of entries in memory.
    pub near_bytes: u64,
    /// The longest answer that is kept.
    pub longest: usize,
    /// How long an entry answers.
    pub ttl: Duration,
    /// How long after that it may still stand in for an upstream that fails.
    pub stale: Duration,
    /// The second level.
    pub redis: Option<RedisSetup>,
}

/// The Redis of this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisSetup {
    /// Where it listens.
    pub place: RedisPlace,
    /// Its database.
    pub database: u32,
    /// The user of its access list; the default one otherwise.
    pub username: Option<String>,
    /// A file with the password and nothing else, read at each connection, so that a new one needs no reload.
    pub password_file: Option<PathBuf>,
    /// How long a request waits for it.
    pub budget: Duration,
}

/// Where Redis listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisPlace {
    /// A unix socket.
    Socket(PathBuf),
    /// A host and a port.
    Tcp(String, u16),
}
