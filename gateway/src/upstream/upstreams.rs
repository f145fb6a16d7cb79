//! All upstreams together: who is asked, what happens when that goes wrong, and how they stand.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderValue;
use tokio::time::{Instant, sleep};

use super::answer::Committed;
use super::attempt::{Gain, attempt};
use super::budget::Budget;
use super::event::{Event, Told};
use super::load::pick;
use super::member::{Member, Rank, Ticket, UpstreamState};
use super::order::Order;
use super::policy::{Next, Situation, next};
use super::trouble::{Setback, Trouble};
use crate::config::{Label, Providers, Retry};

/// Every upstream of one configuration.
pub struct Upstreams {
    members: Vec<Arc<Member>>,
    retry: Retry,
    budget: Mutex<Budget>,
    told: Told,
}

/// No answer, after all that could be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defeat {
    /// What went wrong last.
    pub trouble: Trouble,
    /// Who was asked last, if anybody was.
    pub upstream: Option<Label>,
    /// How often upstreams were asked.
    pub attempts: u32,
    /// When it is worth asking again, if that is known.
    pub retry_after: Option<Duration>,
    /// For `x-should-retry`: whether the client's own retry helps, or only multiplies ours.
    pub is_worth_retrying: bool,
}

/// One request's story so far.
struct Story<'a> {
    order: &'a Order,
    deadline: Instant,
    attempts: u32,
    /// Attempts at each upstream.
    tries: Vec<u32>,
    /// Not to be asked (again).
    excluded: Vec<bool>,
    last: Option<(usize, Trouble)>,
    too_long: Option<Committed>,
}

impl Upstreams {
    /// Prepares them all; opens no connection yet. What has not changed since `before` keeps its connections and health.
    pub fn new(
        providers: &Providers,
        retry: &Retry,
        told: Told,
        before: Option<&Self>,
    ) -> anyhow::Result<Self> {
        let members = providers.iter().map(|provider| {
            let new = Member::new(provider, retry, Arc::clone(&told))?;
            let is_same = |old: &&Arc<Member>| old.provider == new.provider && old.key == new.key;
            let before = before.filter(|before| before.retry == *retry);
            let old = before.and_then(|before| before.members.iter().find(is_same));
            Ok(old.map_or_else(|| Arc::new(new), Arc::clone))
        });
        let share = (retry.budget_percent, retry.budget_per_second);
        Ok(Self {
            members: members.collect::<anyhow::Result<_>>()?,
            retry: retry.clone(),
            budget: Mutex::new(Budget::new(share.0, share.1, std::time::Instant::now())),
            told,
        })
    }

    /// Whether any of them has a key.
    pub fn is_ready(&self) -> bool {
        self.members.iter().any(|member| member.key.is_some())
    }

    /// How each of them stands.
    pub fn states(&self) -> Vec<UpstreamState> {
        let now = std::time::Instant::now();
        self.members
            .iter()
            .map(|member| member.state(now))
            .collect()
    }

    /// The name a model has at the first upstream of the file that renames it; for keys of a cache.
    pub fn alias<'a>(&'a self, model: &'a str) -> &'a str {
        let names = self
            .members
            .iter()
            .find_map(|member| member.provider.models.get(model));
        names.map_or(model, String::as_str)
    }

    /// Asks until there is an answer to pass on or nothing more to try. Until it returns, nothing has to go to the
    /// client, and heartbeats may; dropping it leaves the upstream's connection.
    pub async fn ask(&self, order: &Order) -> Result<Committed, Defeat> {
        self.purse().deposit(std::time::Instant::now());
        let mut story = Story {
            order,
            deadline: Instant::now() + self.retry.deadline,
            attempts: 0,
            tries: vec![0; self.members.len()],
            excluded: vec![false; self.members.len()],
            last: None,
            too_long: None,
        };
        let mut only = None;
        loop {
            let (place, ticket) = match self.choose(&story, only) {
                Ok(chosen) => chosen,
                Err(trouble) => return self.conclude(story, trouble),
            };
            self.tell_failover(&story, place);
            story.attempts += 1;
            story.tries[place] += 1;
            match attempt(ticket, order, story.deadline).await {
                Ok(Gain::Answer(answer)) => return Ok(dress(answer, story.attempts)),
                Ok(Gain::TooLong(answer)) => {
                    story.excluded[place] = true;
                    story.too_long = Some(answer);
                    only = None;
                    if story.attempts >= self.retry.attempts || !order.is_there() {
                        return self.conclude(story, Trouble::NoModel);
                    }
                }
                Err(setback) => {
                    let trouble = setback.trouble;
                    match self.after(&mut story, place, setback) {
                        Next::GiveUp => return self.conclude(story, trouble),
                        Next::Elsewhere => {
                            story.excluded[place] = true;
                            only = None;
                        }
                        Next::Here(time) => {
                            only = Some(place);
                            sleep(time).await;
                        }
                    }
                }
            }
        }
    }

