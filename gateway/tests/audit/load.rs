//! Many requests at full speed over a few connections, and an upstream that answers the few that are not cached.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::spawn;

const BODY: &str =
    r#"{"model":"m","messages":[{"role":"user","content":"hello"}],"temperature":0}"#;

const ANSWER: &str = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}"#;

/// Requests that are sent together; as many answers are read then.
const TOGETHER: usize = 32;

/// Sends so many requests over one connection and returns how many were answered with 200.
pub(crate) fn ask(address: SocketAddr, key: &str, requests: usize) -> usize {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let mut good = 0;
    for begin in (0..requests).step_by(TOGETHER) {
        let count = TOGETHER.min(requests - begin);
        stream.write_all(request.repeat(count).as_bytes()).unwrap();
        for _ in 0..count {
            good += usize::from(
                read_message(&mut reader)
                    .unwrap()
                    .starts_with("HTTP/1.1 200"),
            );
        }
    }
    good
}

/// An upstream at an address of its own; it answers until the test ends.
pub(crate) fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            spawn(move || serve(stream));
        }
    });
    address
}

fn serve(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while read_message(&mut reader).is_some() {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            ANSWER.len()
        );
        if stream.write_all((head + ANSWER).as_bytes()).is_err() {
            return;
        }
    }
}

/// Reads a head with its body, and returns the head.
fn read_message(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(head)
}
