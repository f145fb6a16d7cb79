//! What the room costs: the same call through it and through a bare hyper client, one after the other.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::stage::{Stage, Wall, good_json, order, read_all};

#[tokio::test]
#[ignore = "a measurement: tests/run.sh --full"]
async fn overhead_of_a_call() {
    let wall = Wall::play([good_json()]).await;
    let stage = Stage::of(&[&wall.address]);
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let (mut direct, mut through) = (Vec::new(), Vec::new());
    for _ in 0..5000 {
        let request = Request::post(format!("http://{}/v1/chat/completions", wall.address))
            .header("authorization", "Bearer sk-upstream-canary")
            .body(Full::from(
                r#"{"model":"chat","messages":[],"stream":false}"#,
            ))
            .unwrap();
        let began = Instant::now();
        client
            .request(request)
            .await
            .unwrap()
            .into_body()
            .collect()
            .await
            .unwrap();
        direct.push(began.elapsed());
        let began = Instant::now();
        read_all(stage.upstreams.ask(&order(false)).await.ok().unwrap()).await;
        through.push(began.elapsed());
    }
    let middle = |times: &mut Vec<Duration>| {
        times.sort();
        (times[times.len() / 2], times[times.len() * 99 / 100])
    };
    let figures = format!(
        "direct {:?}, through the room {:?} (p50, p99)",
        middle(&mut direct),
        middle(&mut through)
    );
    std::fs::write(
        std::env::temp_dir().join("dsline-upstream-overhead"),
        &figures,
    )
    .unwrap();
}
