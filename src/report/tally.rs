//! A node's audit trail as it is read, record by record: what is kept of it does not grow with the requests.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::account::{Event, Excerpt, Span, Window};
use crate::line::{TrailRecord, without_secrets};

/// Seconds that are counted together.
const WINDOW: i64 = 300;
/// So many lines of errors are kept of a node.
const EXCERPTS: usize = 20;
/// So many events are kept of a node: a gateway that starts over and over has more.
const EVENTS: usize = 200;

/// Events of a gateway that a reader of the timeline wants to know; the others are only of interest in the trail.
const GATEWAY: [&str; 7] = [
    "started",
    "stopping",
    "stopped",
    "cut_short",
    "warning",
    "accept_failed",
    "audit_failing",
];
/// The same of what it says of the APIs behind it.
const UPSTREAM: [&str; 4] = [
    "upstream_tripped",
    "upstream_benched",
    "upstream_recovered",
    "upstream_retry_budget_spent",
];
/// What of a request's record is shown: not who asked, nor what.
const SHOWN: [&str; 8] = [
    "method",
    "path",
    "status",
    "end",
    "upstream",
    "model",
    "ms",
    "request_id",
];

/// What was counted so far.
#[derive(Clone, Debug)]
pub struct Tally {
    span: Span,
    /// Whose trail it is. A record's own word for it may be the machine's name.
    node: String,
    windows: BTreeMap<(i64, String), Window>,
    /// What happened to its gateway.
    pub events: Vec<Event>,
    /// The first errors.
    pub excerpts: Vec<Excerpt>,
    /// Errors and events that there was no room for.
    pub left_out: u64,
    /// Lines that are no records.
    pub odd: u64,
}

impl Tally {
    /// Nothing is counted yet of the trail of a node.
    pub fn new(span: Span, node: impl Into<String>) -> Self {
        Self {
            span,
            node: node.into(),
            windows: BTreeMap::new(),
            events: Vec::new(),
            excerpts: Vec::new(),
            left_out: 0,
            odd: 0,
        }
    }

    /// Counts a line; says whether the span may go on behind it.
    pub fn add(&mut self, line: &str) -> bool {
        let record = TrailRecord::parse(line);
        let read = record.and_then(|record| Some((record.time.parse().ok()?, record)));
        let Some::<(Timestamp, TrailRecord)>((at, record)) = read else {
            self.odd += 1;
            return true;
        };
        if at > self.span.until {
            return false;
        }
        if self.span.holds(at) {
            match record.kind.as_str() {
                "API_REQUEST" => self.request(at, &record),
                "GATEWAY" => self.gateway(at, &record),
                "TRAIL_BEGIN" => self.mark(at, &record, "begun", "a gateway process began"),
                "TRAIL_END" => self.mark(at, &record, "ended", "a gateway process ended"),
                "TRAIL_DROPPED" => self.mark(at, &record, "dropped", "audit records were lost"),
                _ => {}
            }
        }
        true
    }

    /// The counts, five minutes by five minutes.
    pub fn windows(&self) -> Vec<Window> {
        self.windows.values().cloned().collect()
    }

    fn request(&mut self, at: Timestamp, record: &TrailRecord) {
        let begin = at.as_second() - at.as_second().rem_euclid(WINDOW);
        let from = Timestamp::from_second(begin).unwrap_or(at);
        let window = self
            .windows
            .entry((begin, self.node.clone()))
            .or_insert_with(|| Window {
                from,
                node: self.node.clone(),
                requests: 0,
                errors: 0,
                limited: 0,
                refused: 0,
            });
        let field = |name: &str| record.fields.get(name).map_or("", String::as_str);
        let status: u16 = field("status").parse().unwrap_or_default();
        let is_error = status >= 500 || field("end") == "upstream_cut";
        window.requests += 1;
        window.errors += u64::from(is_error);
        window.limited += u64::from(status == 429);
        window.refused += u64::from((400..500).contains(&status) && status != 429);
        if is_error {
            let words = SHOWN
                .iter()
                .filter(|name| record.fields.contains_key(**name))
                .map(|name| format!("{name}={}", shown(name, field(name))));
            let line = words.collect::<Vec<_>>().join(" ");
            self.excerpt(at, line);
        }
    }

    fn gateway(&mut self, at: Timestamp, record: &TrailRecord) {
        let message = record.fields.get("message").map_or("", String::as_str);
        let Ok(told) = serde_json::from_str::<Value>(message) else {
            // What a program says that dies is no JSON.
            return self.excerpt(at, without_secrets(message));
        };
        let (word, detail) = (told["event"].as_str(), told["detail"].as_str());
        let word = word.unwrap_or_default();
        let kind = if GATEWAY.contains(&word) {
            "gateway"
        } else if UPSTREAM.contains(&word) {
            "upstream"
        } else {
            return;
        };
        let what = format!("{word} {}", detail.unwrap_or_default());
        self.event(Event {
            at,
            place: self.node.clone(),
            kind,
            word: word.to_owned(),
            what: without_secrets(what.trim()),
        });
    }

