//! What was counted and measured, from the moment each request was due.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest time that is told apart, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

/// Where an answer came from, as the line says in `x-dsline-cache`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Kept from an earlier one.
    Hit,
    /// Shared with another request.
    Merged,
    /// Asked upstream for this request, or not told.
    Upstream,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With a whole answer.
    Answered(Source),
    /// With a refusal or a fault, named by its kind; the time is the fault's own and says nothing of answers.
    Failed(String),
    /// It took longer than the patience was, so that its time is at least what was measured.
    TimedOut,
}

/// One request, with times since it was due, whenever it was sent.
#[derive(Clone, Debug)]
pub struct Seen {
    /// How it ended.
    pub ended: Ended,
    /// Until the first token: of a whole answer, its first byte.
    pub first: Option<Duration>,
    /// Until the end.
    pub whole: Duration,
    /// How late it was sent although somebody was free to send it: the generator's own fault.
    pub lag: Option<Duration>,
}

/// All requests of one side.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Microseconds until the first token.
    pub firsts: Histogram<u64>,
    /// Microseconds until the end, of answers and of those that timed out.
    pub wholes: Histogram<u64>,
    /// Microseconds that the generator was late.
    pub lags: Histogram<u64>,
    /// Whole answers.
    pub answered: u64,
    /// Of them, those that were kept.
    pub hits: u64,
    /// Of them, those that were shared.
    pub merged: u64,
    /// Requests without a whole answer, by kind.
    pub errors: BTreeMap<String, u64>,
}

impl Default for Figures {
    fn default() -> Self {
        let empty = || Histogram::new_with_bounds(1, LONGEST, 3).expect("valid bounds");
        Self {
            firsts: empty(),
            wholes: empty(),
            lags: empty(),
            answered: 0,
            hits: 0,
            merged: 0,
            errors: BTreeMap::new(),
        }
    }
}

impl Figures {
    /// Takes one request in.
    pub fn add(&mut self, seen: &Seen) {
        if let Some(lag) = seen.lag {
            self.lags.saturating_record(micros(lag));
        }
        match &seen.ended {
            Ended::Answered(source) => {
                self.answered += 1;
                self.hits += u64::from(*source == Source::Hit);
                self.merged += u64::from(*source == Source::Merged);
                self.wholes.saturating_record(micros(seen.whole));
                if let Some(first) = seen.first {
                    self.firsts.saturating_record(micros(first));
                }
            }
            Ended::Failed(kind) => *self.errors.entry(kind.clone()).or_default() += 1,
            Ended::TimedOut => {
                self.wholes.saturating_record(micros(seen.whole));
                *self.errors.entry("timeout".to_owned()).or_default() += 1;
            }
        }
    }

    /// Requests without a whole answer.
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(LONGEST).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(micros: u64) -> Seen {
        Seen {
            ended: Ended::Answered(Source::Upstream),
            first: None,
            whole: Duration::from_micros(micros),
            lag: None,
        }
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_sorted_list(mut times in prop::collection::vec(1..10_000_000_u64, 1..400)) {
            let mut figures = Figures::default();
            for time in &times {
                figures.add(&answer(*time));
            }
            times.sort_unstable();
            for (share, tenths) in [(0.5, 500), (0.9, 900), (0.99, 990)] {
                let rank = (times.len() * tenths).div_ceil(1000).max(1) - 1;
                let found = figures.wholes.value_at_quantile(share);
                let off = found.abs_diff(times[rank]);
                prop_assert!(off <= times[rank] / 500 + 1, "{share}: {found} for {}", times[rank]);
            }
        }
    }

    #[test]
    fn who_timed_out_is_slow_and_wrong_and_who_was_refused_is_wrong_only() {
        let mut figures = Figures::default();
        figures.add(&Seen {
            ended: Ended::TimedOut,
            ..answer(60_000_000)
        });
        figures.add(&Seen {
            ended: Ended::Failed("status 503".to_owned()),
            ..answer(1)
        });
        assert_eq!((figures.failed(), figures.wholes.len()), (2, 1));
        assert!(figures.wholes.max() >= 60_000_000);
    }
}
