//! What DNS gives, asked for real from every continent, until it gives what is waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::client::{resolve, vantage};
use crate::engine::Stop;
use crate::line::{Continent, Place};
use crate::output::DnsMove;

/// The pause between two rounds; each asks seven name-server questions.
const PAUSE: Duration = Duration::from_millis(500);
/// A group answers with one of its nodes, drawn by lot: so many rounds in a row must agree.
const ROUNDS: u32 = 3;

/// Whom DNS is asked about, and since when.
pub(super) struct Watch<'a> {
    /// The name server.
    pub(super) server: SocketAddr,
    /// The line's host name.
    pub(super) host: &'a str,
    /// When what is waited for was set off.
    pub(super) begun: Instant,
    /// How long to wait for it.
    pub(super) limit: Duration,
    /// Ends the wait.
    pub(super) stop: watch::Receiver<Stop>,
}

type Answers = BTreeMap<Place, Vec<Ipv4Addr>>;

impl Watch<'_> {
    /// Waits until nobody is given one of these addresses any more.
    pub(super) async fn until_gone(&self, addresses: &BTreeSet<Ipv4Addr>) -> DnsMove {
        let is_gone = |answers: &Answers| {
            let mut given = answers.values();
            given.all(|given| !given.is_empty() && given.iter().all(|one| !addresses.contains(one)))
        };
        self.until(is_gone).await
    }

    /// Waits until somebody who lives there is given one of these addresses.
    pub(super) async fn until_back(
        &self,
        addresses: &BTreeSet<Ipv4Addr>,
        homes: &BTreeSet<Place>,
    ) -> DnsMove {
        let is_back = |answers: &Answers| {
            let mut at_home = answers.iter().filter(|(place, _)| homes.contains(place));
            at_home.all(|(_, given)| given.iter().any(|one| addresses.contains(one)))
        };
        self.until(is_back).await
    }

    async fn until(&self, is_so: impl Fn(&Answers) -> bool) -> DnsMove {
        let (mut agreed, mut since) = (0, None);
        loop {
            let at = self.begun.elapsed();
            let (answers, errors) = self.ask().await;
            if errors.is_empty() && is_so(&answers) {
                agreed += 1;
                since = since.or(Some(at));
            } else {
                (agreed, since) = (0, None);
            }
            let is_late = self.begun.elapsed() > self.limit || *self.stop.borrow() != Stop::No;
            if agreed == ROUNDS || is_late {
                return DnsMove {
                    seconds: since
                        .filter(|_| agreed == ROUNDS)
                        .map(|at| at.as_secs_f64()),
                    waited: self.begun.elapsed().as_secs_f64(),
                    answers: answers
                        .into_iter()
                        .map(|(place, given)| (place.title().to_owned(), given))
                        .collect(),
                    errors,
                };
            }
            sleep(PAUSE).await;
        }
    }

    async fn ask(&self) -> (Answers, Vec<String>) {
        // Nobody lives in Antarctica.
        let places = Place::all().filter(|one| one.continent() != Some(Continent::Antarctica));
        let asked = places.map(async |place| {
            let given = resolve(self.server, self.host, vantage(place.continent())).await;
            (place, given)
        });
        let (mut answers, mut errors) = (Answers::new(), Vec::new());
        for (place, given) in join_all(asked).await {
            match given {
                Ok(given) => {
                    answers.insert(place, given);
                }
                Err(error) => errors.push(format!("{}: {error:#}", place.title())),
            }
        }
        (answers, errors)
    }
}
