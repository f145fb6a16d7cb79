//! The stage: upstreams that play a script, one act for each request, and keep strict books.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use dsline_gateway::config::{Provider, Providers, Retry};
use dsline_gateway::upstream::{Committed, Cut, Defeat, Event, Order, Upstreams};
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// Between two looks at what is waited for.
const POLL: Duration = Duration::from_millis(5);

/// What an upstream does with a request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Sends this, and keeps the connection.
    Say(String),
    /// Sends these pieces with this pause between them, and keeps the connection.
    Drip(Vec<String>, Duration),
    /// Sends this and resets.
    Break(String),
    /// Sends this and waits until the other side leaves.
    Hang(String),
    /// Sends this again and again, and never more.
    Repeat(String, String, Duration),
}

/// The books of one upstream.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) bodies: Vec<String>,
    pub(crate) times: Vec<Instant>,
    /// When the other side was found to have left.
    pub(crate) left: Option<Instant>,
}

/// One scripted upstream.
pub(crate) struct Wall {
    pub(crate) address: String,
    pub(crate) books: Arc<Mutex<Books>>,
    script: Arc<Mutex<Vec<Act>>>,
}

impl Wall {
    /// Plays these acts; the last one over and over.
    pub(crate) async fn play(script: impl Into<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let books = Arc::new(Mutex::new(Books::default()));
        let script = Arc::new(Mutex::new(script.into()));
        let (shared, acts) = (Arc::clone(&books), Arc::clone(&script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared), Arc::clone(&acts)));
            }
        });
        Self {
            address,
            books,
            script,
        }
    }

    /// From now on, this.
    pub(crate) fn now_play(&self, act: Act) {
        *self.script.lock().unwrap() = vec![act];
    }

    /// Waits until it was asked so often.
    pub(crate) async fn until_asked(&self, count: usize) {
        soon(async {
            while self.asked() < count {
                sleep(POLL).await;
            }
        })
        .await;
    }

    /// Waits until the other side has left; says when.
    pub(crate) async fn until_left(&self) -> Instant {
        soon(async {
            loop {
                if let Some(left) = self.books.lock().unwrap().left {
                    return left;
                }
                sleep(POLL).await;
            }
        })
        .await
    }

    pub(crate) fn asked(&self) -> usize {
        self.books.lock().unwrap().bodies.len()
    }
}

async fn serve(stream: TcpStream, books: Arc<Mutex<Books>>, script: Arc<Mutex<Vec<Act>>>) {
    let mut stream = BufReader::new(stream);
    while let Some(body) = read(&mut stream).await {
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
        let goes_on = perform(act, &mut stream).await;
        if !goes_on {
            books.lock().unwrap().left = Some(Instant::now());
            return;
        }
    }
}

async fn perform(act: Act, stream: &mut BufReader<TcpStream>) -> bool {
    let wire = stream.get_mut();
    match act {
        Act::Say(text) => return wire.write_all(text.as_bytes()).await.is_ok(),
        Act::Drip(pieces, pause) => {
            for piece in pieces {
                if wire.write_all(piece.as_bytes()).await.is_err() {
                    return false;
                }
                sleep(pause).await;
            }
            return true;
        }
        Act::Break(text) => {
            wire.write_all(text.as_bytes()).await.unwrap();
            wire.set_zero_linger().unwrap();
        }
        Act::Hang(text) => {
            wire.write_all(text.as_bytes()).await.unwrap();
            let _ = wire.read(&mut [0]).await;
        }
        Act::Repeat(first, again, pause) => {
            wire.write_all(first.as_bytes()).await.unwrap();
            while wire.write_all(again.as_bytes()).await.is_ok() {
                sleep(pause).await;
            }
        }
    }
    false
}

/// A request, as strictly as a server may read it.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let value = |name: &str| {
        let line = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned());
        let found: Vec<String> = head.lines().filter_map(line).collect();
        assert!(found.len() <= 1, "{name} came twice:\n{head}");
        found.into_iter().next()
    };
    assert_eq!(
        value("authorization").as_deref(),
        Some("Bearer sk-upstream-canary")
    );
    assert!(value("host").is_some());
    if value("transfer-encoding").is_some() {
        let mut chunk = String::new();
        stream.read_line(&mut chunk).await.ok()?;
        return Some(chunk);
    }
    let length = value("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(String::from_utf8(body).unwrap())
}

/// Chunked, as real servers send streams.
pub(crate) fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

pub(crate) const SSE: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
pub(crate) const JSON: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
pub(crate) const END: &str = "0\r\n\r\n";
pub(crate) const WHOLE: &str =
    r#"{"choices":[{"message":{"content":"all of it"},"finish_reason":"stop"}]}"#;

/// Events of an answer of sixty words: the role, so many tokens, and the end with or without `[DONE]`.
pub(crate) fn events(tokens: usize) -> String {
    let mut text =
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
            .to_owned();
    for number in 0..tokens {
        let event = format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":\"w{number} \"}},\"finish_reason\":null}}]}}\n\n"
        );
        text.push_str(&event);
    }
    text
}

pub(crate) fn finish() -> String {
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n".to_owned()
}

/// The whole canonical stream.
pub(crate) fn canon() -> String {
    events(60) + &finish() + "data: [DONE]\n\n"
}

