//! Complaints about streams: ends that lie, buffers, heartbeats that break clients, work for clients that left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::{Client, chat, question};
use crate::stage::{Gateway, until};
use crate::upstream::{
    Act, END, Gate, JSON, SSE, Upstream, canon, chunk, events, finish, good, say, whole,
};

/// Heartbeats that a test can wait for.
const OFTEN: &str = "[streams]\nheartbeat_seconds = 1";

/// From a client's leave to the upstream's cancelled call: 100 ms, and what a busy machine adds.
const CANCELLED_WITHIN: Duration = Duration::from_millis(600);

#[test]
fn gateway_ends_a_cut_stream_cleanly() {
    let begun = SSE.to_owned() + &chunk(&events(5));
    let half = SSE.to_owned() + &chunk(&events(5)) + &chunk("data: {\"choi");
    for (name, act, timeouts) in [
        ("a clean end", say(begun.clone() + END), ""),
        ("a clean end within an event", say(half.clone() + END), ""),
        ("a reset", Act::Break(begun.clone()), ""),
        ("a reset within an event", Act::Break(half), ""),
        ("silence", Act::Hang(begun), "idle_timeout_seconds = 1"),
    ] {
        let upstream = Upstream::play([act]);
        let gateway = Gateway::with_timeouts(&[&upstream], timeouts);
        let answer = gateway.say("cut", true);
        assert_eq!(
            (answer.status, answer.is_whole),
            (200, false),
            "{name}: {}",
            answer.body
        );
        let last = answer
            .said()
            .trim_end()
            .rsplit("\n\n")
            .next()
            .unwrap()
            .to_owned();
        assert!(
            last.contains("data: {\"error\":{"),
            "{name}: {}",
            answer.body
        );
        assert!(!answer.body.contains("[DONE]"), "{name}");
        assert_eq!(
            upstream.asked(),
            1,
            "{name}: it was asked again after the first token"
        );
    }
}

#[test]
fn sse_cut_by_proxies_buffering_or_idle_timers() {
    let gate = Arc::new(Gate::default());
    let pieces = vec![
        SSE.to_owned() + &chunk(&events(1)),
        chunk(&finish("stop")) + END,
    ];
    let upstream = Upstream::play([Act::Steps(pieces, Arc::clone(&gate))]);
    let gateway = Gateway::before(&[&upstream], OFTEN);
    let mut client = Client::send(gateway.clients, &chat(&question("x", true)));
    let head = client.head();
    assert_eq!(head.header("x-accel-buffering"), Some("no"));
    assert_eq!(head.header("content-length"), None);
    // The first event is not held back until there is more.
    assert_eq!(client.chunk().unwrap(), events(1));
    // Nothing between here and the client is idle for longer than a heartbeat.
    assert_eq!(client.chunk().unwrap(), ": keep-alive\n");
    gate.open();
    assert!(client.rest().ends_with(&finish("stop")));
}

