//! Many users at once: each keeps a connection, asks when its request is due, and tells what came.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::ask::Caller;
use super::exchange::Destination;
use super::service::Service;
use super::user::User;
use crate::bench::{Ended, Figures, Mix, Rhythm, Schedule, Seen};
use crate::line::Secret;

/// Whom to ask, and as whom.
pub struct Target {
    pub(super) destination: Destination,
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) tokens: Vec<Secret>,
    pub(super) is_uncached: bool,
}

/// What is asked, and when.
#[derive(Clone, Debug)]
pub struct Load {
    /// When.
    pub schedule: Schedule,
    /// Which prompts.
    pub mix: Mix,
    /// Which model.
    pub model: String,
    /// Whether answers are to come as events.
    pub is_streamed: bool,
    /// How long one request may take once it was sent.
    pub patience: Duration,
}

impl Target {
    /// Finds a base URL's host, or takes the address that is given instead of it.
    pub async fn find(
        base_url: &str,
        address: Option<IpAddr>,
        caller: &Caller,
        tokens: Vec<Secret>,
    ) -> Result<Self> {
        let service = Service::parse(base_url).with_context(|| format!("`{base_url}`"))?;
        let mut destination = match address {
            Some(address) => service.destination_at(address),
            None => service.destination().await?,
        };
        if let Some((tls, _)) = &mut destination.tls {
            *tls = Arc::clone(&caller.tls);
        }
        anyhow::ensure!(!tokens.is_empty(), "there is no key to ask with");
        Ok(Self {
            destination,
            authority: service.authority.clone(),
            path: format!("{}/chat/completions", service.path.trim_end_matches('/')),
            tokens,
            is_uncached: false,
        })
    }

    /// The same, asking the line to leave its cache alone (`x-dsline-cache: off`).
    #[must_use]
    pub fn uncached(mut self) -> Self {
        self.is_uncached = true;
        self
    }

    /// Where requests go.
    pub fn address(&self) -> SocketAddr {
        self.destination.address
    }
}

/// Lets all users ask until the schedule ends or `stop` turns true; `figures` can be looked at meanwhile.
///
/// Returns how long it took. Requests that are under way when `stop` turns true are not counted.
pub async fn load(
    target: Arc<Target>,
    load: Arc<Load>,
    figures: Arc<Mutex<Figures>>,
    mut stop: watch::Receiver<bool>,
) -> Result<Duration> {
    let round = Arc::new(Round {
        start: Instant::now(),
        target,
        load,
        figures,
        next: AtomicU64::new(0),
    });
    let start = round.start;
    let mut users = JoinSet::new();
    for user in 0..round.load.schedule.users {
        users.spawn(Arc::clone(&round).play(user));
    }
    loop {
        tokio::select! {
            left = users.join_next() => match left {
                None => break,
                Some(ended) => ended.map_err(|error| anyhow!("a user's task broke: {error}"))?,
            },
            _ = stop.wait_for(|is_asked| *is_asked) => {
                users.shutdown().await;
                break;
            }
        }
    }
    Ok(start.elapsed())
}

/// What all users of a round share.
struct Round {
    start: Instant,
    target: Arc<Target>,
    load: Arc<Load>,
    figures: Arc<Mutex<Figures>>,
    /// The next request's number.
    next: AtomicU64,
}

impl Round {
    async fn play(self: Arc<Self>, number: u32) {
        let mut user = User::new(&self.target, &self.load, number);
        match self.load.schedule.rhythm {
            Rhythm::Open { rate } => {
                let next = || self.next.fetch_add(1, Relaxed);
                let mut request = next();
                while let Some(due) = self.load.schedule.arrival(rate, request) {
                    self.ask(&mut user, request, due).await;
                    request = next();
                }
            }
            Rhythm::Closed { think } => {
                let schedule = &self.load.schedule;
                let mut due = Some(schedule.joins(number));
                let mut turn = 0;
                while let Some(at) = due {
                    let request = self.next.fetch_add(1, Relaxed);
                    self.ask(&mut user, request, at).await;
                    turn += 1;
                    due = schedule.again(think, number, turn, self.start.elapsed());
                }
            }
        }
    }

