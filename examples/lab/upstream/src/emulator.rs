//! The API: routes, keys, limits and injected faults.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::SystemTime;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{HeaderMap, Method, Request};
use serde_json::json;

use crate::answer::{Answer, embeddings, fingerprint};
use crate::failure::Failure;
use crate::knobs::Knobs;
use crate::question::{Question, Texts, read};
use crate::reply::{Reply, chat, json};
use crate::stats::Stats;
use crate::upload::file;

/// Conversations that are remembered for the context cache.
const MEMORY: usize = 10_000;

/// The emulated service; all listeners share one.
pub struct Emulator {
    key: Option<String>,
    knobs: RwLock<Knobs>,
    stats: Arc<Stats>,
    dice: Mutex<fastrand::Rng>,
    seen: Mutex<HashSet<u64>>,
    answers: AtomicU64,
}

/// What a request is answered with, before it has a shape.
enum Outcome {
    Json(Bytes),
    Chat(Question, Box<Answer>),
}

impl Emulator {
    /// A service that wants this key (or any), throws these dice and starts with these knobs.
    pub fn new(key: Option<String>, seed: u64, knobs: Knobs) -> Self {
        Self {
            key,
            knobs: RwLock::new(knobs),
            stats: Arc::default(),
            dice: Mutex::new(fastrand::Rng::with_seed(seed)),
            seen: Mutex::default(),
            answers: AtomicU64::new(0),
        }
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Incoming>) -> Reply {
        if request.uri().path().starts_with("/_lab/") {
            return match self.operate(request).await {
                Ok(report) => json(200, report),
                Err(failure) => json(failure.status, failure.body),
            };
        }
        let mut visit = self.stats.enter();
        let knobs = self.knobs();
        self.wait(&knobs).await;
        let (status, body) = match self.serve(request, &knobs).await {
            Ok(Outcome::Chat(question, answer)) => {
                return chat(&question, &answer, &knobs, visit).await;
            }
            Ok(Outcome::Json(body)) => (200, body),
            Err(failure) => (failure.status, failure.body),
        };
        visit.answers(status);
        visit.finish();
        json(status, body)
    }

    async fn serve(&self, request: Request<Incoming>, knobs: &Knobs) -> Result<Outcome, Failure> {
        self.admit(request.headers(), knobs)?;
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        match (&head.method, path.strip_prefix("/v1").unwrap_or(path)) {
            (&Method::POST, "/chat/completions") => {
                let question = read::<Question>(&whole(body).await?)?.checked()?;
                let answer = self.think(&question, knobs);
                Ok(Outcome::Chat(question, Box::new(answer)))
            }
            (&Method::POST, "/embeddings") => {
                let texts = read::<Texts>(&whole(body).await?)?;
                Ok(Outcome::Json(embeddings(&texts.model, &texts.input)))
            }
            (&Method::POST, "/files") => {
                let kind = head.headers.get(CONTENT_TYPE);
                let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
                Ok(Outcome::Json(file(kind, &whole(body).await?)?))
            }
            (&Method::GET, "/models") => Ok(Outcome::Json(models())),
            (&Method::GET, "/user/balance") => Ok(Outcome::Json(balance())),
            _ => Err(Failure::of(404)),
        }
    }

    /// Key, limit and dice, in the order in which the real API looks.
    fn admit(&self, headers: &HeaderMap, knobs: &Knobs) -> Result<(), Failure> {
        let shown = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let key = shown
            .and_then(|value| value.strip_prefix("Bearer "))
            .map_or("", str::trim);
        if key.is_empty() || self.key.as_deref().is_some_and(|wanted| wanted != key) {
            return Err(Failure::of(401));
        }
        if knobs.rate_limit_concurrency > 0 && self.stats.in_flight() > knobs.rate_limit_concurrency
        {
            return Err(Failure::of(429));
        }
        let is_unlucky =
            knobs.error_rate > 0.0 && self.dice.lock().expect(WHOLE).f64() < knobs.error_rate;
        if is_unlucky {
            Err(Failure::of(knobs.error_status))
        } else {
            Ok(())
        }
    }

    async fn wait(&self, knobs: &Knobs) {
        let latency = if knobs.latency_p99_ms > 0 {
            let mut dice = self.dice.lock().expect(WHOLE);
            knobs.latency([dice.f64(), dice.f64()])
        } else {
            knobs.latency([0.0; 2])
        };
        // A sleep of nothing would still cost a round through the timer.
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
    }

    fn think(&self, question: &Question, knobs: &Knobs) -> Answer {
        let is_repeated = {
            let mut seen = self.seen.lock().expect(WHOLE);
            if seen.len() >= MEMORY {
                seen.clear();
            }
            !seen.insert(fingerprint(question))
        };
        let number = self.answers.fetch_add(1, Ordering::Relaxed) + 1;
        let now = SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |time| time.as_secs());
        Answer::to(question, knobs.tokens, is_repeated, number, now)
    }

    /// The lab's own paths, which the real API does not have.
    async fn operate(&self, request: Request<Incoming>) -> Result<Bytes, Failure> {
        let (head, body) = request.into_parts();
        match (&head.method, head.uri.path()) {
            (&Method::GET, "/_lab/stats") => Ok(self.stats.report().to_string().into()),
            (&Method::GET, "/_lab/knobs") => Ok(self.report()),
            (&Method::POST, "/_lab/knobs") => {
                let turns = read(&whole(body).await?)?;
                let mut knobs = self.knobs.write().expect(WHOLE);
                *knobs = knobs
                    .turned(turns)
                    .map_err(|error| Failure::saying(400, &error.to_string()))?;
                drop(knobs);
                Ok(self.report())
            }
            _ => Err(Failure::of(404)),
        }
    }

    fn report(&self) -> Bytes {
        serde_json::to_vec(&self.knobs())
            .expect("knobs are plain numbers")
            .into()
    }

    fn knobs(&self) -> Knobs {
        *self.knobs.read().expect(WHOLE)
    }
}

/// Why locks are never poisoned.
const WHOLE: &str = "nobody panics while holding it";

async fn whole(body: Incoming) -> Result<Bytes, Failure> {
    body.collect()
        .await
        .map(Collected::to_bytes)
        .map_err(|_| Failure::of(400))
}

fn models() -> Bytes {
    let model = |id| json!({"id": id, "object": "model", "owned_by": "deepseek"});
    json!({"object": "list", "data": [model("deepseek-flash"), model("deepseek-v4-pro")]})
        .to_string()
        .into()
}

fn balance() -> Bytes {
    let cny = json!({
        "currency": "CNY", "total_balance": "110.00", "granted_balance": "10.00", "topped_up_balance": "100.00",
    });
    json!({"is_available": true, "balance_infos": [cny]})
        .to_string()
        .into()
}
