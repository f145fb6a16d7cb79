//! Complaints about streams: ends that lie, buffers, heartbeats that break clients, work for clients that left.

use std::time::{Duration, Instant};

use crate::client::{Client, chat, question};
use crate::stage::{Gateway, until};
use crate::upstream::{Act, END, JSON, SSE, Upstream, canon, chunk, events, finish, good, whole};

/// Heartbeats that a test can wait for.
const OFTEN: &str = "[streams]\nheartbeat_seconds = 1";

/// From a client's leave to the upstream's cancelled call: 100 ms, and what a busy machine adds.
const CANCELLED_WITHIN: Duration = Duration::from_millis(600);

#[test]
fn gateway_ends_a_cut_stream_cleanly() {
    let begun = SSE.to_owned() + &chunk(&events(5));
    let half = SSE.to_owned() + &chunk(&events(5)) + &chunk("data: {\"choi");
    for (name, act) in [
        (
            "a clean end",
            Act::Say(vec![begun.clone() + END], Duration::ZERO),
        ),
        (
            "a clean end within an event",
            Act::Say(vec![half.clone() + END], Duration::ZERO),
        ),
        ("a reset", Act::Break(begun.clone())),
        ("a reset within an event", Act::Break(half)),
        ("silence", Act::Hang(begun)),
    ] {
        let upstream = Upstream::play([act]);
        let gateway = Gateway::before(&[&upstream], "");
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
    let pieces = vec![
        SSE.to_owned() + &chunk(&events(1)),
        chunk(&finish("stop")) + END,
    ];
    let upstream = Upstream::play([Act::Say(pieces, Duration::from_millis(2300))]);
    let gateway = Gateway::before(&[&upstream], OFTEN);
    let began = Instant::now();
    let mut client = Client::send(gateway.clients, &chat(&question("x", true)));
    let head = client.head();
    assert_eq!(head.header("x-accel-buffering"), Some("no"));
    assert_eq!(head.header("content-length"), None);
    assert_eq!(client.chunk().unwrap(), events(1));
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "the first event was held back"
    );
    // Nothing between here and the client is idle for longer than a heartbeat.
    assert_eq!(client.chunk().unwrap(), ": keep-alive\n");
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
    let upstream = Upstream::play([Act::Say(pieces, Duration::from_millis(1500))]);
    let gateway = Gateway::before(&[&upstream], OFTEN);
    let answer = gateway.say("x", true);
    let sent = format!(": keep-alive\n\n{with_ids}{}", finish("stop"));
    assert!(answer.is_whole);
    // Ours have one line end: a blank line after an event with an id is an empty event to openai-python.
    let ours = answer.body.replacen(": keep-alive\n\n", "", 1);
    assert!(
        ours.contains(": keep-alive\n") && !ours.contains(": keep-alive\n\n"),
        "{ours}"
    );
    assert!(
        !answer.body.contains("data: :"),
        "a comment was wrapped: {}",
        answer.body
    );
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
        let client = Client::send(gateway.clients, &chat(&question("x", stream)));
        until("the upstream's request", || upstream.asked() == 1);
        std::thread::sleep(Duration::from_millis(100));
        let left = Instant::now();
        drop(client);
        until("the cancelled call", || {
            upstream.books(|books| books.left.len()) == 1
        });
        let took = upstream.books(|books| books.left[0]) - left;
        assert!(took < CANCELLED_WITHIN, "{name}: {took:?}");
        assert_eq!(upstream.asked(), 1, "{name}: it was retried for nobody");
    }
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
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(
        (upstream.asked(), upstream.books(|books| books.left.len())),
        (1, 0)
    );
    let left = Instant::now();
    drop(last);
    until("the cancelled call", || {
        upstream.books(|books| books.left.len()) == 1
    });
    assert!(upstream.books(|books| books.left[0]) - left < CANCELLED_WITHIN);
    assert_eq!(gateway.say("x", true).body, canon());
}
