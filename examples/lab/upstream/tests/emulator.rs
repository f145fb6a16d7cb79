//! The real program, asked as a client would.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

struct Lab {
    address: String,
    _process: Child,
}

impl Lab {
    async fn start(flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab-upstream"));
        command
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let address = line.strip_prefix("listening on ").unwrap().to_owned();
        Self {
            address,
            _process: process,
        }
    }

    async fn open(&self, start: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let length = body.len();
        let head = format!(
            "{start} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).await.unwrap();
        stream
    }

    /// The status and everything after the head, with the chunks of chunked bodies as they are.
    async fn ask(&self, start: &str, body: &str) -> (u16, String) {
        let mut stream = self.open(start, body).await;
        let mut text = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut text))
            .await
            .unwrap()
            .unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (
            head.split(' ').nth(1).unwrap().parse().unwrap(),
            body.to_owned(),
        )
    }

    async fn json(&self, start: &str, body: &Value) -> (u16, Value) {
        let (status, body) = self.ask(start, &body.to_string()).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    async fn stats(&self) -> Value {
        self.json("GET /_lab/stats", &Value::Null).await.1
    }

    async fn turn(&self, knobs: Value) {
        let (status, report) = self.json("POST /_lab/knobs", &knobs).await;
        assert_eq!(status, 200, "{report}");
    }
}

fn question(words: &str, stream: bool) -> Value {
    json!({
        "model": "deepseek-flash", "stream": stream, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": words}],
    })
}

const CHAT: &str = "POST /v1/chat/completions";

#[tokio::test]
async fn the_same_question_gets_the_same_words_under_a_new_id() {
    let lab = Lab::start(&[]).await;
    let long = "why? ".repeat(100);
    let (status, first) = lab.json(CHAT, &question(&long, false)).await;
    let (_, second) = lab
        .json("POST /chat/completions", &question(&long, false))
        .await;
    assert_eq!(status, 200);
    let message = &first["choices"][0]["message"];
    assert!(
        message["content"]
            .as_str()
            .unwrap()
            .starts_with("You asked deepseek-flash: why?")
    );
    assert!(message["reasoning_content"].is_string());
    assert_eq!(message, &second["choices"][0]["message"]);
    assert_ne!(first["id"], second["id"]);
    assert_eq!(
        (
            &first["usage"]["prompt_tokens"],
            &first["usage"]["prompt_cache_hit_tokens"]
        ),
        (&json!(126), &json!(0))
    );
    let usage = &second["usage"];
    assert_eq!(
        (
            &usage["prompt_cache_hit_tokens"],
            &usage["prompt_cache_miss_tokens"]
        ),
        (&json!(64), &json!(62))
    );
}

#[tokio::test]
async fn a_stream_thinks_speaks_counts_and_ends() {
    let lab = Lab::start(&[
        "--first-token-ms",
        "120",
        "--keepalive-ms",
        "50",
        "--per-token-ms",
        "1",
    ])
    .await;
    let (status, body) = lab.ask(CHAT, &question("hello", true).to_string()).await;
    assert_eq!(status, 200);
    assert_eq!(body.matches(": keep-alive\n\n").count(), 2, "{body}");
    let events: Vec<_> = body
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    assert_eq!(events.last(), Some(&"[DONE]"));
    let events: Vec<Value> = events[..events.len() - 1]
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    let told = |field: &str| -> String {
        events
            .iter()
            .filter_map(|event| event["choices"][0]["delta"][field].as_str())
            .collect()
    };
    assert!(told("content").starts_with("You asked deepseek-flash: hello"));
    assert!(told("reasoning_content").starts_with("The user"));
    assert_eq!(
        events[events.len() - 2]["choices"][0]["finish_reason"],
        "stop"
    );
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], 24);
    assert!(body.ends_with("0\r\n\r\n"), "{body}");
    let counted = lab.stats().await;
    assert_eq!(
        (
            &counted["streams"],
            &counted["cancelled"],
            &counted["in_flight"]
        ),
        (&json!(1), &json!(0), &json!(0))
    );
}

