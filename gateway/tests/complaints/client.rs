//! A raw client: sees every byte, when it came, and whether the end was a proper one.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub(crate) const KEY: &str = "sk-client-canary";

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A request on its way, and its answer.
pub(crate) struct Client {
    reader: BufReader<TcpStream>,
}

/// An answer as far as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// Whether its end was a proper one.
    pub(crate) is_whole: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// `hit`, `miss`, `coalesced` or `bypass`.
    pub(crate) fn cache(&self) -> &str {
        self.header("x-dsline-cache").unwrap_or_default()
    }

    /// The body as the upstream sent it, without heartbeats.
    pub(crate) fn said(&self) -> String {
        self.body.replace(": keep-alive\n", "")
    }
}

impl Client {
    /// Sends these bytes.
    pub(crate) fn send(to: SocketAddr, request: &[u8]) -> Self {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request).unwrap();
        Self {
            reader: BufReader::new(stream),
        }
    }

    /// Reads the head; its status is 0 if there is none.
    pub(crate) fn head(&mut self) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.reader.read_line(&mut head).unwrap_or(0) == 0 {
                break;
            }
        }
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Answer {
            status: status.unwrap_or(0),
            head,
            body: String::new(),
            is_whole: false,
        }
    }

    /// The next chunk; `None` where the body ends, and whether that is a proper end.
    pub(crate) fn chunk(&mut self) -> Result<String, bool> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("nothing came for {PATIENCE:?}")
            }
            Ok(1..) => {}
            _ => return Err(false),
        }
        let size = usize::from_str_radix(line.trim(), 16).map_err(|_| false)?;
        let mut chunk = vec![0; size + 2];
        self.reader.read_exact(&mut chunk).map_err(|_| false)?;
        chunk.truncate(size);
        if size == 0 {
            return Err(true);
        }
        Ok(String::from_utf8(chunk).unwrap())
    }

    /// What is left of a chunked body, which must end properly.
    pub(crate) fn rest(mut self) -> String {
        let mut rest = String::new();
        loop {
            match self.chunk() {
                Ok(chunk) => rest += &chunk,
                Err(is_proper) => {
                    assert!(is_proper, "it was cut after {rest}");
                    return rest;
                }
            }
        }
    }

    /// Reads to the end.
    pub(crate) fn whole(mut self) -> Answer {
        let mut answer = self.head();
        if answer.header("transfer-encoding").is_some() {
            answer.is_whole = loop {
                match self.chunk() {
                    Ok(chunk) => answer.body.push_str(&chunk),
                    Err(is_proper) => break is_proper,
                }
            };
        } else {
            let length = answer.header("content-length");
            let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            answer.is_whole = self.reader.read_exact(&mut body).is_ok();
            answer.body = String::from_utf8(body).unwrap();
        }
        answer
    }
}

/// A chat request of the tests' own client.
pub(crate) fn chat(body: &str) -> Vec<u8> {
    request("POST /v1/chat/completions", KEY, "", body)
}

/// Any request.
pub(crate) fn request(start: &str, key: &str, more: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{start} HTTP/1.1\r\nhost: line.example\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n{more}content-length: {length}\r\n\r\n{body}"
    )
    .into()
}

/// The body of a question.
pub(crate) fn question(words: &str, stream: bool) -> String {
    format!(
        "{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"{words}\"}}],\"stream\":{stream}}}"
    )
}
