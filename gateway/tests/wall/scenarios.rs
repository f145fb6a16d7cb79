//! Faults before the first token: another attempt gives the whole answer, or there is an explicit error.

use std::time::Duration;

use dsline_gateway::config::Retry;
use dsline_gateway::upstream::Trouble;
use tokio::task::JoinSet;

use crate::stage::{
    Act, END, JSON, NOBODY, Patience, Read, SSE, Stage, WHOLE, Wall, canon, chunk, events, good,
    good_json, order, refusal,
};

fn whole(upstream: &str, attempts: u32) -> Read {
    Read {
        upstream: upstream.to_owned(),
        status: 200,
        attempts,
        text: canon(),
        cut: None,
    }
}

#[tokio::test]
async fn s01_a_429_with_retry_after_is_waited_for() {
    let wall = Wall::play([refusal(429, "retry-after: 1\r\n", "{}"), good()]).await;
    let stage = Stage::of(&[&wall.address]);
    assert_eq!(stage.read(true).await.unwrap(), whole("u0", 2));
    let times = wall.books.lock().unwrap().times.clone();
    assert!(times[1] - times[0] >= Duration::from_millis(950));
}

#[tokio::test]
async fn s01_a_429_goes_to_another_upstream_at_once() {
    let wall = Wall::play([refusal(429, "retry-after: 50\r\n", "{}")]).await;
    let other = Wall::play([good()]).await;
    // It would be waited for if there were nobody else.
    let retry = Retry {
        longest_wait: Duration::from_mins(1),
        ..Retry::default()
    };
    let stage = Stage::with(&[&wall.address, &other.address], &retry, |_, _| {});
    assert_eq!(stage.read(true).await.unwrap(), whole("u1", 2));
    assert_eq!(stage.words(), ["upstream_failed", "upstream_failover"]);
    // And it is left alone for the time it asked for.
    assert_eq!(stage.read(true).await.unwrap(), whole("u1", 1));
    assert_eq!(wall.asked(), 1);
}

#[tokio::test]
async fn s01_a_long_wait_is_the_clients_to_wait() {
    let wall = Wall::play([refusal(429, "retry-after: 50\r\n", "{}")]).await;
    let stage = Stage::of(&[&wall.address]);
    let defeat = stage.read(true).await.unwrap_err();
    assert_eq!(defeat.retry_after, Some(Duration::from_secs(50)));
    assert!(defeat.is_worth_retrying);
    assert_eq!(wall.asked(), 1);
}

#[tokio::test]
async fn s02_a_persistent_429_is_not_hammered() {
    let wall = Wall::play([refusal(429, "", "{}")]).await;
    let defeat = Stage::of(&[&wall.address]).read(true).await.unwrap_err();
    assert_eq!(
        (defeat.trouble, defeat.attempts),
        (Trouble::RateLimited(None), 3)
    );
    assert!(!defeat.is_worth_retrying, "we have retried already");
    assert_eq!(wall.asked(), 3);
}

#[tokio::test]
async fn s03_a_500_is_retried_where_it_happened() {
    let wall = Wall::play([refusal(500, "", "{}"), good()]).await;
    let other = Wall::play([good()]).await;
    let stage = Stage::of(&[&wall.address, &other.address]);
    assert_eq!(stage.read(true).await.unwrap(), whole("u0", 2));
    assert_eq!(stage.words(), ["upstream_failed", "upstream_retry"]);
}

#[tokio::test]
async fn s04_a_persistent_503_fails_over_or_says_so() {
    let wall = Wall::play([refusal(503, "", "{}")]).await;
    let other = Wall::play([good()]).await;
    let both = Stage::of(&[&wall.address, &other.address]);
    assert_eq!(both.read(true).await.unwrap(), whole("u1", 2));
    let alone = Stage::of(&[&wall.address]).read(true).await.unwrap_err();
    assert_eq!(
        (alone.trouble, alone.attempts),
        (Trouble::Unwell(503, None), 3)
    );
}

