//! Complaints about upstreams in trouble, and about memory.

use std::net::SocketAddr;
use std::time::Duration;

use crate::client::{Client, chat, question};
use crate::stage::{Gateway, until};
use crate::upstream::{
    Act, SSE, Upstream, canon, chunk, events, good, good_json, refusal, say, whole,
};

/// The most that this process may hold after a storm.
const MOST_MEMORY: u64 = 80;

#[test]
fn retry_after_ignored_or_retries_multiply() {
    let upstream = Upstream::play([refusal(429, "retry-after: 2\r\n", "{}"), good_json("a")]);
    let gateway = Gateway::before(&[&upstream], "");
    assert_eq!(gateway.say("x", false).body, whole("a"));
    let gap = upstream.books(|books| books.times[1] - books.times[0]);
    assert!(
        gap >= Duration::from_millis(1950),
        "it came back after {gap:?}"
    );

    for (act, most, timeouts) in [
        (refusal(429, "", "{}"), 3, ""),
        (refusal(503, "", "{}"), 3, ""),
        (refusal(500, "", "{}"), 3, ""),
        // It may have begun to work: once is enough.
        (Act::Hang(String::new()), 1, "read_timeout_seconds = 1"),
    ] {
        let upstream = Upstream::play([act]);
        let gateway = Gateway::with_timeouts(&[&upstream], timeouts);
        let answer = gateway.say("x", false);
        assert!(answer.status >= 429, "{answer:?}");
        assert!(
            (1..=most).contains(&upstream.asked()),
            "{} tries: {answer:?}",
            upstream.asked()
        );
        assert_eq!(answer.header("x-should-retry"), Some("false"), "{answer:?}");
    }

    // A wait that is too long to be waited for here is the client's, and is told as it is.
    let upstream = Upstream::play([refusal(429, "retry-after: 50\r\n", "{}")]);
    let gateway = Gateway::before(&[&upstream], "");
    let answer = gateway.say("x", false);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((45..=51).contains(&wait), "{answer:?}");
    assert_eq!(upstream.asked(), 1);
}

#[test]
fn failover_not_firing() {
    let html = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>";
    let alive = SSE.to_owned() + &chunk(": keep-alive\n\n");
    for (name, act, timeouts) in [
        ("503", refusal(503, "", "{}"), ""),
        ("500", refusal(500, "", "{}"), ""),
        ("429", refusal(429, "retry-after: 9\r\n", "{}"), ""),
        ("401", refusal(401, "", "{}"), ""),
        ("402", refusal(402, "", "{}"), ""),
        ("a reset before the head", Act::Break(String::new()), ""),
        (
            "silence before the head",
            Act::Hang(String::new()),
            "read_timeout_seconds = 1",
        ),
        (
            "silence before the first token",
            Act::Hang(alive.clone()),
            "read_timeout_seconds = 1",
        ),
        ("a reset before the first token", Act::Break(alive), ""),
        ("a web page", say(html.to_owned()), ""),
    ] {
        let (broken, other) = (Upstream::play([act]), Upstream::play([good()]));
        let gateway = Gateway::with_timeouts(&[&broken, &other], timeouts);
        let answer = gateway.say("x", true);
        assert_eq!(
            (answer.status, answer.is_whole),
            (200, true),
            "{name}: {answer:?}"
        );
        assert!(answer.body.ends_with(&canon()), "{name}: {}", answer.body);
        assert_eq!(other.asked(), 1, "{name}");
        assert!(
            broken.asked() <= 2,
            "{name}: asked {} times",
            broken.asked()
        );
    }
    let other = Upstream::play([good()]);
    // Nothing listens on port 1, and nothing can be given it by the kernel.
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    let gateway = Gateway::before_addresses(&[nobody, other.address], "");
    assert!(
        gateway.say("x", true).body.ends_with(&canon()),
        "refused connection"
    );
}

#[test]
fn memory_growth() {
    let large = "y".repeat(300_000);
    let upstream = Upstream::play([good_json(&large)]);
    let gateway = Gateway::before(
        &[&upstream],
        "[cache]\nmemory_bytes = 4000000\nentry_bytes = 1000000",
    );
    for number in 0..200 {
        let answer = gateway.say(&format!("large {number}"), false);
        assert_eq!(
            (answer.status, answer.body.len()),
            (200, whole(&large).len())
        );
    }
    // Streams whose clients leave, and questions as long as answers.
    upstream.now_plays([Act::Hang(SSE.to_owned() + &chunk(&events(2000)))]);
    for number in 0..100 {
        let words = format!("left {number} {}", "z".repeat(100_000));
        let mut client = Client::send(gateway.clients, &chat(&question(&words, true)));
        assert_eq!(client.head().status, 200);
        assert!(client.chunk().unwrap().starts_with("data: "));
    }
    until("the memory that was held", || {
        gateway.memory() <= MOST_MEMORY
    });
    assert!(upstream.asked() >= 300, "{}", upstream.asked());
}
