//! A new gateway beside an old one, and a reload, under load: nothing is refused and nothing is cut.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::play::{END, HEAD, Slow, chunk, completion, goodbye, quick, token};
use crate::stage::{configure, program, request, soon};

/// Between two looks at what is waited for.
const POLL: Duration = Duration::from_millis(20);

/// A gateway at a socket.
struct Gateway {
    process: Child,
    log: UnboundedReceiver<String>,
}

impl Gateway {
    /// Starts one; it takes the name over from one that serves there.
    async fn start(folder: &Path) -> Self {
        let file = folder.join("gateway.toml");
        let mut process = program(&["--config", file.to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (write, log) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = write.send(line);
            }
        });
        let mut gateway = Self { process, log };
        gateway.logs("\"started\"").await;
        gateway
    }

    /// Waits until it logs this.
    async fn logs(&mut self, text: &str) {
        while !soon(self.log.recv()).await.unwrap().contains(text) {}
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().unwrap().to_string();
        let sent = std::process::Command::new("kill")
            .args([name, &id])
            .status();
        assert!(sent.unwrap().success());
    }
}

/// One request on a connection of its own, as nginx would make it; the whole answer.
async fn ask(socket: &Path, body: &str) -> Result<String, String> {
    let mut stream = UnixStream::connect(socket)
        .await
        .map_err(|error| error.to_string())?;
    let text = request("POST /v1/chat/completions", "connection: close\r\n", body);
    let sent = stream.write_all(text.as_bytes()).await;
    sent.map_err(|error| error.to_string())?;
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer).await;
    read.map_err(|error| error.to_string())?;
    Ok(answer)
}

/// How much goes on during the change.
struct Scale {
    /// Streams that run from before the change until after it.
    streams: usize,
    /// Callers that ask one question after the other.
    callers: usize,
    /// Answers between two steps.
    answers: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_under_load_refuses_nothing_and_cuts_nothing() {
    change(&Scale {
        streams: 20,
        callers: 4,
        answers: 50,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: tests/run.sh --full"]
async fn a_change_under_heavy_load_refuses_nothing_and_cuts_nothing() {
    change(&Scale {
        streams: 200,
        callers: 32,
        answers: 5000,
    })
    .await;
}

async fn change(scale: &Scale) {
    let slow = Slow::start().await;
    slow.say(HEAD.to_owned() + &chunk(&token("one")));
    let (address, _) = quick(completion("yes")).await;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("gateway.sock");
    write_settings(folder.path(), &address, &slow.address);
    let mut old = Gateway::start(folder.path()).await;

    let mut streams = JoinSet::new();
    for number in 0..scale.streams {
        let socket = socket.clone();
        let body = format!(
            r#"{{"model":"s","stream":true,"messages":[{{"role":"user","content":"{number}"}}]}}"#
        );
        streams.spawn(async move { ask(&socket, &body).await });
    }
    soon(async {
        while slow.calls() < scale.streams {
            sleep(POLL).await;
        }
    })
    .await;

    let load = Load::start(&socket, scale.callers);
    load.answers(scale.answers).await;
    old.signal("-HUP");
    old.logs("\"reloaded\"").await;
    load.answers(scale.answers).await;
    let mut new = Gateway::start(folder.path()).await;
    old.signal("-TERM");
    old.logs("\"stopping\"").await;
    load.answers(scale.answers).await;
    new.signal("-HUP");
    new.logs("\"reloaded\"").await;
    load.answers(scale.answers).await;
    slow.say(chunk(&goodbye()));
    slow.say(END.to_owned());
    load.stop().await;
    while let Some(answer) = soon(streams.join_next()).await {
        let answer = answer.unwrap().unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("data: [DONE]"),
            "{answer}"
        );
    }
    assert_eq!(slow.calls(), scale.streams);
}

fn write_settings(folder: &Path, quick: &str, slow: &str) {
    configure(folder, quick, "");
    let file = folder.join("gateway.toml");
    let place = folder.display();
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text
        .replacen("127.0.0.1:0", &format!("unix:{place}/gateway.sock"), 1)
        .replace(
            "[upstream]",
            "[[upstream]]\nname = \"quick\"\nmodels = { m = \"m\" }\nonly_listed_models = true",
        )
        + &format!(
            "[[upstream]]\nname = \"slow\"\nbase_url = \"http://{slow}\"\nkey_file = \"{place}/upstream_key\"\n\
             models = {{ s = \"s\" }}\nonly_listed_models = true\nidle_timeout_seconds = 600\n\
             [quota]\nrequests_per_minute = 0\naddress_requests_per_minute = 0\n[merge]\nenabled = false\n"
        );
    std::fs::write(&file, text).unwrap();
}

/// Callers that ask one question after the other until they are told to stop.
struct Load {
    answered: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    callers: JoinSet<()>,
}

impl Load {
    fn start(socket: &Path, callers: usize) -> Self {
        let mut load = Self {
            answered: Arc::default(),
            stop: Arc::default(),
            callers: JoinSet::new(),
        };
        for caller in 0..callers {
            let socket = socket.to_owned();
            let (answered, stop) = (Arc::clone(&load.answered), Arc::clone(&load.stop));
            load.callers.spawn(async move {
                for number in 0_usize.. {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let body = format!(
                        r#"{{"model":"m","messages":[{{"role":"user","content":"q {caller} {number}"}}]}}"#
                    );
                    let answer = soon(ask(&socket, &body)).await.unwrap();
                    assert!(
                        answer.starts_with("HTTP/1.1 200") && answer.contains("yes"),
                        "{answer}"
                    );
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        load
    }

    /// Waits until so many more questions are answered.
    async fn answers(&self, more: usize) {
        let before = self.answered.load(Ordering::SeqCst);
        soon(async {
            while self.answered.load(Ordering::SeqCst) < before + more {
                sleep(POLL).await;
            }
        })
        .await;
    }

    async fn stop(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = soon(self.callers.join_next()).await {
            ended.unwrap();
        }
    }
}
