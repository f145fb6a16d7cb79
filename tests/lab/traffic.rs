//! Users of a line: fifty requests a second through TLS, who ask DNS again whenever the TTL has passed.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dsline::client::{Caller, Question, chat, locate_server, resolve, vantage};
use dsline::line::{Continent, Secret};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::story::{Story, name_server, say};

/// Requests a second.
const RATE: u32 = 50;
/// A user who waits longer has gone.
const PATIENCE: Duration = Duration::from_secs(8);
/// Where they live, by turns.
const HOMES: [Continent; 4] = [
    Continent::Europe,
    Continent::Asia,
    Continent::NorthAmerica,
    Continent::Europe,
];

/// A request, and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// When it was sent.
    pub(crate) at: Instant,
    /// The node that answered, or what went wrong.
    pub(crate) outcome: Result<String, String>,
}

/// Users who go on until they are told to stop.
pub(crate) struct Traffic {
    stop: Arc<AtomicBool>,
    users: Option<JoinHandle<Vec<Request>>>,
}

impl Traffic {
    /// Lets them begin; the TTL is the profile's.
    pub(crate) fn begin(story: &Story, ttl: Duration) -> Self {
        Self::of(story, ttl, false)
    }

    /// Lets them begin, each with a question that nobody has asked: the upstream has to answer every one.
    pub(crate) fn of_many_questions(story: &Story, ttl: Duration) -> Self {
        Self::of(story, ttl, true)
    }

    fn of(story: &Story, ttl: Duration, is_new: bool) -> Self {
        let connection = story.run("connect --show-key --json").exits(0).json();
        let text = |name: &str| connection[name].as_str().expect("a text").to_owned();
        let users = Users {
            host: format!("llm.{}.test", story.line),
            key: Secret::new(text("api_key")),
            caller: Caller::trusting(&text("ca")).unwrap(),
            ttl,
            known: Mutex::default(),
            is_new,
            asked: AtomicUsize::new(0),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&stop);
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(Arc::new(users).ask(is_over))
        };
        Self {
            stop,
            users: Some(std::thread::spawn(run)),
        }
    }

    /// Ends it and returns every request, oldest first.
    pub(crate) fn end(mut self) -> Vec<Request> {
        self.stop.store(true, Ordering::Relaxed);
        let users = self.users.take().expect("it is ended once");
        let mut requests = users.join().expect("users do not panic");
        requests.sort_by_key(|one| one.at);
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for reason in requests.iter().filter_map(|one| one.outcome.as_ref().err()) {
            // Every refusal has a number of its own.
            let kind = reason.split(",\"request_id\"").next().unwrap_or(reason);
            *reasons.entry(kind).or_default() += 1;
        }
        let mut by_node: BTreeMap<&str, usize> = BTreeMap::new();
        for node in requests.iter().filter_map(|one| one.outcome.as_ref().ok()) {
            *by_node.entry(node).or_default() += 1;
        }
        say(&format!(
            "   {} requests, by node {by_node:?}, failed {reasons:?}",
            requests.len()
        ));
        requests
    }
}

impl Drop for Traffic {
    /// Nobody asks on when a story has failed.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The requests that failed, each with the seconds since a moment.
pub(crate) fn failures(requests: &[Request], since: Instant) -> Vec<(f32, String)> {
    let failed = requests.iter().filter_map(|one| {
        let why = one.outcome.as_ref().err()?;
        let seconds = one.at.saturating_duration_since(since).as_secs_f32();
        Some((seconds, why.clone()))
    });
    failed.collect()
}

/// What an answer of DNS was, and when.
type Known = BTreeMap<Continent, (Instant, Vec<Ipv4Addr>)>;

struct Users {
    host: String,
    key: Secret,
    caller: Caller,
    ttl: Duration,
    known: Mutex<Known>,
    /// Whether every question is another one.
    is_new: bool,
    asked: AtomicUsize,
}

impl Users {
    async fn ask(self: Arc<Self>, is_over: Arc<AtomicBool>) -> Vec<Request> {
        let mut asked = JoinSet::new();
        let mut beat = tokio::time::interval(Duration::from_secs(1) / RATE);
        for home in HOMES.into_iter().cycle() {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            beat.tick().await;
            asked.spawn(Arc::clone(&self).ask_once(home));
        }
        asked.join_all().await
    }

    async fn ask_once(self: Arc<Self>, home: Continent) -> Request {
        let at = Instant::now();
        let outcome = match tokio::time::timeout(PATIENCE, self.answer(home)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        };
        Request { at, outcome }
    }

    async fn answer(&self, home: Continent) -> Result<String, String> {
        let address = self.locate(home).await?;
        let text = if self.is_new {
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            format!("Are you there, and which number am I? {number}")
        } else {
            "Are you there?".to_owned()
        };
        let question = Question {
            host: &self.host,
            api_key: &self.key,
            model: "deepseek-chat",
            text: &text,
        };
        let answer = chat(&self.caller, address, &question)
            .await
            .map_err(|error| format!("{address}: {error:#}"))?;
        match answer.status {
            200 => Ok(answer.node.unwrap_or_default()),
            status => Err(format!("{address}: {status} {}", answer.text)),
        }
    }

    /// An address of the line for somebody who lives there, kept as long as a resolver may keep it.
    async fn locate(&self, home: Continent) -> Result<Ipv4Addr, String> {
        let mut known = self.known.lock().await;
        let fresh = known.get(&home).filter(|(at, _)| at.elapsed() < self.ttl);
        if let Some((_, addresses)) = fresh {
            return Ok(addresses[0]);
        }
        let server = locate_server(&name_server())
            .await
            .map_err(|error| format!("{error:#}"))?;
        // A resolver that was asked keeps the answer from when it asked.
        let at = Instant::now();
        let addresses = resolve(server, &self.host, vantage(Some(home)))
            .await
            .map_err(|error| format!("{error:#}"))?;
        let first = addresses.first().copied().ok_or("no address")?;
        known.insert(home, (at, addresses));
        Ok(first)
    }
}
