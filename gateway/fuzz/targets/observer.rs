//! What judges answers: however they are cut into chunks the verdict is the same, and what is cut short is never kept.
#![no_main]

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use dsline_gateway::cache::{
    Endpoint, Expected, Form, Key, Need, Observer, Question, Scope, Skip, Verdict,
};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;

/// What came of an answer: why it is not kept, or all that can be served from it.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Skipped(Skip),
    Kept(Bytes, Vec<Option<Bytes>>),
}

#[derive(Clone, Copy)]
struct Case {
    form: Form,
    endpoint: Endpoint,
    choices: u32,
}

fn outcome<'a>(case: Case, chunks: impl Iterator<Item = &'a [u8]>, cleanly: bool) -> Outcome {
    let question = Question::read(case.endpoint, Bytes::from_static(b"{}")).expect("an object");
    let scope = Scope {
        tenant: "t",
        model: "m",
        path: "/",
    };
    let expected = Expected {
        key: Key::exact(&scope, &question).expect("no key twice"),
        endpoint: case.endpoint,
        choices: case.choices,
        longest: 4096,
    };
    let kind = HeaderValue::from_static(case.form.content_type());
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
    let mut observer = Observer::new(expected, StatusCode::OK, &headers);
    chunks.for_each(|chunk| observer.feed(chunk));
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    match observer.finish(cleanly, now) {
        Verdict::Skip(skip) => Outcome::Skipped(skip),
        Verdict::Admit(entry) => {
            let needs = [Form::Json, Form::Stream]
                .into_iter()
                .flat_map(|form| [false, true].map(|wants_usage| Need { form, wants_usage }));
            let served = needs.map(|need| {
                let body = entry.render(need);
                // Nobody asks for embeddings as a stream, and they do not come as one.
                if case.endpoint != Endpoint::Embeddings || need.form == Form::Json {
                    assert_eq!(body.is_some(), entry.can_serve(need), "{need:?}");
                }
                body
            });
            Outcome::Kept(entry.body(), served.collect())
        }
    }
}

// The first two bytes choose the case and the chunks.
fuzz_target!(|data: &[u8]| {
    let [choice, size, body @ ..] = data else {
        return;
    };
    let case = Case {
        form: if choice & 1 == 0 {
            Form::Stream
        } else {
            Form::Json
        },
        endpoint: [Endpoint::Chat, Endpoint::Completions, Endpoint::Embeddings]
            [usize::from(choice >> 1) % 3],
        choices: u32::from(choice >> 4 & 3),
    };
    let at_once = outcome(case, std::iter::once(body), true);
    let in_parts = outcome(case, body.chunks(usize::from(size % 32) + 1), true);
    assert_eq!(in_parts, at_once, "the chunks decided");
    let broken_off = outcome(case, std::iter::once(body), false);
    assert!(matches!(broken_off, Outcome::Skipped(_)), "{broken_off:?}");
    let Outcome::Kept(..) = at_once else {
        return;
    };
    // The last of it that says something is gone: its connection may have ended cleanly all the same.
    let said = body.trim_ascii_end().len();
    let cut = outcome(case, std::iter::once(&body[..said.saturating_sub(1)]), true);
    assert!(matches!(cut, Outcome::Skipped(_)), "{cut:?}");
});
