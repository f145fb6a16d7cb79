//! Upstreams that play a script, one act for each request, and keep books.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::spawn;
use std::time::Instant;

pub(crate) const SSE: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
pub(crate) const JSON: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
pub(crate) const END: &str = "0\r\n\r\n";

/// What an upstream does with a request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Sends this, and keeps the connection.
    Say(String),
    /// Sends these pieces, each but the first when the gate is opened, and keeps the connection.
    Steps(Vec<String>, Arc<Gate>),
    /// Sends this and leaves.
    Break(String),
    /// Sends this and waits until the other side leaves.
    Hang(String),
}

/// Lets one piece through each time that a test opens it.
#[derive(Default)]
pub(crate) struct Gate {
    passes: Mutex<usize>,
    opened: Condvar,
}

impl Gate {
    pub(crate) fn open(&self) {
        *self.passes.lock().unwrap() += 1;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let passes = self.passes.lock().unwrap();
        let is_closed = |passes: &mut usize| *passes == 0;
        *self.opened.wait_while(passes, is_closed).unwrap() -= 1;
    }
}

/// The books of one upstream.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) bodies: Vec<String>,
    pub(crate) times: Vec<Instant>,
    /// When the gateway left a request unanswered.
    pub(crate) left: Vec<Instant>,
}

/// One scripted upstream.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    books: Arc<Mutex<Books>>,
    script: Arc<Mutex<Vec<Act>>>,
}

impl Upstream {
    /// Plays these acts; the last one over and over.
    pub(crate) fn play(script: impl Into<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = Self {
            address: listener.local_addr().unwrap(),
            books: Arc::default(),
            script: Arc::new(Mutex::new(script.into())),
        };
        let (books, script) = (Arc::clone(&upstream.books), Arc::clone(&upstream.script));
        spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (books, script) = (Arc::clone(&books), Arc::clone(&script));
                spawn(move || serve(&stream, &books, &script));
            }
        });
        upstream
    }

    /// From now on, this.
    pub(crate) fn now_plays(&self, script: impl Into<Vec<Act>>) {
        *self.script.lock().unwrap() = script.into();
    }

    pub(crate) fn asked(&self) -> usize {
        self.books.lock().unwrap().bodies.len()
    }

    pub(crate) fn books<T>(&self, look: impl FnOnce(&Books) -> T) -> T {
        look(&self.books.lock().unwrap())
    }
}

fn serve(stream: &TcpStream, books: &Mutex<Books>, script: &Mutex<Vec<Act>>) {
    let mut reader = BufReader::new(stream);
    while let Some(body) = read(&mut reader) {
        {
            let mut books = books.lock().unwrap();
            books.bodies.push(body);
            books.times.push(Instant::now());
        }
        let act = {
            let mut script = script.lock().unwrap();
            if script.len() > 1 {
                script.remove(0)
            } else {
                script[0].clone()
            }
        };
        if !perform(act, stream) {
            books.lock().unwrap().left.push(Instant::now());
            return;
        }
    }
}

/// Whether the connection can be kept.
fn perform(act: Act, mut stream: &TcpStream) -> bool {
    match act {
        Act::Say(text) => return stream.write_all(text.as_bytes()).is_ok(),
        Act::Steps(pieces, gate) => {
            for (place, piece) in pieces.iter().enumerate() {
                if place > 0 {
                    gate.pass();
                }
                if stream.write_all(piece.as_bytes()).is_err() {
                    return false;
                }
            }
            return true;
        }
        Act::Break(text) => {
            let _ = stream.write_all(text.as_bytes());
        }
        Act::Hang(text) => {
            let _ = stream.write_all(text.as_bytes());
            let _ = stream.read(&mut [0]);
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
    false
}

/// The body of a request, which must carry the upstream's key and nobody else's.
fn read(reader: &mut BufReader<&TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    assert!(head.contains("authorization: Bearer sk-upstream-canary\r\n"));
    assert!(
        !head.contains("sk-client"),
        "a client's key went up:\n{head}"
    );
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    Some(String::from_utf8(body).unwrap())
}

/// Chunked, as real servers send streams.
pub(crate) fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// The events of so many words.
pub(crate) fn events(words: usize) -> String {
    let event = |delta: String| {
        format!(
            "data: {{\"id\":\"1\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":null}}]}}\n\n"
        )
    };
    let role = event("{\"role\":\"assistant\",\"content\":\"\"}".to_owned());
    let word = |number| event(format!("{{\"content\":\"w{number} \"}}"));
    role + &(0..words).map(word).collect::<String>()
}

/// The last events, with this reason.
pub(crate) fn finish(reason: &str) -> String {
    format!(
        "data: {{\"id\":\"1\",\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"{reason}\"}}]}}\n\ndata: [DONE]\n\n"
    )
}

/// A whole stream.
pub(crate) fn canon() -> String {
    events(20) + &finish("stop")
}

/// Answers with a whole stream.
pub(crate) fn good() -> Act {
    say(SSE.to_owned() + &chunk(&canon()) + END)
}

/// Answers with one piece that says this.
pub(crate) fn good_json(words: &str) -> Act {
    say(JSON.to_owned() + &chunk(&whole(words)) + END)
}

/// An answer in one piece.
pub(crate) fn whole(words: &str) -> String {
    format!(
        "{{\"id\":\"1\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{words}\"}},\"finish_reason\":\"stop\"}}],\"usage\":{{\"prompt_tokens\":2,\"completion_tokens\":3,\"total_tokens\":5}}}}"
    )
}

/// Sends this at once.
pub(crate) fn say(text: String) -> Act {
    Act::Say(text)
}

/// An error answer, with more lines in its head.
pub(crate) fn refusal(status: u16, more: &str, body: &str) -> Act {
    let length = body.len();
    say(format!(
        "HTTP/1.1 {status} No\r\ncontent-type: application/json\r\n{more}content-length: {length}\r\n\r\n{body}"
    ))
}
