//! A small HTTP client for the lab's own doors, which are on loopback and close after each answer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Sends one request and returns status and body; a node's boot can be among what is waited for.
pub(crate) fn exchange(
    authority: &str,
    request: &str,
    headers: &[&str],
    body: &str,
) -> (u16, String) {
    let mut stream = TcpStream::connect(authority).unwrap_or_else(|error| {
        panic!("no lab at {authority} ({error}); start it with examples/lab/up.sh, or set DSLINE_LAB_URL")
    });
    stream
        .set_read_timeout(Some(Duration::from_mins(2)))
        .unwrap();
    let mut text = format!(
        "{request} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers {
        text += header;
        text += "\r\n";
    }
    write!(stream, "{text}\r\n{body}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .expect("an HTTP answer has a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (
        status.expect("an HTTP answer has a status"),
        body.to_owned(),
    )
}
