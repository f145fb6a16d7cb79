//! Watches an answer go by and says at its end whether it is worth keeping: only what is complete and good is.

use std::time::SystemTime;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};

use super::entry::{Entry, Facts, Form};
use super::key::Key;
use super::question::Endpoint;
use super::seen::Seen;
use super::skip::Skip;
use crate::wire::{Lines, Part};

/// What the answer must be to be kept.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// The question.
    pub key: Key,
    /// Where it was sent.
    pub endpoint: Endpoint,
    /// How many choices it asked for.
    pub choices: u32,
    /// The longest body that is kept.
    pub longest: usize,
}

/// What became of an answer.
#[derive(Debug)]
pub enum Verdict {
    /// It can be given again.
    Admit(Entry),
    /// It must not be.
    Skip(Skip),
}

/// Sees every byte of one answer; holds a copy of it until the end, or until it is known not to be kept.
#[derive(Debug)]
pub struct Observer {
    expected: Expected,
    lines: Lines,
    seen: Seen,
}

impl Observer {
    /// Begins with the head of the answer.
    pub fn new(expected: Expected, status: StatusCode, headers: &HeaderMap) -> Self {
        let seen = match form(status, headers) {
            // Nobody could be served from it: embeddings are asked for in one piece.
            Ok(Form::Stream) if expected.endpoint == Endpoint::Embeddings => {
                Seen::spoilt(Skip::ContentType)
            }
            Ok(form) => Seen::new(form, expected.longest),
            Err(skip) => Seen::spoilt(skip),
        };
        Self {
            expected,
            lines: Lines::default(),
            seen,
        }
    }

    /// Takes notice of the next bytes of the body.
    pub fn feed(&mut self, bytes: &[u8]) {
        let Self { lines, seen, .. } = self;
        if seen.skip().is_some() {
            return;
        }
        if seen.form() == Form::Stream {
            lines.feed(bytes, &mut |part| seen.part(part));
            seen.bound(lines.begun().len());
        } else {
            seen.body(bytes);
        }
    }

    /// The reason for which the answer is already known not to be kept.
    pub fn skip(&self) -> Option<Skip> {
        self.seen.skip()
    }

    /// The answer is over; `cleanly` if its connection said so and nobody cut it.
    pub fn finish(self, cleanly: bool, now: SystemTime) -> Verdict {
        let Self {
            expected,
            lines,
            mut seen,
        } = self;
        if !cleanly {
            seen.give_up(Skip::Cut);
        }
        match seen.form() {
            Form::Stream => {
                // `data: [DONE]` without its line ends is an end all the same; it is kept with them.
                if !lines.begun().is_empty() {
                    seen.part(Part::Line(lines.begun(), b'\n'));
                }
                seen.end_stream();
            }
            Form::Json => seen.end_body(expected.endpoint),
        }
        if expected.endpoint != Endpoint::Embeddings {
            seen.judge(expected.choices);
        }
        match seen.into_kept() {
            Err(skip) => Verdict::Skip(skip),
            Ok((kept, form, usage, tokens)) => {
                let facts = Facts {
                    key: expected.key,
                    form,
                    usage,
                    tokens,
                    stored: now,
                };
                Verdict::Admit(Entry::seal(kept, facts))
            }
        }
    }
}

