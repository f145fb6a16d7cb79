//! A new gateway beside an old one, and a reload, under load: nothing is refused and nothing is cut.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::play::{END, HEAD, Slow, chunk, completion, goodbye, quick, token};
use crate::stage::{configure, program, request, soon};

/// Starts a gateway at this socket; it takes the name over from one that serves there.
async fn start(folder: &Path) -> Child {
    let file = folder.join("gateway.toml");
    let mut process = program(&["--config", file.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let started = soon(lines.next_line()).await.unwrap().unwrap();
    assert!(started.contains("\"started\""), "{started}");
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    process
}

fn signal(process: &Child, name: &str) {
    let id = process.id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args([name, &id])
        .status();
    assert!(sent.unwrap().success());
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

#[tokio::test(flavor = "multi_thread")]
async fn a_change_under_load_refuses_nothing_and_cuts_nothing() {
    let slow = Slow::start().await;
    slow.say(HEAD.to_owned() + &chunk(&token("one")));
    let (address, _) = quick(completion("yes")).await;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("gateway.sock");
    configure(folder.path(), &address, "");
    let file = folder.path().join("gateway.toml");
    let place = folder.path().display();
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text
        .replacen("127.0.0.1:0", &format!("unix:{place}/gateway.sock"), 1)
        .replace(
            "[upstream]",
            "[[upstream]]\nname = \"quick\"\nmodels = { m = \"m\" }\nonly_listed_models = true",
        )
        .replace("read_timeout_seconds = 2", "read_timeout_seconds = 60")
        + &format!(
            "[[upstream]]\nname = \"slow\"\nbase_url = \"http://{}\"\nkey_file = \"{place}/upstream_key\"\n\
             models = {{ s = \"s\" }}\nonly_listed_models = true\n\
             [quota]\nrequests_per_minute = 0\naddress_requests_per_minute = 0\n[merge]\nenabled = false\n",
            slow.address
        );
    std::fs::write(&file, text).unwrap();
    let old = start(folder.path()).await;

    let mut streams = JoinSet::new();
    for number in 0..200 {
        let socket = socket.clone();
        let body = format!(
            r#"{{"model":"s","stream":true,"messages":[{{"role":"user","content":"{number}"}}]}}"#
        );
        streams.spawn(async move { ask(&socket, &body).await });
    }
    soon(async {
        while slow.calls() < 200 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;

    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicUsize::new(0));
    let load = tokio::spawn(press(socket.clone(), Arc::clone(&stop), Arc::clone(&asked)));
    sleep(Duration::from_millis(500)).await;
    signal(&old, "-HUP");
    sleep(Duration::from_millis(500)).await;
    let new = start(folder.path()).await;
    signal(&old, "-TERM");
    sleep(Duration::from_millis(500)).await;
    signal(&new, "-HUP");
    sleep(Duration::from_secs(1)).await;
    slow.say(chunk(&goodbye()));
    slow.say(END.to_owned());
    stop.store(true, Ordering::SeqCst);
    let failed = load.await.unwrap();
    assert!(
        failed.is_empty(),
        "{} of {}: {:?}",
        failed.len(),
        asked.load(Ordering::SeqCst),
        failed.first()
    );
    while let Some(answer) = soon(streams.join_next()).await {
        let answer = answer.unwrap().unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("data: [DONE]"),
            "{answer}"
        );
    }
    println!(
        "{} requests and 200 streams through two reloads and a change",
        asked.load(Ordering::SeqCst)
    );
    assert_eq!(slow.calls(), 200);
}

/// Five hundred requests a second, whether or not those before are answered; gives back what went wrong.
async fn press(
    socket: std::path::PathBuf,
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
) -> Vec<String> {
    let mut flying = JoinSet::new();
    let mut next = Instant::now();
    let mut failed = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let number = asked.fetch_add(1, Ordering::SeqCst);
        let socket = socket.clone();
        let body =
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"q {number}"}}]}}"#);
        flying.spawn(async move {
            match ask(&socket, &body).await {
                Ok(answer) if answer.starts_with("HTTP/1.1 200") && answer.contains("yes") => None,
                Ok(answer) => Some(answer),
                Err(error) => Some(error),
            }
        });
        while let Some(done) = flying.try_join_next() {
            failed.extend(done.unwrap());
        }
        next += Duration::from_millis(2);
        tokio::time::sleep_until(next).await;
    }
    while let Some(done) = soon(flying.join_next()).await {
        failed.extend(done.unwrap());
    }
    failed
}