    /// Waits until the request is due and sends it; all times are counted from then.
    async fn ask(&self, user: &mut User, number: u64, due: Duration) {
        let due = self.start + due;
        let was_free = Instant::now() < due;
        sleep_until(due).await;
        let lag = was_free.then(|| due.elapsed());
        let given_up = self.start + self.load.schedule.length + self.load.patience;
        let patience = self
            .load
            .patience
            .min(given_up.saturating_duration_since(Instant::now()));
        let prompt = self.load.mix.prompt(number);
        let (ended, first) = match timeout(patience, user.ask(&prompt)).await {
            Ok(Ok(answer)) => (answer.ended, answer.first),
            Ok(Err(fault)) => (Ended::Failed(fault.to_string()), None),
            Err(_) => (Ended::TimedOut, None),
        };
        if !matches!(ended, Ended::Answered(_)) {
            user.hang_up();
        }
        let seen = Seen {
            ended,
            first: first.map(|at| at.saturating_duration_since(due)),
            whole: due.elapsed(),
            lag,
        };
        let mut figures = self.figures.lock().expect("nobody panics while holding it");
        figures.add(&seen);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nx-dsline-cache: hit\r\ncontent-length: 2\r\n\r\n{}";

    /// A server that answers fifty requests at once, then nobody until the stall is over.
    async fn stalling(stall: Duration) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (count, end) = (Arc::new(AtomicU64::new(0)), Arc::new(OnceLock::new()));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (count, end) = (Arc::clone(&count), Arc::clone(&end));
                tokio::spawn(async move {
                    let mut asked = [0; 4096];
                    while stream.read(&mut asked).await.is_ok_and(|length| length > 0) {
                        if count.fetch_add(1, Relaxed) >= 50 {
                            sleep_until(*end.get_or_init(|| Instant::now() + stall)).await;
                        }
                        if stream.write_all(ANSWER).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        let keys = vec![Secret::new("k")];
        let target = Target::find(&url, None, &Caller::public(), keys).await;
        target.unwrap()
    }

    /// Two users could hide the stall, since they send but two requests while it lasts; the hundred that were due count.
    #[tokio::test]
    async fn a_stall_is_seen_by_all_who_would_have_asked() {
        let stall = Duration::from_secs(1);
        let target = Arc::new(stalling(stall).await);
        let schedule = Schedule {
            rhythm: Rhythm::Open { rate: 100.0 },
            users: 2,
            ramp: Duration::ZERO,
            length: Duration::from_secs(3),
        };
        let task = Load {
            schedule,
            mix: Mix::new(0.5, 10, 1.0, 1),
            model: "m".to_owned(),
            is_streamed: false,
            patience: Duration::from_mins(1),
        };
        let figures = Arc::default();
        let (_go, stop) = watch::channel(false);
        load(target, Arc::new(task), Arc::clone(&figures), stop)
            .await
            .unwrap();
        let figures = figures.lock().unwrap();
        assert_eq!((figures.answered, figures.hits), (300, 300), "{figures:?}");
        // Fifty of three hundred were due in its first half, and waited for all of its second; most were due outside of it.
        let half = u64::try_from(stall.as_micros()).unwrap() / 2;
        let [p50, p90] = [0.5, 0.9].map(|quantile| figures.wholes.value_at_quantile(quantile));
        assert!(p50 < half && half < p90, "{p50} µs, {p90} µs");
    }

    #[tokio::test]
    async fn a_stop_ends_it_with_the_figures_so_far() {
        // Those under way when it is stopped would wait for longer than this test.
        let target = Arc::new(stalling(Duration::from_hours(1)).await);
        let task = Load {
            schedule: Schedule {
                rhythm: Rhythm::Closed {
                    think: Duration::from_millis(20),
                },
                users: 4,
                ramp: Duration::ZERO,
                length: Duration::from_hours(1),
            },
            mix: Mix::new(0.5, 10, 1.0, 1),
            model: "m".to_owned(),
            is_streamed: false,
            patience: Duration::from_hours(1),
        };
        let figures: Arc<Mutex<Figures>> = Arc::default();
        let (stopper, stop) = watch::channel(false);
        let seen = Arc::clone(&figures);
        tokio::spawn(async move {
            while seen.lock().unwrap().answered < 50 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let _ = stopper.send(true);
        });
        let loading = load(target, Arc::new(task), Arc::clone(&figures), stop);
        timeout(Duration::from_mins(1), loading)
            .await
            .expect("the stop ends it")
            .unwrap();
        assert_eq!(figures.lock().unwrap().answered, 50);
    }
}