pub(crate) fn good() -> Act {
    Act::Say(SSE.to_owned() + &chunk(&canon()) + END)
}

pub(crate) fn good_json() -> Act {
    Act::Say(JSON.to_owned() + &chunk(WHOLE) + END)
}

/// An error answer.
pub(crate) fn refusal(status: u16, more: &str, body: &str) -> Act {
    let length = body.len();
    Act::Say(format!(
        "HTTP/1.1 {status} No\r\ncontent-type: application/json\r\n{more}content-length: {length}\r\n\r\n{body}"
    ))
}

/// The room under test, with what it told.
pub(crate) struct Stage {
    pub(crate) upstreams: Upstreams,
    pub(crate) told: Arc<Mutex<Vec<Event>>>,
    pub(crate) providers: Providers,
    _folder: TempDir,
}

/// Far longer than any test may take: where a call ends early, it was no timeout.
const LONG: Duration = Duration::from_mins(10);

/// How long a silent upstream is borne where silence is the fault: the wall's faults last, the tests must not.
const SHORT: Duration = Duration::from_secs(2);

/// Which of an upstream's timeouts are short; the others are longer than a test may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// None.
    Long,
    /// The one before the first token or byte.
    ShortBefore,
    /// The one within an answer.
    ShortWithin,
}

impl Patience {
    pub(crate) fn set(self, provider: &mut Provider) {
        let short = |is_short| if is_short { SHORT } else { LONG };
        let before = short(self == Self::ShortBefore);
        provider.connect_timeout = LONG;
        provider.read_timeout = LONG;
        provider.first_token_timeout = Some(before);
        provider.answer_timeout = Some(before);
        provider.idle_timeout = Some(short(self == Self::ShortWithin));
    }
}

/// Waits for what must come, and no longer than that.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_mins(1), what)
        .await
        .expect("it did not come in time")
}

impl Stage {
    /// The first is asked, the others stand by.
    pub(crate) fn of(addresses: &[&str]) -> Self {
        Self::with(addresses, &Retry::default(), |_, _| {})
    }

    /// The same with this patience for the first.
    pub(crate) fn bearing(patience: Patience, addresses: &[&str]) -> Self {
        Self::with(addresses, &Retry::default(), |place, provider| {
            if place == 0 {
                patience.set(provider);
            }
        })
    }

    pub(crate) fn with(
        addresses: &[&str],
        retry: &Retry,
        mend: impl Fn(usize, &mut Provider),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, "sk-upstream-canary\n").unwrap();
        let provider = |(place, address): (usize, &&str)| {
            let text = format!(
                "name = \"u{place}\"\nbase_url = \"http://{address}\"\nkey_file = \"{}\"\nweight = {}\n",
                key.display(),
                u8::from(place == 0)
            );
            let mut provider: Provider = toml::from_str(&text).unwrap();
            Patience::Long.set(&mut provider);
            mend(place, &mut provider);
            provider
        };
        let all: Vec<Provider> = addresses.iter().enumerate().map(provider).collect();
        let providers = Providers::try_from(all).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&told);
        let tell = Arc::new(move |event: &Event| ear.lock().unwrap().push(event.clone()));
        Self {
            upstreams: Upstreams::new(&providers, retry, tell, None).unwrap(),
            told,
            providers,
            _folder: folder,
        }
    }

    pub(crate) fn words(&self) -> Vec<&'static str> {
        self.told.lock().unwrap().iter().map(Event::word).collect()
    }

    /// How often this was told.
    pub(crate) fn count(&self, word: &str) -> usize {
        self.words().iter().filter(|told| **told == word).count()
    }

    pub(crate) async fn ask(&self, streams: bool) -> Result<Committed, Defeat> {
        let order = order(streams);
        soon(self.upstreams.ask(&order)).await
    }

    /// Asks for a stream and reads it to its end.
    pub(crate) async fn read(&self, streams: bool) -> Result<Read, Defeat> {
        Ok(read_all(self.ask(streams).await?).await)
    }
}

/// What a client would have got.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) upstream: String,
    pub(crate) status: u16,
    pub(crate) attempts: u32,
    pub(crate) text: String,
    pub(crate) cut: Option<Cut>,
}

pub(crate) async fn read_all(mut answer: Committed) -> Read {
    let mut bytes = Vec::new();
    let mut cut = None;
    while let Some(frame) = soon(answer.body.frame()).await {
        match frame {
            Ok(frame) => bytes.extend(frame.into_data().unwrap()),
            Err(why) => cut = Some(why),
        }
    }
    Read {
        upstream: answer.upstream.as_str().to_owned(),
        status: answer.head.status.as_u16(),
        attempts: answer.attempts,
        text: String::from_utf8(bytes).unwrap(),
        cut,
    }
}

pub(crate) fn order(streams: bool) -> Order {
    let body = format!("{{\"model\":\"chat\",\"messages\":[],\"stream\":{streams}}}");
    Order::whole(
        Method::POST,
        "/v1/chat/completions".parse().unwrap(),
        HeaderMap::new(),
        Bytes::from(body),
    )
}

/// Nothing listens on port 1, and nothing can be given it by the kernel.
pub(crate) const NOBODY: &str = "127.0.0.1:1";