#[test]
fn heartbeat_breaks_sdks() {
    let with_ids = events(3).replace("data:", "id: 7\ndata:");
    // Silence between two events, and silence within one.
    let within = with_ids.len() - 20;
    let between = with_ids[..within].rfind("id: 7").unwrap();
    let pieces = vec![
        SSE.to_owned() + &chunk(": keep-alive\n\n") + &chunk(&with_ids[..between]),
        chunk(&with_ids[between..within]),
        chunk(&with_ids[within..]),
        chunk(&finish("stop")) + END,
    ];
    let gate = Arc::new(Gate::default());
    let upstream = Upstream::play([Act::Steps(pieces, Arc::clone(&gate))]);
    let gateway = Gateway::before(&[&upstream], OFTEN);
    let mut client = Client::send(gateway.clients, &chat(&question("x", true)));
    client.head();
    let mut body = String::new();
    let mut read_until = |end: &str| {
        while !body.ends_with(end) {
            body += &client.chunk().unwrap();
        }
    };
    let heartbeat = "\n\n: keep-alive\n";
    read_until(heartbeat);
    gate.open();
    read_until(&with_ids[between..within]);
    // Long enough for one that should not come.
    std::thread::sleep(Duration::from_millis(1500));
    gate.open();
    read_until(heartbeat);
    gate.open();
    body += &client.rest();
    let sent = format!(": keep-alive\n\n{with_ids}{}", finish("stop"));
    // Ours have one line end: a blank line after an event with an id is an empty event to openai-python.
    let ours = body.replacen(": keep-alive\n\n", "", 1);
    assert!(
        ours.contains(": keep-alive\n") && !ours.contains(": keep-alive\n\n"),
        "{ours}"
    );
    assert!(!body.contains("data: :"), "a comment was wrapped: {body}");
    // And none stands within an event: without them every byte is the upstream's.
    assert_eq!(
        ours.replace(": keep-alive\n", ""),
        sent.replacen(": keep-alive\n\n", "", 1)
    );
    for event in ours.split_inclusive("\n\n") {
        let inner = event.trim_start_matches(": keep-alive\n");
        assert!(!inner.contains(": keep-alive"), "{event}");
    }
}

#[test]
fn client_disconnect_does_not_cancel_upstream() {
    leave();
}

/// The same with how soon.
#[test]
#[ignore = "real time: tests/run.sh --full"]
fn client_disconnect_cancels_upstream_late() {
    for (name, took) in leave() {
        assert!(took < CANCELLED_WITHIN, "{name}: {took:?}");
    }
}

/// Leaves in every state of a call; how long the upstream's call lived on.
fn leave() -> Vec<(&'static str, Duration)> {
    let mut times = Vec::new();
    let begun_json = JSON.to_owned() + &chunk(&whole("x")[..20]);
    for (name, act, stream) in [
        ("stream, before the head", Act::Hang(String::new()), true),
        (
            "stream, before the first token",
            Act::Hang(SSE.to_owned() + &chunk(": keep-alive\n\n")),
            true,
        ),
        (
            "stream, within",
            Act::Hang(SSE.to_owned() + &chunk(&events(3))),
            true,
        ),
        (
            "one piece, before the head",
            Act::Hang(String::new()),
            false,
        ),
        ("one piece, within", Act::Hang(begun_json), false),
    ] {
        let upstream = Upstream::play([act]);
        let gateway = Gateway::before(&[&upstream], "");
        let mut client = Client::send(gateway.clients, &chat(&question("x", stream)));
        until("the upstream's request", || upstream.asked() == 1);
        if name == "stream, within" {
            client.head();
            client.chunk().unwrap();
        } else {
            // Time to read what the upstream sent; with less, another moment is tested, and the same must come of it.
            std::thread::sleep(Duration::from_millis(100));
        }
        let left = Instant::now();
        drop(client);
        until("the cancelled call", || {
            upstream.books(|books| books.left.len()) == 1
        });
        times.push((name, upstream.books(|books| books.left[0]) - left));
        assert_eq!(upstream.asked(), 1, "{name}: it was retried for nobody");
    }
    times
}

#[test]
fn client_disconnect_with_followers_cancels_when_the_last_one_leaves() {
    let upstream = Upstream::play([Act::Hang(SSE.to_owned() + &chunk(&events(3))), good()]);
    let gateway = Gateway::before(&[&upstream], "");
    let ask = || Client::send(gateway.clients, &chat(&question("x", true)));
    let mut crowd: Vec<Client> = (0..5).map(|_| ask()).collect();
    for client in &mut crowd {
        client.head();
        assert_eq!(client.chunk().unwrap(), events(3));
    }
    let last = crowd.pop().unwrap();
    drop(crowd);
    gateway.until_it_answers(1);
    assert_eq!(
        (upstream.asked(), upstream.books(|books| books.left.len())),
        (1, 0)
    );
    drop(last);
    until("the cancelled call", || {
        upstream.books(|books| books.left.len()) == 1
    });
    assert_eq!(gateway.say("x", true).body, canon());
}