    /// Takes a failure in and decides what next; a retry is paid for.
    fn after(&self, story: &mut Story<'_>, place: usize, setback: Setback) -> Next {
        let trouble = setback.trouble;
        let upstream = self.members[place].name().clone();
        (self.told)(&Event::Failed {
            upstream: upstream.clone(),
            setback,
        });
        story.last = Some((place, trouble));
        let now = std::time::Instant::now();
        let has_other = (0..self.members.len()).any(|other| {
            other != place
                && story
                    .standing(self, other, now)
                    .is_some_and(|(rank, _)| rank < Rank::Resting)
        });
        let decision = next(&Situation {
            trouble,
            attempts: (story.attempts, self.retry.attempts),
            here: story.tries[place],
            has_other,
            is_there: story.order.is_there(),
            is_repeatable: story.order.is_repeatable(),
            left: story.deadline.saturating_duration_since(Instant::now()),
            longest_wait: self.retry.longest_wait,
            roll: roll(),
        });
        if decision != Next::GiveUp && !self.purse().withdraw(now) {
            (self.told)(&Event::BudgetSpent);
            return Next::GiveUp;
        }
        if let Next::Here(after) = decision {
            (self.told)(&Event::Retry { upstream, after });
        }
        decision
    }

    fn choose(&self, story: &Story<'_>, only: Option<usize>) -> Result<(usize, Ticket), Trouble> {
        let now = std::time::Instant::now();
        let mut open: Vec<(usize, Rank, f64)> = (0..self.members.len())
            .filter(|place| only.is_none_or(|only| only == *place))
            .filter_map(|place| {
                let (rank, score) = story.standing(self, place, now)?;
                Some((place, rank, score))
            })
            .collect();
        while let Some(best) = open.iter().map(|(_, rank, _)| *rank).min() {
            let alike: Vec<_> = open.iter().filter(|(_, rank, _)| *rank == best).collect();
            let scores: Vec<f64> = alike.iter().map(|(.., score)| *score).collect();
            let drawn = pick(&scores, (roll(), roll())).expect("the best has a place");
            let place = alike[drawn].0;
            if let Some(ticket) = self.members[place].admit(now, best) {
                return Ok((place, ticket));
            }
            // Somebody else took the probe in the meantime.
            open.retain(|(other, ..)| *other != place);
        }
        if only.is_some() {
            // Its breaker opened while we waited; somebody else may do.
            return self.choose(story, None);
        }
        Err(story
            .last
            .map_or_else(|| self.why_nobody(story.order, now), |(_, trouble)| trouble))
    }

    /// Why nobody can be asked at all.
    fn why_nobody(&self, order: &Order, now: std::time::Instant) -> Trouble {
        let serving: Vec<_> = self
            .members
            .iter()
            .filter(|member| member.serves(order))
            .collect();
        if serving.is_empty() {
            return Trouble::NoModel;
        }
        let with_key = serving.iter().filter(|member| member.key.is_some());
        let first = with_key.map(|member| member.free_at(now)).min();
        first.map_or(Trouble::NoKey, |at| {
            Trouble::Resting(at.saturating_duration_since(now))
        })
    }

    fn tell_failover(&self, story: &Story<'_>, to: usize) {
        if let Some((from, _)) = story.last.filter(|(from, _)| *from != to) {
            (self.told)(&Event::Failover {
                from: self.members[from].name().clone(),
                to: self.members[to].name().clone(),
            });
        }
    }

    fn conclude(&self, story: Story<'_>, trouble: Trouble) -> Result<Committed, Defeat> {
        if let Some(answer) = story.too_long {
            return Ok(dress(answer, story.attempts));
        }
        let retry_after = trouble.retry_after();
        // Only a wait that we could not wait here is the client's to wait; anything else we have tried ourselves.
        let is_limit = matches!(trouble, Trouble::RateLimited(Some(_)) | Trouble::Resting(_));
        Err(Defeat {
            trouble,
            upstream: story
                .last
                .map(|(place, _)| self.members[place].name().clone()),
            attempts: story.attempts,
            retry_after,
            is_worth_retrying: story.attempts <= 1 && is_limit,
        })
    }

    fn purse(&self) -> std::sync::MutexGuard<'_, Budget> {
        self.budget.lock().expect("no holder of this lock panics")
    }
}

impl Story<'_> {
    fn standing(
        &self,
        all: &Upstreams,
        place: usize,
        now: std::time::Instant,
    ) -> Option<(Rank, f64)> {
        let member = &all.members[place];
        if self.excluded[place] || !member.serves(self.order) {
            return None;
        }
        member.standing(now)
    }
}

/// An error that we have done with must not be tried again by the client's SDK.
fn dress(mut answer: Committed, attempts: u32) -> Committed {
    answer.attempts = attempts;
    if !answer.head.status.is_success() {
        let no = HeaderValue::from_static("false");
        answer.head.headers.insert("x-should-retry", no);
    }
    answer
}

/// A number in 0..1 that nobody can foresee, and that costs no system call.
#[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
fn roll() -> f64 {
    (RandomState::new().hash_one(0_u8) >> 11) as f64 / (1_u64 << 53) as f64
}
