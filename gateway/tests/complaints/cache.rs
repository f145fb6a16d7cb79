//! Complaints about answers that are kept: the wrong one, none, a broken one, a slow one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::{Client, chat, question, request};
use crate::redis_server::RedisServer;
use crate::stage::Gateway;
use crate::upstream::{
    Act, END, Gate, SSE, Upstream, chunk, events, finish, good, good_json, say, whole,
};

const BASE: &str = r#"{"model":"m","messages":[{"role":"user","content":"same words"}]"#;

#[test]
fn cache_key_omits_params() {
    let upstream = Upstream::play([good_json("a")]);
    let gateway = Gateway::before(&[&upstream], "");
    let params = [
        "",
        r#","max_tokens":10"#,
        r#","max_tokens":11"#,
        r#","logit_bias":{"50256":-100}"#,
        r#","seed":1"#,
        r#","seed":2"#,
        r#","thinking":{"type":"enabled"}"#,
        r#","thinking":{"type":"disabled"}"#,
        r#","reasoning_effort":"low""#,
        r#","reasoning_effort":"high""#,
        r#","temperature":0"#,
        r#","temperature":0.5"#,
        r#","top_p":0.5"#,
        r#","n":1"#,
        r#","stop":["x"]"#,
        r#","tools":[]"#,
        r#","response_format":{"type":"json_object"}"#,
        r#","user_id":"somebody""#,
        r#","provider_option_nobody_knows":{"deep":[1,2]}"#,
        r#","provider_option_nobody_knows":{"deep":[2,1]}"#,
    ];
    let bodies = params.map(|more| format!("{BASE}{more}}}"));
    for (place, body) in bodies.iter().enumerate() {
        let answer = gateway.ask(&chat(body));
        assert_eq!((answer.status, answer.cache()), (200, "miss"), "{body}");
        assert_eq!(upstream.asked(), place + 1, "{body}");
    }
    gateway.until_it_keeps(bodies.len());
    for body in &bodies {
        assert_eq!(gateway.ask(&chat(body)).cache(), "hit", "{body}");
    }
    assert_eq!(upstream.asked(), bodies.len());
}

