//! One request from its arrival to its last byte: counted while it lives, logged when it is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use serde_json::json;

use super::log::Log;
use super::metrics::Metrics;

/// The longest path that is logged whole.
const LONGEST_PATH: usize = 512;

/// The books of this process.
pub struct Ledger {
    /// What is counted.
    pub metrics: Metrics,
    /// What is written.
    pub log: Log,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The client got all of it.
    Complete,
    /// The upstream broke off after the answer had begun.
    UpstreamCut,
    /// The client left first. What is dropped without a word ended like this.
    ClientGone,
}

/// The entry of one request; dropping it closes the entry.
pub struct Exchange {
    ledger: Arc<Ledger>,
    request_id: String,
    method: String,
    path: String,
    key: Option<String>,
    status: Option<u16>,
    ending: Ending,
    received: Arc<AtomicU64>,
    sent: u64,
    began: Instant,
    first_byte_ms: Option<u128>,
}

impl Ledger {
    /// Empty books.
    pub fn new(log: Log) -> Self {
        Self {
            metrics: Metrics::default(),
            log,
        }
    }

    /// Opens the entry of a request. The path comes without its query, which may hold secrets.
    pub fn open(self: &Arc<Self>, request_id: &str, method: &str, path: &str) -> Exchange {
        self.metrics.began();
        Exchange {
            ledger: Arc::clone(self),
            request_id: request_id.to_owned(),
            method: method.to_owned(),
            path: path.chars().take(LONGEST_PATH).collect(),
            key: None,
            status: None,
            ending: Ending::ClientGone,
            received: Arc::default(),
            sent: 0,
            began: Instant::now(),
            first_byte_ms: None,
        }
    }
}

impl Exchange {
    /// The id that this request bears everywhere.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The path that was asked for, without its query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The caller is known, by the fingerprint of its key.
    pub fn admitted(&mut self, fingerprint: String) {
        self.key = Some(fingerprint);
    }

    /// The answer's status is known.
    pub fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// The counter of body bytes that came from the client.
    pub fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }

    /// So many bytes of the answer's body went to the client.
    pub fn sent(&mut self, bytes: u64) {
        self.first_byte_ms
            .get_or_insert_with(|| self.began.elapsed().as_millis());
        self.sent += bytes;
    }

    /// The answer came to this end; the first word counts.
    pub fn ended(&mut self, ending: Ending) {
        if self.ending == Ending::ClientGone {
            self.ending = ending;
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.ledger.metrics.ended(self.status);
        let ending = match self.ending {
            Ending::Complete => "complete",
            Ending::UpstreamCut => "upstream_cut",
            Ending::ClientGone => "client_gone",
        };
        self.ledger.log.line(&json!({
            "time": humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            "event": "request",
            "request_id": self.request_id,
            "key": self.key,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "end": ending,
            "ms": self.began.elapsed().as_millis(),
            "first_byte_ms": self.first_byte_ms,
            "bytes_in": self.received.load(Ordering::Relaxed),
            "bytes_out": self.sent,
        }));
    }
}