fn form(status: StatusCode, headers: &HeaderMap) -> Result<Form, Skip> {
    if status != StatusCode::OK {
        return Err(Skip::Status);
    }
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|coding| coding != "identity")
    {
        return Err(Skip::Encoded);
    }
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let kind = kind
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default()
        .trim();
    if kind.eq_ignore_ascii_case("text/event-stream") {
        Ok(Form::Stream)
    } else if kind.eq_ignore_ascii_case("application/json") {
        Ok(Form::Json)
    } else {
        Err(Skip::ContentType)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderValue;

    use super::super::entry::{Need, Tokens};
    use super::*;

    const KEY: Key = Key::from_bytes([1; 32]);

    fn observed(kind: &'static str, body: &[u8], expected: Expected, chunk: usize) -> Verdict {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let mut observer = Observer::new(expected, StatusCode::OK, &headers);
        body.chunks(chunk).for_each(|bytes| observer.feed(bytes));
        observer.finish(true, SystemTime::UNIX_EPOCH + Duration::from_secs(9))
    }

    fn expected(choices: u32) -> Expected {
        let endpoint = Endpoint::Chat;
        Expected {
            key: KEY,
            endpoint,
            choices,
            longest: 10_000,
        }
    }

    /// The verdict on a stream of chunks, each one choice list; `DONE` stands for the end mark.
    fn stream(chunks: &[&str]) -> Result<Entry, Skip> {
        let event = |chunk: &&str| match *chunk {
            "DONE" => "data: [DONE]\n\n".to_owned(),
            chunk => format!("data: {{\"choices\":[{chunk}]}}\n\n"),
        };
        let body: String = chunks.iter().map(event).collect();
        decided(observed(
            "text/event-stream",
            body.as_bytes(),
            expected(1),
            7,
        ))
    }

    fn json(body: &str) -> Result<Entry, Skip> {
        decided(observed(
            "application/json; charset=utf-8",
            body.as_bytes(),
            expected(1),
            5,
        ))
    }

    fn decided(verdict: Verdict) -> Result<Entry, Skip> {
        match verdict {
            Verdict::Admit(entry) => Ok(entry),
            Verdict::Skip(skip) => Err(skip),
        }
    }

    const SAYS: &str =
        r#"{"index":0,"delta":{"role":"assistant","content":"hi"},"finish_reason":null}"#;

    fn ends(reason: &str) -> String {
        format!(r#"{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}"#)
    }

    #[test]
    fn only_good_ends_are_kept() {
        for (reason, verdict) in [
            ("stop", None),
            ("length", Some(Skip::Length)),
            ("content_filter", Some(Skip::ContentFilter)),
            ("insufficient_system_resource", Some(Skip::OutOfResources)),
            ("pause", Some(Skip::OtherReason)),
            ("", Some(Skip::Unfinished)),
        ] {
            assert_eq!(
                stream(&[SAYS, &ends(reason), "DONE"]).err(),
                verdict,
                "{reason}"
            );
            let body = format!(
                r#"{{"choices":[{{"message":{{"content":"hi"}},"finish_reason":"{reason}"}}]}}"#
            );
            assert_eq!(json(&body).err(), verdict, "{reason}");
        }
    }

    #[test]
    fn a_stream_that_was_cut_is_never_kept() {
        // The gonka case (#1722): the upstream's connection ended cleanly in the middle.
        assert_eq!(stream(&[SAYS]).err(), Some(Skip::NoDone));
        assert_eq!(stream(&[SAYS, &ends("stop")]).err(), Some(Skip::NoDone));
        assert_eq!(stream(&[SAYS, "DONE"]).err(), Some(Skip::Unfinished));
        assert_eq!(
            stream(&[SAYS, &ends("stop"), "DONE", SAYS]).err(),
            Some(Skip::Malformed)
        );
        let whole = format!(
            "data: {{\"choices\":[{SAYS}]}}\n\ndata: {{\"choices\":[{}]}}\n\ndata: [DONE]\n\n",
            ends("stop")
        );
        for cut in 0..whole.len() - 2 {
            let verdict = observed(
                "text/event-stream",
                &whole.as_bytes()[..cut],
                expected(1),
                9,
            );
            assert!(
                matches!(verdict, Verdict::Skip(_)),
                "kept {cut} bytes of {}",
                whole.len()
            );
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        let mut observer = Observer::new(expected(1), StatusCode::OK, &headers);
        observer.feed(whole.as_bytes());
        assert!(matches!(
            observer.finish(false, SystemTime::now()),
            Verdict::Skip(Skip::Cut)
        ));
    }

    #[test]
    fn every_choice_that_was_asked_for_must_be_there() {
        let other = r#"{"index":1,"delta":{"content":"b"},"finish_reason":"stop"}"#;
        let body = format!(
            "data: {{\"choices\":[{SAYS},{other}]}}\n\ndata: {{\"choices\":[{}]}}\n\ndata: [DONE]\n\n",
            ends("stop")
        );
        let verdict = |choices| {
            decided(observed(
                "text/event-stream",
                body.as_bytes(),
                expected(choices),
                64,
            ))
            .err()
        };
        assert_eq!((verdict(2), verdict(3)), (None, Some(Skip::Unfinished)));
        assert_eq!(stream(&[SAYS, other, "DONE"]).err(), Some(Skip::Unfinished));
    }

    #[test]
    fn what_is_wrong_inside_is_seen() {
        assert_eq!(
            stream(&["{\"index\":", "DONE"]).err(),
            Some(Skip::Malformed)
        );
        let error = b"data: {\"error\":{\"message\":\"x\"}}\n\ndata: [DONE]\n\n";
        assert_eq!(
            decided(observed("text/event-stream", error, expected(1), 99)).err(),
            Some(Skip::ErrorInside)
        );
        assert_eq!(
            json(r#"{"error":{"message":"x"}}"#).err(),
            Some(Skip::ErrorInside)
        );
        assert_eq!(json(r#"{"choices":[]}"#).err(), Some(Skip::Unfinished));
        assert_eq!(
            json(r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#).err(),
            Some(Skip::Empty)
        );
        assert_eq!(json("{\"choices\":").err(), Some(Skip::Malformed));
        assert_eq!(
            json(&format!("\"{}\"", "x".repeat(10_000))).err(),
            Some(Skip::TooLarge)
        );
        let endless = format!("data: {}", "x".repeat(11_000));
        assert_eq!(
            decided(observed(
                "text/event-stream",
                endless.as_bytes(),
                expected(1),
                99
            ))
            .err(),
            Some(Skip::TooLarge)
        );
    }

    #[test]
    fn only_readable_good_answers_are_looked_at() {
        for (status, kind, coding, skip) in [
            (StatusCode::CREATED, "application/json", None, Skip::Status),
            (StatusCode::OK, "text/html", None, Skip::ContentType),
            (
                StatusCode::OK,
                "application/json",
                Some("gzip"),
                Skip::Encoded,
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            if let Some(coding) = coding {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
            let mut observer = Observer::new(expected(1), status, &headers);
            observer.feed(b"{}");
            assert_eq!(
                decided(observer.finish(true, SystemTime::now())).err(),
                Some(skip)
            );
        }
    }

    #[test]
    fn tool_calls_must_carry_json() {
        let call = |arguments: &str| {
            format!(
                r#"{{"index":0,"delta":{{"tool_calls":[{{"index":0,"id":"t","type":"function","function":{{"name":"f","arguments":"{arguments}"}}}}]}}}}"#
            )
        };
        let end = ends("tool_calls");
        assert_eq!(
            stream(&[&call(r#"{\"a\":"#), &call(r#"\"\\u00e9\"}"#), &end, "DONE"]).err(),
            None
        );
        assert_eq!(stream(&[&call(""), &end, "DONE"]).err(), None);
        assert_eq!(
            stream(&[&call(r#"{\"a\":"#), &end, "DONE"]).err(),
            Some(Skip::ToolArguments)
        );
    }

    #[test]
    fn heartbeats_are_not_kept_and_everything_else_is() {
        let chunk = r#"{"id":"1","choices":[{"index":0,"delta":{"content":"\ud83d"},"logprobs":null,"odd":[1.0],"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":6}}"#;
        let came = format!(
            "\n: keep-alive\n\n: keep-alive\nid: 7\r\n: keep-alive\r\ndata: {chunk}\r\n\r\n\r\n:\n\ndata:[DONE]"
        );
        let kept = format!("id: 7\r\ndata: {chunk}\r\n\r\ndata:[DONE]\n\n");
        for size in 1..came.len() {
            let entry = decided(observed(
                "text/event-stream",
                came.as_bytes(),
                expected(1),
                size,
            ))
            .unwrap();
            assert_eq!(entry.body(), kept, "chunks of {size}");
            assert_eq!(
                entry.tokens(),
                Tokens {
                    prompt: 5,
                    completion: 6
                }
            );
        }
        let entry = json("\n\n\n \n{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]} \n").unwrap();
        assert!(entry.body().starts_with(b"{\"choices\""));
    }

    #[test]
    fn an_event_of_usage_alone_can_be_left_out() {
        let usage =
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n";
        let before = format!(
            "data: {{\"choices\":[{SAYS}]}}\n\ndata: {{\"choices\":[{}]}}\n\n",
            ends("stop")
        );
        let body = format!("{before}: keep-alive\n\n{usage}data: [DONE]\n\n");
        let entry = decided(observed(
            "text/event-stream",
            body.as_bytes(),
            expected(1),
            11,
        ))
        .unwrap();
        let need = |wants_usage| Need {
            form: Form::Stream,
            wants_usage,
        };
        assert_eq!(
            entry.render(need(true)).unwrap(),
            format!("{before}{usage}data: [DONE]\n\n")
        );
        assert_eq!(
            entry.render(need(false)).unwrap(),
            format!("{before}data: [DONE]\n\n")
        );
    }

    #[test]
    fn embeddings_need_data() {
        let expected = Expected {
            endpoint: Endpoint::Embeddings,
            ..expected(1)
        };
        let verdict =
            |body: &str| decided(observed("application/json", body.as_bytes(), expected, 8)).err();
        assert_eq!(
            verdict(
                r#"{"object":"list","data":[{"embedding":[0.10]}],"usage":{"prompt_tokens":8,"total_tokens":8}}"#
            ),
            None
        );
        assert_eq!(verdict(r#"{"object":"list","data":[]}"#), Some(Skip::Empty));
    }
}