#[test]
fn non_deterministic_key_never_hits() {
    let upstream = Upstream::play([good_json("a")]);
    let gateway = Gateway::before(&[&upstream], "");
    let members = [
        r#""model":"m""#,
        r#""messages":[{"role":"user","content":"caf\u00e9"}]"#,
        r#""temperature":0.5"#,
        r#""tools":[{"type":"function","function":{"name":"f","parameters":{"a":1,"b":2}}}]"#,
    ];
    let mut hows = Vec::new();
    for turn in 0..members.len() {
        let mut order = members;
        order.rotate_left(turn);
        for text in [
            order.join(","),
            order.join(" ,\n\t"),
            order.join(",").replace("\\u00e9", "é"),
            order
                .join(",")
                .replace(r#""a":1,"b":2"#, r#""b": 2, "a": 1"#),
            order.join(",") + r#","stream":false"#,
        ] {
            hows.push(
                gateway
                    .ask(&chat(&format!("{{{text}}}")))
                    .cache()
                    .to_owned(),
            );
            gateway.until_it_keeps(1);
        }
    }
    assert_eq!((hows.remove(0).as_str(), upstream.asked()), ("miss", 1));
    assert!(hows.iter().all(|how| how == "hit"), "{hows:?}");
}

#[test]
fn wrong_tenant_or_wrong_model_replay() {
    let acts: Vec<Act> = (1..=4)
        .map(|number| good_json(&format!("answer {number}")))
        .collect();
    let upstream = Upstream::play(acts);
    let gateway = Gateway::before(&[&upstream], "");
    let other_model = question("x", false).replace("\"m\"", "\"n\"");
    let asks = [
        ("sk-client-two", question("x", false)),
        ("sk-client-three", question("x", false)),
        ("sk-client-two", other_model.clone()),
        ("sk-client-three", other_model),
    ];
    for how in ["miss", "hit", "hit"] {
        for (number, (key, body)) in (1..).zip(&asks) {
            let answer = gateway.ask(&request("POST /v1/chat/completions", key, "", body));
            assert_eq!(answer.cache(), how, "{key} {body}");
            assert_eq!(
                answer.body,
                whole(&format!("answer {number}")),
                "{key} {body}"
            );
        }
        gateway.until_it_keeps(asks.len());
    }
    assert_eq!(upstream.asked(), 4);
}

#[test]
fn truncated_stream_cached_and_replayed() {
    let begun = SSE.to_owned() + &chunk(&events(20));
    let ended_short = |reason| SSE.to_owned() + &chunk(&(events(20) + &finish(reason))) + END;
    for (name, act) in [
        ("ends cleanly in the middle", say(begun.clone() + END)),
        ("is reset in the middle", Act::Break(begun.clone())),
        ("finish_reason length", say(ended_short("length"))),
        (
            "out of resources",
            say(ended_short("insufficient_system_resource")),
        ),
    ] {
        let upstream = Upstream::play([act]);
        let gateway = Gateway::before(&[&upstream], "[merge]\nenabled = false");
        let tries = 8;
        let answers: Vec<_> = (0..tries).map(|_| gateway.say("cut", true)).collect();
        assert!(
            answers.iter().all(|answer| answer.cache() != "hit"),
            "{name}"
        );
        let asked = upstream.asked();
        assert!(asked >= 5, "{name}: the upstream was asked {asked} times");
        assert!(gateway.say("cut", false).cache() != "hit", "{name}");

        let healthy = Upstream::play([good()]);
        let gateway = Gateway::before(&[&healthy], "");
        assert_eq!(gateway.say("cut", true).cache(), "miss", "{name}");
        gateway.until_it_keeps(1);
        assert_eq!(gateway.say("cut", true).cache(), "hit", "{name}");
    }
}

#[test]
fn streaming_cache_broken() {
    let gate = Arc::new(Gate::default());
    let pieces = vec![
        SSE.to_owned() + &chunk(&events(3)),
        chunk(&finish("stop")) + END,
    ];
    let upstream = Upstream::play([Act::Steps(pieces, Arc::clone(&gate)), good()]);
    let gateway = Gateway::before(&[&upstream], "");

    // A miss streams: the first event is there before the last is made.
    let mut client = Client::send(gateway.clients, &chat(&question("s", true)));
    assert_eq!(client.head().cache(), "miss");
    let mut live = client.chunk().unwrap();
    assert!(live.starts_with("data: "), "{live}");
    gate.open();
    live += &client.rest();

    // A hit has the same bytes.
    gateway.until_it_keeps(1);
    let kept = gateway.say("s", true);
    assert_eq!(
        (kept.cache(), kept.body.as_str(), kept.is_whole),
        ("hit", live.as_str(), true)
    );
    assert_eq!(live, events(3) + &finish("stop"));
    // It does not know its tokens, which an answer in one piece must tell: that one is asked for, and serves streams.
    upstream.now_plays([good_json("w")]);
    assert_eq!(gateway.say("s", false).cache(), "miss");
    assert_eq!(gateway.say("j", false).cache(), "miss");
    gateway.until_it_keeps(2);
    let streamed = gateway.say("j", true);
    assert_eq!((streamed.cache(), streamed.is_whole), ("hit", true));
    assert!(
        streamed.body.contains("\"content\":\"w\"") && streamed.body.ends_with("data: [DONE]\n\n")
    );
}

#[test]
fn redis_slow_means_outage() {
    through_a_slow_redis();
}

/// The same with what it may cost.
#[test]
#[ignore = "real time: tests/run.sh --full"]
fn redis_slow_means_slow_answers() {
    let Some([healthy, stopped, killed]) = through_a_slow_redis() else {
        return;
    };
    for (name, median) in [("stopped", stopped), ("killed", killed)] {
        assert!(
            median < healthy + Duration::from_millis(50),
            "{healthy:?}, {name} {median:?}"
        );
    }
}

/// Asks while Redis is healthy, stopped and killed; the median of how long that took. Nothing where there is no Redis.
fn through_a_slow_redis() -> Option<[Duration; 3]> {
    let mut server = RedisServer::start()?;
    let upstream = Upstream::play([good_json("a")]);
    let section = format!(
        "[cache]\nredis = \"{}\"\nredis_timeout_ms = 30",
        server.socket().display()
    );
    let gateway = Gateway::before(&[&upstream], &section);
    assert_eq!(gateway.say("kept", false).cache(), "miss");
    gateway.until_it_keeps(1);
    let median = |what: &str| {
        let times = (0..21).map(|number| {
            let began = Instant::now();
            let answer = gateway.say(&format!("{what} {number}"), false);
            assert_eq!((answer.status, answer.body), (200, whole("a")), "{what}");
            began.elapsed()
        });
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        times[10]
    };
    let healthy = median("healthy");
    server.signal("STOP");
    let stopped = median("stopped");
    server.signal("CONT");
    server.kill();
    let killed = median("killed");
    // What fits into this process is served all the while.
    assert_eq!(gateway.say("kept", false).cache(), "hit");
    Some([healthy, stopped, killed])
}