#[tokio::test]
async fn s05_a_reset_before_the_head_is_retried() {
    let wall = Wall::play([Act::Break(String::new()), good()]).await;
    assert_eq!(
        Stage::of(&[&wall.address]).read(true).await.unwrap(),
        whole("u0", 2)
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table, one loop")]
async fn whatever_fails_before_the_first_token_fails_over_to_a_whole_answer() {
    let html = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>";
    let large = format!(
        "HTTP/1.1 200 OK\r\nx-large: {}\r\n\r\n",
        "x".repeat(300_000)
    );
    let alive = chunk(": keep-alive\n\n");
    let role = chunk(&events(0));
    let half = chunk(&WHOLE[..20]);
    let cases = [
        (
            true,
            "s06_hung_before_the_head",
            Act::Hang(String::new()),
            "silent",
        ),
        (
            true,
            "s06_hung_after_the_head",
            Act::Hang(SSE.into()),
            "no_token",
        ),
        (
            true,
            "s07_keep_alives_but_no_token",
            Act::Repeat(SSE.into(), alive.clone(), Duration::from_millis(50)),
            "no_token",
        ),
        (
            true,
            "s07_a_role_but_no_token",
            Act::Hang(SSE.to_owned() + &role),
            "no_token",
        ),
        (
            true,
            "cut_before_the_first_token",
            Act::Say(SSE.to_owned() + &alive + END),
            "broke_off",
        ),
        (
            true,
            "s10_malformed_first_event",
            Act::Say(SSE.to_owned() + &chunk("data: {\"choi\n\n") + END),
            "malformed",
        ),
        (
            true,
            "an_error_in_a_stream_of_200",
            Act::Say(
                SSE.to_owned()
                    + &alive
                    + &chunk("data: {\"error\":{\"message\":\"busy\"}}\n\n")
                    + END,
            ),
            "error_inside",
        ),
        (
            true,
            "wrong_content_type",
            Act::Say(html.into()),
            "wrong_type",
        ),
        (true, "json_for_a_stream", good_json(), "wrong_type"),
        (true, "oversized_head", Act::Say(large), "oversized"),
        (
            true,
            "no_http_at_all",
            Act::Break("SSH-2.0-OpenSSH_9.2\r\n".into()),
            "malformed",
        ),
        (
            true,
            "s401_a_refused_key",
            refusal(401, "", "bad key sk-upstream-canary"),
            "key_refused",
        ),
        (
            true,
            "s402_an_empty_account",
            refusal(402, "", "{}"),
            "key_refused",
        ),
        (
            false,
            "blank_lines_but_no_answer",
            Act::Repeat(JSON.into(), chunk("\n"), Duration::from_millis(50)),
            "no_token",
        ),
        (
            false,
            "an_error_in_a_200",
            Act::Say(JSON.to_owned() + &chunk("\n\n{\"error\":{\"message\":\"busy\"}}") + END),
            "error_inside",
        ),
        (
            false,
            "an_answer_that_stalls",
            Act::Hang(JSON.to_owned() + &half),
            "silent",
        ),
        (
            false,
            "an_answer_that_is_cut_cleanly",
            Act::Say(JSON.to_owned() + &half + END),
            "malformed",
        ),
        (
            false,
            "html_for_an_answer",
            Act::Say(html.into()),
            "wrong_type",
        ),
    ];
    // Side by side: some of them are silent for as long as they are borne.
    let mut all = JoinSet::new();
    for (streams, name, act, word) in cases {
        all.spawn(fails_over(streams, name, act, word));
    }
    while let Some(ended) = all.join_next().await {
        ended.unwrap();
    }
}

async fn fails_over(streams: bool, name: &str, act: Act, word: &str) {
    let wall = Wall::play([act]).await;
    let other = Wall::play([if streams { good() } else { good_json() }]).await;
    // A connection that broke is a stumble: it gets a second chance where it happened.
    let tries: u32 = if word == "broke_off" { 2 } else { 1 };
    let patience = match (name, word) {
        ("an_answer_that_stalls", _) => Patience::ShortWithin,
        (_, "silent" | "no_token") => Patience::ShortBefore,
        _ => Patience::Long,
    };
    let stage = Stage::bearing(patience, &[&wall.address, &other.address]);
    let read = stage.read(streams).await.unwrap();
    let text = if streams { canon() } else { WHOLE.to_owned() };
    let expected = Read {
        text,
        ..whole("u1", 1 + tries)
    };
    assert_eq!(read, expected, "{name}");
    assert_eq!(
        (wall.asked(), other.asked()),
        (tries.try_into().unwrap(), 1),
        "{name}"
    );
    assert_eq!(
        stage.upstreams.states()[0].last_trouble,
        Some(word),
        "{name}"
    );
    let told: String = stage
        .told
        .lock()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(!told.contains("canary"), "{name}: {told}");
}

#[tokio::test]
async fn a_cut_answer_in_one_piece_is_asked_for_again() {
    let wall = Wall::play([
        Act::Break(JSON.to_owned() + &chunk(&WHOLE[..20])),
        good_json(),
    ])
    .await;
    let read = Stage::of(&[&wall.address]).read(false).await.unwrap();
    assert_eq!((read.text.as_str(), read.attempts), (WHOLE, 2));
}

#[tokio::test]
async fn a_refused_connection_fails_over() {
    let other = Wall::play([good()]).await;
    let stage = Stage::of(&[NOBODY, &other.address]);
    assert_eq!(stage.read(true).await.unwrap(), whole("u1", 2));
}

#[tokio::test]
async fn s06_a_silent_upstream_that_is_alone_is_asked_once() {
    let wall = Wall::play([Act::Hang(String::new())]).await;
    let stage = Stage::bearing(Patience::ShortBefore, &[&wall.address]);
    let defeat = stage.read(true).await.unwrap_err();
    assert_eq!((defeat.trouble, wall.asked()), (Trouble::Silent, 1));
}

#[tokio::test]
async fn s12_a_prompt_that_is_too_long_may_fit_elsewhere() {
    let body = r#"{"error":{"code":"context_length_exceeded"}}"#;
    let wall = Wall::play([refusal(400, "", body)]).await;
    let other = Wall::play([good()]).await;
    let stage = Stage::of(&[&wall.address, &other.address]);
    assert_eq!(stage.read(true).await.unwrap(), whole("u1", 2));
    let alone = Stage::of(&[&wall.address]);
    let answer = alone.ask(true).await.unwrap();
    assert_eq!(answer.head.headers["x-should-retry"], "false");
    assert_eq!(crate::stage::read_all(answer).await.text, body);
    assert_eq!(wall.asked(), 2);
    assert_eq!(alone.upstreams.states()[0].last_trouble, None);
}

#[tokio::test]
async fn s13_what_blames_the_client_is_passed_on_as_it_is() {
    for status in [400, 404, 413, 422] {
        let body = r#"{"error":{"code":"content_policy_violation"}}"#;
        let wall = Wall::play([refusal(status, "", body)]).await;
        let other = Wall::play([good()]).await;
        let stage = Stage::of(&[&wall.address, &other.address]);
        for _ in 0..10 {
            let read = stage.read(true).await.unwrap();
            assert_eq!(
                (read.status, read.text.as_str(), read.attempts),
                (status, body, 1)
            );
        }
        assert_eq!(other.asked(), 0);
        assert_eq!(stage.upstreams.states()[0].breaker, "closed");
    }
}

#[tokio::test]
async fn s16_the_one_that_answered_is_named_and_got_its_own_model_name() {
    let wall = Wall::play([refusal(503, "", "{}")]).await;
    let other = Wall::play([good()]).await;
    let addresses = [wall.address.as_str(), other.address.as_str()];
    let stage = Stage::with(&addresses, &Retry::default(), |place, provider| {
        provider
            .models
            .insert("chat".into(), format!("model-{place}"));
    });
    let answer = stage.upstreams.ask(&order(true)).await.unwrap();
    assert_eq!(
        (answer.upstream.as_str(), answer.alias.as_deref()),
        ("u1", Some("model-1"))
    );
    assert!(wall.books.lock().unwrap().bodies[0].contains("\"model\":\"model-0\""));
    assert!(other.books.lock().unwrap().bodies[0].contains("\"model\":\"model-1\""));
    assert_eq!(stage.words(), ["upstream_failed", "upstream_failover"]);
}
