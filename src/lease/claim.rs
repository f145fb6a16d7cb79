//! Taking the lock: at once when it is free, after its holder has been silent for its time, or not at all.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::time::sleep;

use super::held::Held;
use super::store::{Store, SwapError};
use super::time::uptime;
use crate::cloud::Failure;
use crate::dns::ChangeBatch;
use crate::line::{Holder, Lease, LineSecret};

/// Who wants the lock, and how patiently.
pub struct Claim<'a> {
    /// Reads who else has it; without it a holder stays unknown.
    pub secret: Option<&'a LineSecret>,
    /// What others shall see of us, sealed.
    pub seal: String,
    /// After how much silence others may take it from us.
    pub ttl: Duration,
    /// How long to wait for it.
    pub patience: Duration,
}

/// The lock, and whether anybody may have changed the line since it was looked at.
pub struct Token {
    /// The lock.
    pub held: Held,
    /// Whether it was not free when the line was looked at: what was seen then may be history.
    pub is_news: bool,
}

/// Somebody else has the lock, and had it for longer than we were to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Who, if the line secret opens the seal.
    pub holder: Option<Holder>,
    /// The silence after which others may take it.
    pub ttl: Duration,
    /// Who was told, and when.
    now: Timestamp,
}

impl Taken {
    /// What to do next.
    pub fn hint(&self) -> String {
        format!(
            "wait until it has ended, or pass --lock-wait SECONDS; the lock of a command that died is free {} s after its last sign of life",
            self.ttl.as_secs()
        )
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the line is locked by {}",
            describe(self.holder.as_ref(), self.now)
        )
    }
}

impl std::error::Error for Taken {}

impl Claim<'_> {
    /// Takes the lock of a store; `says` tells a person whom we wait for.
    pub async fn take(&self, mut store: Store, says: impl Fn(String)) -> Result<Token> {
        let begun = uptime();
        let mut is_news = false;
        let mut watch = Watch::default();
        loop {
            let seen = store.seen();
            let may_take = match seen.as_ref().and_then(|lease| lease.hold.as_ref()) {
                None => true,
                Some(hold) => watch.has_been_still(seen.as_ref(), hold.ttl, uptime()),
            };
            if may_take {
                let since = uptime();
                let lease = Lease::taken(seen.as_ref(), self.ttl, &self.seal);
                let swapped = match store.swap(Some(&lease), ChangeBatch::default()).await {
                    // Its fate is not known; a look tells.
                    Err(SwapError::Failed(error)) => {
                        self.bear(error, begun).await?;
                        self.look(&mut store, begun).await? == Some(lease)
                    }
                    Err(SwapError::Lost(_)) => false,
                    Ok(_) => true,
                };
                if swapped {
                    let held = Held::new(store, self.ttl, since);
                    return Ok(Token { held, is_news });
                }
            } else {
                let waited = uptime().saturating_sub(begun);
                self.wait(seen.as_ref(), waited, &mut watch, &says).await?;
            }
            is_news = true;
            self.look(&mut store, begun).await?;
        }
    }

    async fn look(&self, store: &mut Store, begun: Duration) -> Result<Option<Lease>> {
        loop {
            match store.look().await {
                Ok(lease) => return Ok(lease),
                Err(error) => self.bear(error, begun).await?,
            }
        }
    }

    /// Bears a failure that may pass, as long as there is patience.
    async fn bear(&self, error: anyhow::Error, begun: Duration) -> Result<()> {
        let may_pass = error
            .downcast_ref::<Failure>()
            .is_some_and(Failure::is_passing);
        if !may_pass || uptime().saturating_sub(begun) >= self.patience {
            return Err(error);
        }
        sleep(Duration::from_secs(1)).await;
        Ok(())
    }

    async fn wait(
        &self,
        seen: Option<&Lease>,
        waited: Duration,
        watch: &mut Watch,
        says: &impl Fn(String),
    ) -> Result<()> {
        let hold = seen.and_then(|lease| lease.hold.as_ref());
        let ttl = hold.map_or(self.ttl, |hold| hold.ttl);
        let holder = hold.and_then(|hold| {
            self.secret
                .and_then(|secret| Holder::open(secret, &hold.seal))
        });
        let now = Timestamp::now();
        if waited >= self.patience {
            return Err(Taken { holder, ttl, now }.into());
        }
        if watch.is_new_holder(seen) {
            says(format!(
                "waiting for the lock, at most {} s: it is held by {}",
                self.patience.saturating_sub(waited).as_secs(),
                describe(holder.as_ref(), now)
            ));
        }
        // Several who wait share five calls a second with the holder (Route 53 quotas).
        let pause = (ttl / 6).clamp(Duration::from_secs(1), Duration::from_secs(5));
        let left = self.patience.saturating_sub(waited);
        sleep(pause.min(left).min(watch.left(ttl, uptime()))).await;
        Ok(())
    }
}

