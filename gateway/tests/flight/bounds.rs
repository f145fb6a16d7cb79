//! Slow readers and full buffers: nobody waits for another, and memory stays where it is bounded.

use std::time::Duration;

use bytes::Bytes;
use dsline_gateway::flight::{Bounds, Outcome, Role};
use tokio::time::Instant;

use crate::stage::{Play, Stage, body, done, read, read_all, soon};

const SMALL: Bounds = Bounds {
    flight_bytes: 64 * 1024,
    total_bytes: 1024 * 1024,
    window: Duration::from_secs(30),
};

fn block(fill: u8) -> Bytes {
    let mut text = b"data: ".to_vec();
    text.resize(1022, fill);
    text.extend(b"\n\n");
    text.into()
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stands_still_delays_nobody_and_gets_all_within_the_bound() {
    let stage = Stage::new(SMALL);
    let (first, say) = stage.join(1, Play::default());
    let slow = body(stage.join(1, Play::default()).0).await;
    let mut first = body(first).await;
    let since = Instant::now();
    for _ in 0..50 {
        say.send(Ok(block(b'x'))).unwrap();
        read(&mut first).await.unwrap();
    }
    // On the paused clock any wait for the slow one would show.
    assert_eq!(since.elapsed(), Duration::ZERO);
    say.send(Ok(done())).unwrap();
    drop(say);
    assert!(read_all(first).await.1);
    let (all, cleanly) = read_all(slow).await;
    assert!(cleanly);
    assert_eq!(all.len(), 50 * 1024 + done().len());
}

#[tokio::test]
async fn a_reader_too_far_behind_is_cut_with_an_error_and_memory_stays_bounded() {
    let stage = Stage::new(SMALL);
    let (first, say) = stage.join(1, Play::default());
    let slow = body(stage.join(1, Play::default()).0).await;
    let mut first = body(first).await;
    let mut most = 0;
    for _ in 0..500 {
        say.send(Ok(block(b'x'))).unwrap();
        read(&mut first).await.unwrap();
        most = most.max(stage.figures().bytes);
    }
    assert!(most <= SMALL.flight_bytes + 2048, "{most} bytes held");
    assert_eq!(stage.join(1, Play::default()).0.role(), Role::Leads);
    say.send(Ok(done())).unwrap();
    drop(say);
    assert!(read_all(first).await.1, "the fast one got all");
    let mut slow = slow;
    let event = read(&mut slow).await.unwrap();
    assert!(String::from_utf8_lossy(&event).contains("read_too_slowly"));
    assert_eq!(slow.outcome(), Some(Outcome::Outrun));
    assert!(!read_all(slow).await.1);
    let figures = stage.figures();
    assert_eq!(
        (figures.overflowed, figures.outrun, figures.kept),
        (1, 1, 0)
    );
    assert_eq!(figures.bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn the_only_reader_sets_the_pace_and_is_never_cut() {
    let stage = Stage::new(SMALL);
    let (only, say) = stage.join(1, Play::default());
    let mut only = body(only).await;
    for number in 0..500_usize {
        say.send(Ok(block(number.to_le_bytes()[0]))).unwrap();
    }
    say.send(Ok(done())).unwrap();
    drop(say);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(stage.figures().bytes <= SMALL.flight_bytes + 2048);
    let mut got = 0;
    while let Some(bytes) = read(&mut only).await {
        got += bytes.len();
    }
    assert_eq!(got, 500 * 1024 + done().len());
    assert_eq!(only.outcome(), Some(Outcome::Complete));
}

#[tokio::test]
async fn the_oldest_finished_answers_go_first_then_running_ones_keep_less() {
    let stage = Stage::new(SMALL);
    for key in 0..40 {
        let (seat, say) = stage.join(key, Play::default());
        for _ in 0..40 {
            say.send(Ok(block(b'x'))).unwrap();
        }
        say.send(Ok(done())).unwrap();
        drop(say);
        assert!(read_all(body(seat).await).await.1);
    }
    let figures = stage.figures();
    assert!(figures.bytes <= SMALL.total_bytes, "{figures:?}");
    assert!((15..40).contains(&figures.kept), "{figures:?}");
    assert_eq!(stage.join(0, Play::default()).0.role(), Role::Leads);
    assert_eq!(stage.join(39, Play::default()).0.role(), Role::Joins);

    let mut running = Vec::new();
    for key in 100..140 {
        let (seat, say) = stage.join(key, Play::default());
        let mut body = body(seat).await;
        for _ in 0..60 {
            say.send(Ok(block(b'x'))).unwrap();
            read(&mut body).await.unwrap();
        }
        running.push((body, say));
    }
    let figures = stage.figures();
    assert!(
        figures.bytes <= SMALL.total_bytes + 64 * 1024,
        "{figures:?}"
    );
    assert_eq!((figures.kept, figures.running), (0, 40));
    assert!(figures.overflowed > 10, "{figures:?}");
    for (body, say) in running {
        say.send(Ok(done())).unwrap();
        drop(say);
        assert!(soon(read_all(body)).await.1);
    }
}