#[tokio::test]
async fn errors_have_the_apis_shape() {
    let lab = Lab::start(&[]).await;
    let chat = question("x", false);
    for (body, status) in [
        ("{", 400),
        ("{}", 422),
        (
            r#"{"model":"gpt-9","messages":[{"role":"user","content":"x"}]}"#,
            400,
        ),
    ] {
        let (found, text) = lab.ask(CHAT, body).await;
        assert_eq!(found, status, "{body}");
        assert!(text.starts_with("{\"error\":{"), "{text}");
    }
    for status in [400, 401, 402, 422, 429, 500, 503] {
        lab.turn(json!({"error_rate": 1, "error_status": status}))
            .await;
        let (found, body) = lab.json(CHAT, &chat).await;
        assert_eq!(found, status);
        assert!(body["error"]["message"].is_string() && body["error"]["type"].is_string());
    }
    assert_eq!(lab.ask("POST /_lab/knobs", r#"{"tokns": 1}"#).await.0, 400);
    assert_eq!(lab.stats().await["by_status"]["402"], 1);
}

#[tokio::test]
async fn luck_follows_the_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let lab = Lab::start(&["--error-rate", "0.5", "--seed", "7"]).await;
        let mut run = Vec::new();
        for _ in 0..12 {
            run.push(lab.ask("GET /v1/models", "").await.0);
        }
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(
        runs[0].contains(&200) && runs[0].contains(&503),
        "{:?}",
        runs[0]
    );
}

#[tokio::test]
async fn only_the_key_of_the_file_is_accepted() {
    let file = std::env::temp_dir().join(format!("lab-upstream-key-{}", std::process::id()));
    std::fs::write(&file, "k\n").unwrap();
    let lab = Lab::start(&["--key-file", file.to_str().unwrap()]).await;
    assert_eq!(lab.ask("GET /user/balance", "").await.0, 200);
    std::fs::write(&file, "other\n").unwrap();
    let lab = Lab::start(&["--key-file", file.to_str().unwrap()]).await;
    let (status, body) = lab.ask("GET /user/balance", "").await;
    assert_eq!(status, 401, "{body}");
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_cut_stream_has_no_end() {
    let lab = Lab::start(&["--cut-stream-after", "3"]).await;
    let (status, body) = lab.ask(CHAT, &question("x", true).to_string()).await;
    assert_eq!(status, 200);
    assert_eq!(body.matches("data: ").count(), 3, "{body}");
    assert!(
        !body.contains("[DONE]") && !body.ends_with("0\r\n\r\n"),
        "{body}"
    );
}

#[tokio::test]
async fn too_many_at_a_time_are_refused_and_those_who_leave_are_counted() {
    let lab = Lab::start(&["--rate-limit-concurrency", "1", "--first-token-ms", "60000"]).await;
    let waiting = lab.open(CHAT, &question("x", true).to_string()).await;
    let until = |field: &'static str, count: u64| {
        let lab = &lab;
        async move {
            let began = Instant::now();
            while lab.stats().await[field] != count {
                assert!(began.elapsed() < PATIENCE, "{field} never became {count}");
            }
        }
    };
    until("in_flight", 1).await;
    assert_eq!(
        lab.ask(CHAT, &question("y", false).to_string()).await.0,
        429
    );
    drop(waiting);
    until("cancelled", 1).await;
    until("in_flight", 0).await;
}

#[tokio::test]
async fn embeddings_and_models_are_there() {
    let lab = Lab::start(&[]).await;
    let (status, body) = lab
        .json(
            "POST /v1/embeddings",
            &json!({"model": "m", "input": ["a", "b", "a"]}),
        )
        .await;
    assert_eq!(status, 200);
    let vector = |index: usize| &body["data"][index]["embedding"];
    assert_eq!(
        (vector(0), vector(0).as_array().unwrap().len()),
        (vector(2), 8)
    );
    assert_ne!(vector(0), vector(1));
    let (_, models) = lab.json("GET /v1/models", &Value::Null).await;
    assert_eq!(models["data"][0]["id"], "deepseek-flash");
}

#[tokio::test]
async fn a_tool_is_called_and_its_thoughts_must_come_back() {
    let lab = Lab::start(&[]).await;
    let tools = json!([{"type": "function", "function": {"name": "look_up", "parameters": {}}}]);
    let mut asked = question("weather", false);
    asked["tools"] = tools;
    let (_, answer) = lab.json("POST /v1/chat/completions", &asked).await;
    let choice = &answer["choices"][0];
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(call["function"]["arguments"], r#"{"about":"weather"}"#);

    let said = choice["message"].clone();
    let told = json!({"role": "tool", "tool_call_id": call["id"], "content": "rain"});
    let user = asked["messages"][0].clone();
    asked["messages"] = json!([user, said, told]);
    let (status, answer) = lab.json("POST /v1/chat/completions", &asked).await;
    assert_eq!(
        (status, &answer["choices"][0]["finish_reason"]),
        (200, &json!("stop"))
    );
    asked["messages"][1]["reasoning_content"] = Value::Null;
    let (status, answer) = lab.json("POST /v1/chat/completions", &asked).await;
    assert_eq!(status, 400);
    assert!(
        answer.to_string().contains("must be passed back"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_tool_is_called_in_pieces() {
    let lab = Lab::start(&[]).await;
    let mut asked = question("weather", true);
    asked["tools"] = json!([{"type": "function", "function": {"name": "look_up"}}]);
    let (_, stream) = lab
        .ask("POST /v1/chat/completions", &asked.to_string())
        .await;
    let pieces = stream.matches("\"tool_calls\":[{").count();
    assert!(pieces >= 4, "{stream}");
    assert!(
        stream.contains("\"finish_reason\":\"tool_calls\""),
        "{stream}"
    );
}