/// Who holds a lease, in words; nobody holds a free one.
pub fn holder_of(lease: &Lease, secret: Option<&LineSecret>, now: Timestamp) -> Option<String> {
    let hold = lease.hold.as_ref()?;
    let holder = secret.and_then(|secret| Holder::open(secret, &hold.seal));
    Some(describe(holder.as_ref(), now))
}

fn describe(holder: Option<&Holder>, now: Timestamp) -> String {
    let Some(Holder {
        who,
        command,
        since,
    }) = holder
    else {
        return "somebody whom this line secret cannot name".to_owned();
    };
    let ago = now.as_second().saturating_sub(since.as_second()).max(0);
    let clock = since.to_zoned(TimeZone::UTC).strftime("%H:%M:%S UTC");
    format!("{who} (`dsline {command}`, since {clock}, {ago} s ago)")
}

/// Watches a lease that somebody else holds: only a value that stays the same for its whole time is abandoned, by this
/// machine's own clock (clocks of two machines need not agree).
#[derive(Default)]
struct Watch {
    value: Option<(Lease, Duration)>,
    told: Option<String>,
}

impl Watch {
    fn has_been_still(&mut self, seen: Option<&Lease>, ttl: Duration, now: Duration) -> bool {
        match (&self.value, seen) {
            (Some((value, since)), Some(seen)) if value == seen => {
                now.saturating_sub(*since) >= ttl
            }
            _ => {
                self.value = seen.map(|lease| (lease.clone(), now));
                false
            }
        }
    }

    /// How long the value has yet to stay the same; a moment more, so that the look after it comes late enough.
    fn left(&self, ttl: Duration, now: Duration) -> Duration {
        let since = self.value.as_ref().map_or(now, |(_, since)| *since);
        (since + ttl).saturating_sub(now) + Duration::from_millis(10)
    }

    fn is_new_holder(&mut self, seen: Option<&Lease>) -> bool {
        let seal = seen.and_then(|lease| Some(lease.hold.as_ref()?.seal.clone()));
        let is_new = self.told != seal;
        self.told = seal;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_mins(1);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1000 + seconds)
    }

    #[test]
    fn only_a_value_that_stays_the_same_for_its_whole_time_is_abandoned() {
        let lease = Lease::taken(None, TTL, "ann");
        let mut watch = Watch::default();
        let mut is_still =
            |lease: &Lease, seconds| watch.has_been_still(Some(lease), TTL, at(seconds));
        assert!(!is_still(&lease, 0));
        assert!(!is_still(&lease, 59));
        // A sign of life begins the count anew.
        assert!(!is_still(&lease.moved(), 60));
        assert!(!is_still(&lease.moved(), 119));
        assert!(is_still(&lease.moved(), 120));
    }

    #[test]
    fn a_holder_is_told_once_and_by_name() {
        let mut watch = Watch::default();
        let lease = Lease::taken(None, TTL, "ann");
        assert!(watch.is_new_holder(Some(&lease)));
        assert!(!watch.is_new_holder(Some(&lease.moved())));
        assert!(watch.is_new_holder(Some(&Lease::taken(Some(&lease), TTL, "bob"))));
        let holder = Holder {
            who: "ann@laptop".to_owned(),
            command: "up".to_owned(),
            since: "2026-11-22T10:00:00Z".parse().unwrap(),
        };
        let now = "2026-11-22T10:02:05Z".parse().unwrap();
        let taken = Taken {
            holder: Some(holder),
            ttl: TTL,
            now,
        };
        assert_eq!(
            taken.to_string(),
            "the line is locked by ann@laptop (`dsline up`, since 10:00:00 UTC, 125 s ago)"
        );
    }
}
