//! A run seeded with secrets: none of them may come out anywhere, and the process keeps its memory to itself.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod run;

use std::os::unix::process::ExitStatusExt;

use run::{CANARIES, CLIENT_KEY, PROMPT, Run, UPSTREAM_KEY, token};

/// A question that nobody asked before.
fn question(number: u32, stream: bool) -> String {
    format!(
        "{{\"model\":\"m\",\"user\":\"{PROMPT}\",\"messages\":[{{\"role\":\"user\",\"content\":\"{PROMPT} {number}\"}}],\"stream\":{stream}}}"
    )
}

#[test]
fn no_secret_comes_out_anywhere() {
    let mut run = Run::start();
    let signed = token(4_102_444_800);
    let expired = token(1);
    let mut errors = String::new();
    for key in [CLIENT_KEY, &signed] {
        for (number, stream) in [(1, false), (1, false), (2, true), (2, true)] {
            let answer = run.ask("POST /v1/chat/completions", key, &question(number, stream));
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            errors += answer.split("\r\n\r\n").next().unwrap();
        }
    }
    // Everything that can go wrong with such a request, at the gateway and behind it.
    run.upstream_refuses(true);
    for key in [
        CLIENT_KEY,
        &expired,
        &signed[..signed.len() - 3],
        "sk-stranger-canary",
    ] {
        for number in 10..14 {
            let path = format!("POST /v1/chat/completions?key={CLIENT_KEY}");
            errors += &run.ask(&path, key, &question(number, number % 2 == 0));
        }
        errors += &run.ask(
            "POST /v1/chat/completions",
            key,
            &format!("{{\"{PROMPT}\": "),
        );
        errors += &run.ask("POST /v1/chat/completions", key, &PROMPT.repeat(20_000));
    }
    errors += &run.raw(&format!(
        "GET /v1/models HTTP/1.1\r\nauthorization: {UPSTREAM_KEY}\r\n{PROMPT}\r\n\r\n"
    ));
    run.reload_broken();
    let places = [
        ("answers", errors),
        ("metrics", run.operator("/metrics")),
        ("status", run.operator("/status")),
        ("command line", run.proc("cmdline")),
        ("log", run.log()),
        ("audit records", run.audit_records()),
    ];
    for (place, text) in places {
        assert!(text.len() > 40, "{place} holds nothing: {text}");
        for canary in CANARIES.iter().chain([&signed.as_str(), &expired.as_str()]) {
            assert!(
                !text.contains(canary),
                "{canary} stands in {place}:\n{text}"
            );
        }
        // Nor a part of a token that could be completed.
        let signature = signed.rsplit('.').next().unwrap();
        assert!(!text.contains(signature), "a signature stands in {place}");
    }
}

#[test]
fn nobody_can_look_into_the_process() {
    let mut run = Run::start();
    run.ask("POST /v1/chat/completions", CLIENT_KEY, &question(1, false));
    let limits = run.proc("limits");
    let cores = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<&str> = cores.unwrap().split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{limits}");
    // A process that is not dumpable has its files in /proc owned by root, so its own user cannot read them either.
    if !run.is_unprivileged() {
        return;
    }
    for name in ["environ", "maps", "mem", "auxv", "stack", "fd/0", "io"] {
        assert!(!run.can_be_read(name), "/proc/PID/{name} can be read");
    }
    let status = run.crash();
    assert_eq!(status.signal(), Some(6), "{status:?}");
    assert!(!status.core_dumped(), "it left a core");
}
