//! Faults after the first token: never a second attempt, never a quiet end; and what a leaving client does.

use std::time::{Duration, Instant};

use bytes::Bytes;
use dsline_gateway::upstream::{Cut, Order, Trouble};
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Full};
use tokio::time::timeout;

use crate::stage::{
    Act, END, NOBODY, Patience, SSE, Stage, Wall, canon, chunk, events, finish, good, order,
};

#[tokio::test]
async fn an_answer_that_has_begun_ends_in_a_cut_and_is_never_asked_for_again() {
    let forty = chunk(&events(40));
    let cases = [
        (
            "s08_a_stream_that_is_reset",
            Act::Break(SSE.to_owned() + &forty),
            Cut::BrokeOff,
            Patience::Long,
        ),
        (
            "s08_a_stream_that_ends_cleanly_too_soon",
            Act::Say(SSE.to_owned() + &forty + END),
            Cut::Unfinished,
            Patience::Long,
        ),
        (
            "s09_a_stream_that_stalls",
            Act::Hang(SSE.to_owned() + &forty),
            Cut::Silent,
            Patience::ShortWithin,
        ),
    ];
    for (name, act, cut, patience) in cases {
        let wall = Wall::play([act]).await;
        let other = Wall::play([good()]).await;
        let stage = Stage::bearing(patience, &[&wall.address, &other.address]);
        let read = stage.read(true).await.unwrap();
        assert_eq!((read.cut, read.text), (Some(cut), events(40)), "{name}");
        assert_eq!(
            (wall.asked(), other.asked()),
            (1, 0),
            "{name} (and s14: no continuation)"
        );
        assert_eq!(stage.words(), ["upstream_cut"], "{name}");
    }
}

#[tokio::test]
async fn s10_a_malformed_event_later_on_goes_through_as_it_came() {
    let stream = events(9) + "data: {\"choices\":[{\"del\n\n" + &finish() + "data: [DONE]\n\n";
    let wall = Wall::play([Act::Say(SSE.to_owned() + &chunk(&stream) + END)]).await;
    let read = Stage::of(&[&wall.address]).read(true).await.unwrap();
    assert_eq!((read.text, read.cut), (stream, None));
}

#[tokio::test]
async fn s11_a_finished_stream_without_done_is_whole() {
    let stream = events(60) + &finish();
    let wall = Wall::play([Act::Say(SSE.to_owned() + &chunk(&stream) + END)]).await;
    let read = Stage::of(&[&wall.address]).read(true).await.unwrap();
    assert_eq!((read.text, read.cut), (stream, None));
}

#[tokio::test]
async fn a_slow_drip_is_no_silence_and_keep_alives_are_life() {
    let mut pieces = vec![SSE.to_owned()];
    let begun = events(3);
    let parts = begun.as_bytes().chunks(8);
    pieces.extend(parts.map(|part| chunk(std::str::from_utf8(part).unwrap())));
    pieces.extend((0..20).map(|_| chunk(": keep-alive\n")));
    pieces.push(chunk(&(finish() + "data: [DONE]\n\n")) + END);
    // Longer in all than silence is borne, and each pause far shorter.
    let wall = Wall::play([Act::Drip(pieces, Duration::from_millis(50))]).await;
    let stage = Stage::bearing(Patience::ShortWithin, &[&wall.address]);
    let read = stage.read(true).await.unwrap();
    assert_eq!(read.cut, None);
    assert!(read.text.ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_client_that_leaves_takes_the_upstream_connection_with_it() {
    leave().await;
}

/// The same with how soon.
#[tokio::test]
#[ignore = "real time: tests/run.sh --full"]
async fn a_client_that_leaves_takes_the_upstream_connection_with_it_at_once() {
    for (name, took) in leave().await {
        assert!(took < Duration::from_millis(100), "{name}: {took:?}");
    }
}

/// Leaves in every state of a call; how long the upstream's connection lived on.
async fn leave() -> Vec<(&'static str, Duration)> {
    let mut times = Vec::new();
    for (name, act) in [
        ("before the head", Act::Hang(String::new())),
        ("before the first token", Act::Hang(SSE.into())),
        (
            "in the stream",
            Act::Hang(SSE.to_owned() + &chunk(&events(3))),
        ),
    ] {
        let wall = Wall::play([act]).await;
        let stage = Stage::of(&[&wall.address]);
        let order = order(true);
        let mut asking = Box::pin(stage.upstreams.ask(&order));
        let answer = if name == "in the stream" {
            (&mut asking).await.ok()
        } else {
            tokio::select! {
                _ = &mut asking => panic!("{name}: there is an answer"),
                () = wall.until_asked(1) => {}
            }
            // Time for the head; with less, another moment is tested, and the same must come of it.
            assert!(
                timeout(Duration::from_millis(100), &mut asking)
                    .await
                    .is_err()
            );
            None
        };
        assert_eq!(stage.upstreams.states()[0].pending, 1, "{name}");
        let left = Instant::now();
        drop((asking, answer));
        assert_eq!(stage.upstreams.states()[0].pending, 0, "{name}");
        times.push((name, wall.until_left().await - left));
    }
    times
}

#[tokio::test]
async fn an_upload_is_sent_once_but_may_look_for_somebody_to_send_it_to() {
    let upload = || {
        let body = Full::new(Bytes::from_static(b"file")).map_err(|never| match never {});
        let body = body.boxed_unsync();
        Order::upload(
            Method::POST,
            "/v1/files".parse().unwrap(),
            HeaderMap::new(),
            body,
        )
    };
    let wall = Wall::play([Act::Break(String::new())]).await;
    let stage = Stage::of(&[&wall.address]);
    let defeat = stage.upstreams.ask(&upload()).await.err().unwrap();
    assert_eq!((defeat.trouble, wall.asked()), (Trouble::BrokeOff, 1));
    let good = Wall::play([crate::stage::good_json()]).await;
    let stage = Stage::of(&[NOBODY, &good.address]);
    let answer = stage.upstreams.ask(&upload()).await.ok().unwrap();
    assert_eq!((answer.upstream.as_str(), good.asked()), ("u1", 1));
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_no_failure() {
    let wall = Wall::play([good(), Act::Break(String::new()), good()]).await;
    let stage = Stage::of(&[&wall.address]);
    for _ in 0..2 {
        let read = stage.read(true).await.unwrap();
        assert_eq!((read.text, read.attempts), (canon(), 1));
    }
    assert_eq!(stage.words(), ["upstream_stale_connection"]);
    assert_eq!(wall.asked(), 3);
}
