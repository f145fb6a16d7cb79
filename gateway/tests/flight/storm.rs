//! Thousands of clients that come and go as they like: no lost wake-up, no call without a client, no client without a call.

use std::time::Duration;

use bytes::Bytes;
use dsline_gateway::flight::{Bounds, Figures};
use http_body_util::BodyExt;

use crate::stage::{Play, Stage, done, event, soon};

const EVENTS: usize = 12;

/// Small and repeatable randomness (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

async fn play(say: tokio::sync::mpsc::UnboundedSender<Result<Bytes, &'static str>>) {
    for number in 0..EVENTS {
        tokio::task::yield_now().await;
        if say.send(Ok(event(number))).is_err() {
            return;
        }
    }
    let _ = say.send(Ok(done()));
}

/// Says whether the answer was read to its end.
async fn visit(stage: Stage, number: u64) -> bool {
    let mut dice = Dice(number * 0x9E37_79B9 + 1);
    let key = u32::try_from(dice.roll(4)).unwrap();
    let (seat, say) = stage.join(key, Play::default());
    // Whoever does not lead has a script that nobody reads.
    tokio::spawn(play(say));
    if dice.roll(5) == 0 {
        return false;
    }
    let answer = seat.answer("r");
    let Ok((_, mut body)) = soon(answer).await else {
        panic!("a call was cancelled under a client that waited");
    };
    let patience = if dice.roll(3) == 0 {
        dice.roll(14)
    } else {
        u64::MAX
    };
    let mut all = Vec::new();
    for _ in 0..patience {
        match soon(body.frame()).await {
            Some(frame) => all.extend(frame.expect("cut").into_data().unwrap()),
            None => break,
        }
        if dice.roll(8) == 0 {
            tokio::task::yield_now().await;
        }
    }
    let whole = (0..EVENTS)
        .map(event)
        .chain([done()])
        .collect::<Vec<_>>()
        .concat();
    assert!(whole.starts_with(&all));
    assert!(patience < u64::MAX || all == whole);
    all == whole
}

/// On one thread and a paused clock it runs alike each time.
#[tokio::test(start_paused = true)]
async fn any_order_of_joining_and_leaving_is_safe() {
    storm(600).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "long: tests/run.sh --full"]
async fn any_order_of_joining_and_leaving_is_safe_on_many_threads() {
    storm(6_000).await;
}

async fn storm(clients: u64) {
    for window in [Duration::ZERO, Duration::from_millis(5)] {
        let stage = Stage::new(Bounds {
            window,
            ..Bounds::default()
        });
        let mut read_whole = 0;
        let mut crowd = Vec::new();
        for number in 0..clients {
            crowd.push(tokio::spawn(visit(stage.clone(), number)));
            if number % 64 == 0 {
                for client in crowd.drain(..) {
                    read_whole += u64::from(soon(client).await.unwrap());
                }
            }
        }
        for client in crowd {
            read_whole += u64::from(soon(client).await.unwrap());
        }
        stage.until_cancelled().await;
        soon(async {
            let is_empty = |now: Figures| (now.running, now.kept, now.bytes) == (0, 0, 0);
            while !is_empty(stage.figures()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        let figures = stage.figures();
        assert_eq!(figures.led + figures.merged, clients, "{figures:?}");
        assert!(
            figures.merged > clients / 4 && figures.cancelled > 0,
            "{figures:?}"
        );
        assert!(read_whole > clients / 3, "{read_whole}");
    }
}