    fn mark(&mut self, at: Timestamp, record: &TrailRecord, word: &str, what: &str) {
        let dropped = record.fields.get("dropped").filter(|count| *count != "0");
        let dropped = dropped.map(|count| format!("; {count} audit records were lost"));
        self.event(Event {
            at,
            place: self.node.clone(),
            kind: "gateway",
            word: word.to_owned(),
            what: without_secrets(&format!("{what}{}", dropped.unwrap_or_default())),
        });
    }

    fn event(&mut self, event: Event) {
        if self.events.len() < EVENTS {
            self.events.push(event);
        } else {
            self.left_out += 1;
        }
    }

    fn excerpt(&mut self, at: Timestamp, line: String) {
        if self.excerpts.len() < EXCERPTS {
            let node = self.node.clone();
            self.excerpts.push(Excerpt { at, node, line });
        } else {
            self.left_out += 1;
        }
    }
}

/// A field's value; a request's id looks like a secret and is none, as long as it has the form that nginx and the gateway give it.
fn shown(name: &str, value: &str) -> String {
    let is_id = value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if name == "request_id" && is_id {
        return value.to_owned();
    }
    without_secrets(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        Tally::new(
            Span {
                since: "2026-11-23T06:00:00Z".parse().unwrap(),
                until: "2026-11-23T07:00:00Z".parse().unwrap(),
            },
            "us-east-1/1",
        )
    }

    fn line(time: &str, kind: &str, rest: &str) -> String {
        format!("<134>1 2026-11-23T{time} us-east-1/1 dsline-gateway 1 {kind} {rest}")
    }

    #[test]
    fn requests_are_counted_by_five_minutes_and_errors_are_quoted_without_their_askers() {
        let mut tally = tally();
        let request = |time: &str, fields: &str| {
            line(time, "API_REQUEST", &format!("[dsline@32473 {fields}]"))
        };
        for text in [
            request("05:59:59.999Z", "status=\"500\""),
            request("06:00:00.000Z", "status=\"200\""),
            request(
                "06:04:59.000Z",
                "subject=\"alice\" prompt=\"hello\" path=\"/v1/x\" status=\"502\" request_id=\"018f3b5a0000700080000123456789ab\"",
            ),
            request("06:05:00.000+00:00", "status=\"429\""),
            request("06:06:00Z", "status=\"200\" end=\"upstream_cut\""),
            request("06:07:00Z", "status=\"401\""),
            "no record".to_owned(),
        ] {
            assert!(tally.add(&text), "{text}");
        }
        assert!(!tally.add(&request("07:00:01Z", "status=\"200\"")));
        let counts: Vec<_> = tally
            .windows()
            .iter()
            .map(|one| {
                (
                    one.from.to_string(),
                    one.requests,
                    one.errors,
                    one.limited,
                    one.refused,
                )
            })
            .collect();
        assert_eq!(
            counts,
            [
                ("2026-11-23T06:00:00Z".to_owned(), 2, 1, 0, 0),
                ("2026-11-23T06:05:00Z".to_owned(), 3, 1, 1, 1),
            ]
        );
        assert_eq!(tally.odd, 1);
        assert_eq!(
            tally.excerpts[0].line,
            "path=/v1/x status=502 request_id=018f3b5a0000700080000123456789ab"
        );
    }

    #[test]
    fn what_a_gateway_says_is_an_event_or_a_line_and_never_a_secret() {
        let mut tally = tally();
        for (time, kind, rest) in [
            (
                "06:00:00Z",
                "TRAIL_BEGIN",
                "[dsline@32473 seq=\"0\" run=\"3\"]",
            ),
            (
                "06:00:01Z",
                "GATEWAY",
                "- {\"event\": \"upstream_tripped\", \"detail\": \"deepseek for 10 s\"}",
            ),
            (
                "06:00:02Z",
                "GATEWAY",
                "- {\"event\": \"upstream_retry\", \"detail\": \"deepseek\"}",
            ),
            ("06:00:03Z", "GATEWAY", "- panicked with sk-live"),
            (
                "06:00:04Z",
                "TRAIL_END",
                "[dsline@32473 seq=\"9\" dropped=\"2\"]",
            ),
        ] {
            tally.add(&line(time, kind, rest));
        }
        let told: Vec<_> = tally
            .events
            .iter()
            .map(|one| (one.kind, one.what.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("gateway", "a gateway process began"),
                ("upstream", "upstream_tripped deepseek for 10 s"),
                (
                    "gateway",
                    "a gateway process ended; 2 audit records were lost"
                ),
            ]
        );
        assert_eq!(tally.excerpts[0].line, "panicked with [hidden]");
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let mut tally = tally();
        for _ in 0..=EVENTS {
            tally.add(&line(
                "06:00:00Z",
                "TRAIL_BEGIN",
                "[dsline@32473 seq=\"0\" run=\"3\"]",
            ));
        }
        assert_eq!((tally.events.len(), tally.left_out), (EVENTS, 1));
    }
}
