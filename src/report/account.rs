//! An account of a time span: the values of all sources, put together and summed up.

use jiff::Timestamp;
use serde::Serialize;

use crate::line::{LineName, Slot, UpstreamStatus};

/// From when to when, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub since: Timestamp,
    /// Its end.
    pub until: Timestamp,
}

impl Span {
    /// Whether a moment lies in it.
    pub fn holds(&self, moment: Timestamp) -> bool {
        (self.since..=self.until).contains(&moment)
    }
}

/// What was read.
#[derive(Clone, Debug)]
pub struct Material {
    /// The line.
    pub line: LineName,
    /// The time that it is about.
    pub span: Span,
    /// When it was read.
    pub made: Timestamp,
    /// What happened, in any order.
    pub events: Vec<Event>,
    /// Requests of all nodes.
    pub traffic: Vec<Window>,
    /// Log lines of errors.
    pub excerpts: Vec<Excerpt>,
    /// The nodes as they are when it is made.
    pub now: Vec<NodeNow>,
    /// What could not be read.
    pub not_read: Vec<Unread>,
    /// What a reader has to know of the sources.
    pub remarks: Vec<String>,
}

/// The whole account; times are UTC.
#[derive(Clone, Debug, Serialize)]
pub struct Account {
    /// The line.
    pub line: LineName,
    /// The beginning of the time that it is about.
    pub since: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// When it was made.
    pub made: Timestamp,
    /// The figures of the whole.
    pub summary: Summary,
    /// What happened, oldest first.
    pub timeline: Vec<Event>,
    /// Requests by node and five minutes, oldest first; five minutes without a request are left out.
    pub traffic: Vec<Window>,
    /// Log lines of errors without secrets, oldest first; the first of each node.
    pub excerpts: Vec<Excerpt>,
    /// The nodes when it was made, not in its time.
    pub now: Vec<NodeNow>,
    /// What could not be read: nothing is known of it.
    pub not_read: Vec<Unread>,
    /// What a reader has to know of the sources.
    pub remarks: Vec<String>,
}

/// The figures of a time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Requests that the audit trails have.
    pub requests: u64,
    /// Those answered with 500 or more, or cut off by the upstream after the answer had begun.
    pub errors: u64,
    /// Share of errors, 0 to 1; null without a request.
    pub error_share: Option<f64>,
    /// Requests answered with 429; no errors here.
    pub limited: u64,
    /// Ticks in which the loop changed something, or tried to.
    pub changes: usize,
    /// Releases that came.
    pub releases: usize,
    /// Starts of a gateway.
    pub starts: usize,
    /// The five minutes with most errors; null if there was none.
    pub worst: Option<Window>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Where: a node, or the line.
    pub place: String,
    /// Who tells it: `loop`, `release`, `gateway` or `upstream`.
    pub kind: &'static str,
    /// A word of the teller's for it, such as `started`, `done` or `healthy`.
    pub word: String,
    /// What happened, as a sentence without secrets.
    pub what: String,
}

/// Five minutes of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// When they begin.
    pub from: Timestamp,
    /// The node, as its records name it.
    pub node: String,
    /// Requests that ended in them.
    pub requests: u64,
    /// Errors among them: 500 or more, or cut off by the upstream.
    pub errors: u64,
    /// Answers with 429 among them.
    pub limited: u64,
    /// Other answers of 400 to 499 among them.
    pub refused: u64,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excerpt {
    /// When it was written.
    pub at: Timestamp,
    /// The node that wrote it.
    pub node: String,
    /// The line, without secrets, questions and whoever asked.
    pub line: String,
}

/// A node when the account is made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeNow {
    /// The node.
    pub node: Slot,
    /// Number of the live release; null if there is none or the node was not reached.
    pub release: Option<u32>,
    /// Whether it fails its health on purpose; null if its gateway did not say.
    pub draining: Option<bool>,
    /// Whether its health check is held down or switched off in Route 53; null without one.
    pub taken_out: Option<bool>,
    /// The APIs behind its gateway.
    pub upstreams: Vec<UpstreamStatus>,
}

/// Something that is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// What could not be read.
    pub what: String,
    /// Why.
    pub why: String,
}

impl Material {
    /// Puts everything in order and sums it up.
    pub fn account(self) -> Account {
        let Self {
            mut events,
            mut traffic,
            mut excerpts,
            mut now,
            span,
            ..
        } = self;
        events.retain(|event| span.holds(event.at));
        events.sort_by(|a, b| (a.at, &a.place).cmp(&(b.at, &b.place)));
        traffic.sort_by(|a, b| (a.from, &a.node).cmp(&(b.from, &b.node)));
        excerpts.sort_by(|a, b| (a.at, &a.node).cmp(&(b.at, &b.node)));
        now.sort_by(|a, b| a.node.cmp(&b.node));
        Account {
            line: self.line,
            since: span.since,
            until: span.until,
            made: self.made,
            summary: summary(&events, &traffic),
            timeline: events,
            traffic,
            excerpts,
            now,
            not_read: self.not_read,
            remarks: self.remarks,
        }
    }
}

fn summary(events: &[Event], traffic: &[Window]) -> Summary {
    let sum = |part: fn(&Window) -> u64| traffic.iter().map(part).sum();
    let (requests, errors): (u64, u64) = (sum(|one| one.requests), sum(|one| one.errors));
    let count = |fits: &dyn Fn(&Event) -> bool| events.iter().filter(|one| fits(one)).count();
    let worst = traffic.iter().filter(|one| one.errors > 0);
    Summary {
        requests,
        errors,
        error_share: share(errors, requests),
        limited: sum(|one| one.limited),
        changes: count(&|one| {
            one.kind == "loop" && matches!(one.word.as_str(), "done" | "partial" | "failed")
        }),
        releases: count(&|one| one.kind == "release"),
        starts: count(&|one| one.kind == "gateway" && one.word == "begun"),
        worst: worst.max_by_key(|one| one.errors).cloned(),
    }
}

/// A share of 0 to 1; none of nothing.
#[expect(
    clippy::cast_precision_loss,
    reason = "no trail has 2^53 requests, and a share is shown with one decimal"
)]
pub(super) fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}
