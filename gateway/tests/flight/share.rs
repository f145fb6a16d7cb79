//! One call for all: who gets what, who may leave, and how it ends.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use dsline_gateway::flight::{Bounds, Ending, Loss, Outcome, Role, Sight};
use http_body::Body;

use crate::stage::{Play, Stage, body, done, event, read, read_all, soon};

fn stage() -> Stage {
    Stage::new(Bounds::default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once_share_one_call_and_all_its_bytes() {
    let stage = stage();
    let (first, say) = stage.join(1, Play::default());
    assert_eq!(first.role(), Role::Leads);
    let mut clients = vec![tokio::spawn(async { read_all(body(first).await).await })];
    for _ in 1..200 {
        let stage = stage.clone();
        clients.push(tokio::spawn(async move {
            let (seat, _) = stage.join(1, Play::default());
            assert_eq!(seat.role(), Role::Joins);
            read_all(body(seat).await).await
        }));
    }
    let mut expected = Vec::new();
    for number in 0..100 {
        expected.extend(event(number));
        say.send(Ok(event(number))).unwrap();
        tokio::task::yield_now().await;
    }
    expected.extend(done());
    say.send(Ok(done())).unwrap();
    drop(say);
    for client in clients {
        let (all, cleanly) = soon(client).await.unwrap();
        assert!(cleanly);
        assert_eq!(all, expected);
    }
    let figures = stage.figures();
    assert_eq!((stage.calls(), figures.merged, figures.led), (1, 199, 1));
    assert_eq!((figures.running, figures.kept), (0, 1));
}

#[tokio::test]
async fn one_that_joins_at_half_time_begins_at_the_beginning() {
    let stage = stage();
    let (first, say) = stage.join(1, Play::default());
    let mut first = body(first).await;
    for number in 0..50 {
        say.send(Ok(event(number))).unwrap();
        assert_eq!(read(&mut first).await, Some(event(number)));
    }
    let mut late = body(stage.join(1, Play::default()).0).await;
    assert_eq!(read(&mut late).await, Some(event(0)));
    say.send(Ok(done())).unwrap();
    drop(say);
    let (rest, cleanly) = read_all(late).await;
    assert!(cleanly && rest.ends_with(&done()));
    assert_eq!(read_all(first).await, (done().to_vec(), true));
}

#[tokio::test]
async fn the_first_one_leaving_harms_nobody() {
    let stage = stage();
    let (first, say) = stage.join(1, Play::default());
    let second = stage.join(1, Play::default()).0;
    say.send(Ok(event(0))).unwrap();
    drop(body(first).await);
    let second = body(second).await;
    say.send(Ok(done())).unwrap();
    drop(say);
    let expected = [event(0), done()].concat();
    assert_eq!(read_all(second).await, (expected, true));
    assert_eq!(stage.figures().cancelled, 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_one_leaving_cancels_before_the_head_and_within_the_body() {
    let stage = stage();
    let first = stage.join_silent(1);
    let second = stage.join_silent(1);
    soon(async {
        while stage.calls() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(first);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(stage.alive(), 1, "cancelled though one still waits");
    // Leaving while waiting is dropping the waiting.
    let waiting = tokio::spawn(async move { second.answer("r").await.is_ok() });
    tokio::task::yield_now().await;
    waiting.abort();
    assert!(stage.until_cancelled().await < Duration::from_millis(100));

    let (first, say) = stage.join(2, Play::default());
    let second = stage.join(2, Play::default()).0;
    say.send(Ok(event(0))).unwrap();
    let mut first = body(first).await;
    read(&mut first).await;
    drop(first);
    let second = body(second).await;
    assert_eq!(stage.alive(), 1);
    drop(second);
    assert!(stage.until_cancelled().await < Duration::from_millis(100));
    let figures = stage.figures();
    assert_eq!(
        (figures.cancelled, figures.running, figures.bytes),
        (2, 0, 0)
    );
    assert_eq!(stage.join(2, Play::default()).0.role(), Role::Leads);
}

#[tokio::test]
async fn leaving_after_the_end_mark_cancels_nothing() {
    let stage = stage();
    let (first, say) = stage.join(1, Play::default());
    say.send(Ok(done())).unwrap();
    let mut first = body(first).await;
    read(&mut first).await;
    drop(first);
    drop(say);
    stage.until_cancelled().await;
    assert_eq!((stage.figures().cancelled, stage.figures().kept), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_everyones_and_the_next_one_leads_anew() {
    let stage = stage();
    let fail = || async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err::<dsline_gateway::flight::Answer<http_body_util::Full<Bytes>>, _>("unreachable")
    };
    let seats: Vec<_> = (0..50).map(|_| stage.flights.join(1, fail)).collect();
    for seat in seats {
        let loss = soon(seat.answer("r")).await.err().unwrap();
        assert!(matches!(loss, Loss::Fault(fault) if *fault == "unreachable"));
    }
    assert_eq!(stage.figures().led, 1);
    assert_eq!(stage.join(1, Play::default()).0.role(), Role::Leads);
}

#[tokio::test]
async fn a_panic_of_the_call_is_told_as_well() {
    let stage = stage();
    let fall = || async {
        assert!(std::hint::black_box(false), "on purpose");
        Err::<dsline_gateway::flight::Answer<http_body_util::Full<Bytes>>, _>("never said")
    };
    let seat = stage.flights.join(1, fall);
    let loss = soon(seat.answer("r")).await.err().unwrap();
    assert!(matches!(loss, Loss::Vanished));
    assert_eq!(stage.figures().running, 0);
}

#[tokio::test]
async fn a_cut_is_said_to_all_and_never_kept() {
    for (last, breaks, inside) in [("data: {\"half", true, true), ("data: 1\n\n", false, false)] {
        let stage = stage();
        let (first, say) = stage.join(1, Play::default());
        let second = stage.join(1, Play::default()).0;
        say.send(Ok(last.into())).unwrap();
        if breaks {
            say.send(Err("reset")).unwrap();
        }
        drop(say);
        for seat in [first, second] {
            let mut body = body(seat).await;
            assert_eq!(read(&mut body).await.unwrap(), last);
            let event = String::from_utf8(read(&mut body).await.unwrap().to_vec()).unwrap();
            assert_eq!(
                event.starts_with("\n\ndata: {\"error\":"),
                inside,
                "{event:?}"
            );
            assert!(event.contains("upstream_cut") && event.contains("\"r1\""));
            assert_eq!(body.outcome(), Some(Outcome::UpstreamCut));
            assert!(!read_all(body).await.1, "a clean end after the error");
        }
        assert_eq!(stage.join(1, Play::default()).0.role(), Role::Leads);
    }
}

#[tokio::test]
async fn what_is_no_success_goes_only_to_those_who_wait() {
    let stage = stage();
    let limited = || Play {
        status: 429,
        kind: "application/json",
        length: Some(2),
        observer: None,
    };
    let (first, say) = stage.join(1, limited());
    let second = stage.join(1, limited()).0;
    let (head, first) = soon(first.answer("r")).await.ok().unwrap();
    assert_eq!((head.status.as_u16(), head.length), (429, Some(2)));
    assert_eq!(stage.join(1, limited()).0.role(), Role::Leads);
    say.send(Ok("{}".into())).unwrap();
    for body in [first, body(second).await] {
        assert_eq!(body.size_hint().exact(), Some(2));
        assert_eq!(read_all(body).await, (b"{}".to_vec(), true));
    }
    assert_eq!(stage.figures().kept, 0);
}

#[tokio::test(start_paused = true)]
async fn a_finished_answer_can_be_joined_for_the_window() {
    let stage = stage();
    let whole = || Play {
        kind: "application/json",
        length: Some(2),
        ..Play::default()
    };
    let (first, say) = stage.join(1, whole());
    say.send(Ok("{}".into())).unwrap();
    // The last byte is the end: the client may leave with it, and the answer still stays.
    let mut first = body(first).await;
    read(&mut first).await;
    assert!(first.is_end_stream());
    drop(first);
    tokio::time::sleep(Duration::from_secs(29)).await;
    let (late, _) = stage.join(1, whole());
    assert_eq!(late.role(), Role::Joins);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        (stage.figures().kept, stage.join(1, whole()).0.role()),
        (0, Role::Leads)
    );
    assert_eq!(read_all(body(late).await).await, (b"{}".to_vec(), true));
}

#[tokio::test(start_paused = true)]
async fn the_observer_sees_all_and_the_end_and_silence_is_a_cut() {
    let seen = Arc::new(Mutex::new((Vec::new(), None)));
    let note = Arc::clone(&seen);
    let stage = stage();
    let play = Play {
        observer: Some(Box::new(move |sight| match sight {
            Sight::Chunk(bytes) => note.lock().unwrap().0.extend_from_slice(bytes),
            Sight::End(ending) => note.lock().unwrap().1 = Some(ending),
        })),
        ..Play::default()
    };
    let (first, say) = stage.join(1, play);
    let mut first = body(first).await;
    for (text, has_spoken) in [(": keep-alive\n\n", false), ("data: 1\n\n", true)] {
        say.send(Ok(text.into())).unwrap();
        read(&mut first).await;
        assert_eq!(first.has_spoken(), has_spoken);
    }
    let (rest, cleanly) = read_all(first).await;
    assert!(!cleanly && String::from_utf8(rest).unwrap().contains("fell silent"));
    let (bytes, ending) = seen.lock().unwrap().clone();
    assert_eq!(bytes, b": keep-alive\n\ndata: 1\n\n");
    assert_eq!(ending, Some(Ending::Cut("the upstream fell silent")));
    assert_eq!(stage.calls.load(Ordering::SeqCst), 1);
}
