//! Upstreams that go down and come back: breakers, benches, slow starts, reloads.

use std::sync::Arc;
use std::time::Duration;

use dsline_gateway::config::Retry;
use dsline_gateway::upstream::{Trouble, Upstreams};
use tokio::time::sleep;

use crate::stage::{NOBODY, Stage, Wall, good, order, refusal, soon};

#[tokio::test]
async fn s15_a_flapping_upstream_is_left_probed_and_returned_to() {
    let wall = Wall::play([refusal(503, "", "{}")]).await;
    let other = Wall::play([good()]).await;
    let stage = Stage::of(&[&wall.address, &other.address]);
    for _ in 0..40 {
        assert_eq!(stage.read(true).await.unwrap().upstream, "u1");
    }
    // Five in a row open it, and each probe that fails opens it again.
    let trips = stage.count("upstream_tripped");
    assert!(trips >= 1);
    assert_eq!(wall.asked(), 4 + trips);
    wall.now_play(good());
    soon(async {
        while stage.read(true).await.unwrap().upstream == "u1" {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert_eq!(stage.upstreams.states()[0].breaker, "closed");
    assert_eq!(stage.count("upstream_recovered"), 1);
}

#[tokio::test]
async fn all_down_fails_fast_and_says_when_to_come_back() {
    let stage = Stage::of(&[NOBODY, NOBODY]);
    // A breaker is open for a second, then for two: sooner or later all of them are open at once.
    let defeat = soon(async {
        loop {
            let defeat = stage.read(true).await.unwrap_err();
            if matches!(defeat.trouble, Trouble::Resting(_)) {
                return defeat;
            }
        }
    })
    .await;
    assert_eq!((defeat.attempts, defeat.is_worth_retrying), (0, true));
}

#[tokio::test]
async fn a_refused_key_rests_and_alerts_and_is_the_last_resort() {
    for status in [401, 402] {
        let wall = Wall::play([refusal(status, "", "no sk-upstream-canary"), good()]).await;
        let other = Wall::play([good()]).await;
        let stage = Stage::of(&[&wall.address, &other.address]);
        for _ in 0..5 {
            assert_eq!(stage.read(true).await.unwrap().upstream, "u1");
        }
        assert_eq!(wall.asked(), 1);
        let benched = &stage.upstreams.states()[0];
        assert_eq!(
            (benched.breaker, benched.rests_seconds > 1700),
            ("benched", true)
        );
        let alerts = stage
            .told
            .lock()
            .unwrap()
            .iter()
            .filter(|event| event.is_alert())
            .count();
        assert_eq!(alerts, 1);
        // Nobody else is left: a new key or a paid bill needs no restart.
        let lonely = Wall::play([refusal(status, "", "{}"), good()]).await;
        let stage = Stage::of(&[&lonely.address]);
        assert_eq!(
            stage.read(true).await.unwrap_err().trouble,
            Trouble::KeyRefused(status)
        );
        assert_eq!(stage.read(true).await.unwrap().upstream, "u0");
        assert_eq!(stage.upstreams.states()[0].breaker, "closed");
    }
}

#[tokio::test]
async fn three_403s_in_a_row_are_about_the_key_and_one_is_not() {
    let wall = Wall::play([refusal(403, "", "{}")]).await;
    let stage = Stage::of(&[&wall.address]);
    for expected in ["closed", "closed", "benched"] {
        assert_eq!(
            stage.read(true).await.unwrap_err().trouble,
            Trouble::KeyRefused(403)
        );
        assert_eq!(stage.upstreams.states()[0].breaker, expected);
    }
}

#[tokio::test]
async fn the_slower_one_gets_less_and_the_retry_budget_holds() {
    let slow = Wall::play([crate::stage::Act::Drip(
        vec![
            String::new(),
            crate::stage::SSE.to_owned()
                + &crate::stage::chunk(&crate::stage::canon())
                + crate::stage::END,
        ],
        Duration::from_secs(1),
    )])
    .await;
    let fast = Wall::play([good()]).await;
    let addresses = [slow.address.as_str(), fast.address.as_str()];
    let stage = Stage::with(&addresses, &Retry::default(), |_, provider| {
        provider.weight = 1;
    });
    for _ in 0..60 {
        stage.read(true).await.unwrap();
    }
    assert!(slow.asked() <= 10, "{} of 60 to the slow one", slow.asked());
    let down = Wall::play([refusal(503, "", "{}")]).await;
    let retry = Retry {
        trip_after: 1000,
        // A fifth of the requests and nothing besides, however long they take.
        budget_per_second: 0,
        ..Retry::default()
    };
    let stage = Stage::with(&[&down.address], &retry, |_, _| {});
    let both: Vec<_> = (0..15)
        .map(|_| stage.upstreams.ask(stage_order()))
        .collect();
    for asking in both {
        let _ = asking.await;
    }
    assert!(stage.words().contains(&"upstream_retry_budget_spent"));
    assert!(down.asked() <= 15 + 3, "{} asked", down.asked());
}

fn stage_order() -> &'static dsline_gateway::upstream::Order {
    Box::leak(Box::new(order(true)))
}

#[tokio::test]
async fn a_reload_keeps_connections_and_health_of_what_did_not_change() {
    let wall = Wall::play([refusal(402, "", "{}"), good()]).await;
    let stage = Stage::of(&[&wall.address]);
    assert!(stage.read(true).await.is_err());
    let silent = Arc::new(|_: &dsline_gateway::upstream::Event| {});
    let again = Upstreams::new(
        &stage.providers,
        &Retry::default(),
        silent.clone(),
        Some(&stage.upstreams),
    )
    .unwrap();
    assert_eq!(again.states()[0].breaker, "benched");
    let fresh = Upstreams::new(&stage.providers, &Retry::default(), silent, None).unwrap();
    assert_eq!(fresh.states()[0].breaker, "closed");
}
