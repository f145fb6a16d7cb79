//! One request from its arrival to its last byte: counted while it lives, written down when it is dropped.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::audit::Audit;
use super::facts::{Caller, Ending, Facts, Usage, Verdict};
use super::log::Log;
use super::metrics::{Metrics, Times};

/// The longest text of a client's (a path, a model's name) that is kept whole.
const LONGEST: usize = 512;

/// The books of this process.
pub struct Ledger {
    /// What is counted.
    pub metrics: Metrics,
    /// What happens to the gateway itself; requests too, where there is no audit trail.
    pub log: Log,
    /// Where requests are written down.
    pub audit: Option<Audit>,
}

/// The entry of one request; dropping it closes the entry.
pub struct Exchange {
    ledger: Arc<Ledger>,
    facts: Facts,
    received: Arc<AtomicU64>,
    began: Instant,
    first_byte: Option<Duration>,
    first_token: Option<Duration>,
    waited: Duration,
    is_stream: bool,
}

impl Ledger {
    /// Empty books.
    pub fn new(log: Log, audit: Option<Audit>) -> Self {
        Self {
            metrics: Metrics::default(),
            log,
            audit,
        }
    }

    /// Waits until all of it is written, a few seconds at most.
    pub fn flush(&self) {
        if let Some(audit) = &self.audit {
            audit.flush();
        }
        self.log.flush();
    }

    /// Writes the last of it when the process ends.
    pub fn close(&self) {
        if let Some(audit) = &self.audit {
            audit.close();
        }
        self.log.flush();
    }

    /// Opens the entry of a request. The path comes without its query, which may hold secrets.
    pub fn open(self: &Arc<Self>, request_id: &str, method: &str, path: &str) -> Exchange {
        self.metrics.began();
        Exchange {
            ledger: Arc::clone(self),
            facts: Facts {
                request_id: request_id.to_owned(),
                method: method.to_owned(),
                path: path.chars().take(LONGEST).collect(),
                ..Facts::default()
            },
            received: Arc::default(),
            began: Instant::now(),
            first_byte: None,
            first_token: None,
            waited: Duration::ZERO,
            is_stream: false,
        }
    }
}

impl Exchange {
    /// The id that this request bears everywhere.
    pub fn request_id(&self) -> &str {
        &self.facts.request_id
    }

    /// The path that was asked for, without its query.
    pub fn path(&self) -> &str {
        &self.facts.path
    }

    /// When it came.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Where it came from.
    pub fn from_address(&mut self, address: IpAddr) {
        self.facts.address = Some(address.to_string());
    }

    /// The caller is known.
    pub fn admitted(&mut self, caller: Caller) {
        self.facts.caller = caller;
    }

    /// The model that is asked, as the upstream calls it.
    pub fn asks(&mut self, model: &str) {
        self.facts.model = Some(model.chars().take(LONGEST).collect());
    }

    /// The question itself; kept only where the operator asked for it, so it is made only then.
    pub fn says(&mut self, prompt: impl FnOnce() -> String) {
        if self.ledger.audit.as_ref().is_some_and(Audit::takes_prompts) {
            self.facts.prompt = Some(prompt());
        }
    }

    /// Where the answer comes from.
    pub fn comes_from(&mut self, verdict: Verdict) {
        self.facts.verdict = Some(verdict);
    }

    /// The upstream that answers.
    pub fn goes_to(&mut self, upstream: &Arc<str>) {
        self.facts.upstream = Some(Arc::clone(upstream));
    }

    /// So long it waited for upstreams (or for another request's answer), which is not the gateway's own doing.
    pub fn waited(&mut self, time: Duration) {
        self.waited += time;
    }

    /// The tokens that the answer says it used.
    pub fn used(&mut self, usage: Usage) {
        self.facts.usage = Some(usage);
    }

    /// The answer's status is known.
    pub fn answered(&mut self, status: u16) {
        self.facts.status = Some(status);
    }

    /// The answer is a stream of events.
    pub fn streams(&mut self) {
        if !self.is_stream {
            self.is_stream = true;
            self.ledger.metrics.stream_opened();
        }
    }

    /// The counter of body bytes that came from the client.
    pub fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }

    /// So many body bytes came from the client.
    pub fn take(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes of the answer's body went to the client.
    pub fn sent(&mut self, bytes: u64) {
        self.first_byte.get_or_insert_with(|| self.began.elapsed());
        self.facts.bytes_out += bytes;
    }

    /// The answer's first token went to the client; signs of life before it are no token.
    pub fn spoke(&mut self) {
        self.first_token.get_or_insert_with(|| self.began.elapsed());
    }

    /// The answer came to this end; the first word counts.
    pub fn ended(&mut self, ending: Ending) {
        self.facts.ending.get_or_insert(ending);
    }

    fn is_refusal(&self) -> bool {
        self.facts
            .status
            .is_some_and(|status| (400..500).contains(&status))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let ledger = &self.ledger;
        let times = Times {
            first_byte: self.first_byte,
            first_token: self.first_token.or(self.first_byte),
            total: self.began.elapsed(),
            waited: self.waited,
        };
        if self.is_stream {
            ledger.metrics.stream_closed();
        }
        ledger.metrics.ended(self.facts.status);
        if let Some(verdict) = self.facts.verdict {
            ledger.metrics.came_from(verdict, self.facts.usage);
        }
        // Refusals are quick, and many of them would make a slow node look fast.
        if !self.is_refusal() {
            ledger.metrics.took(&self.facts, times);
        }
        let mut facts = std::mem::take(&mut self.facts);
        facts.ending.get_or_insert(Ending::ClientGone);
        facts.ms = millis(times.total);
        facts.first_byte_ms = times.first_byte.map(millis);
        let own = times
            .first_byte
            .map(|time| time.saturating_sub(times.waited));
        facts.overhead_us = own.map(|own| u64::try_from(own.as_micros()).unwrap_or(u64::MAX));
        facts.bytes_in = self.received.load(Ordering::Relaxed);
        match &ledger.audit {
            Some(audit) => audit.record(facts),
            None => ledger.log.request(&facts),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
