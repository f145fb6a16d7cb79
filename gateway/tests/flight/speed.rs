//! How fast one upstream's chunks reach many readers. Prints figures with `--ignored --nocapture`.
#![allow(clippy::print_stdout, reason = "the figures are what this is for")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use dsline_gateway::flight::Bounds;
use http_body_util::BodyExt;

use crate::stage::{Play, Stage, body, done};

/// Of 200 bytes, like one token of a chat.
fn event() -> Bytes {
    format!("data: {:x>192}\n\n", "").into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: tests/run.sh --full"]
async fn fan_out() {
    for (readers, chunks) in [(1_u32, 200_000_u32), (100, 10_000), (1000, 2_000)] {
        let stage = Stage::new(Bounds {
            flight_bytes: 256 * 1024 * 1024,
            total_bytes: 256 * 1024 * 1024,
            window: Duration::ZERO,
        });
        let (seat, say) = stage.join(1, Play::default());
        let mut clients = Vec::new();
        for seat in
            std::iter::once(seat).chain((1..readers).map(|_| stage.join(1, Play::default()).0))
        {
            clients.push(tokio::spawn(async move {
                let mut body = body(seat).await;
                while let Some(frame) = body.frame().await {
                    frame.expect("cut");
                }
            }));
        }
        let event = event();
        let since = Instant::now();
        for _ in 0..chunks {
            say.send(Ok(event.clone())).unwrap();
            tokio::task::yield_now().await;
        }
        say.send(Ok(done())).unwrap();
        drop(say);
        for client in clients {
            client.await.unwrap();
        }
        let took = since.elapsed();
        let delivered = f64::from(readers * chunks) / took.as_secs_f64();
        println!(
            "{readers} readers: {:.0} chunks/s from upstream, {delivered:.0} deliveries/s, {took:?}",
            f64::from(chunks) / took.as_secs_f64(),
        );
    }
}
