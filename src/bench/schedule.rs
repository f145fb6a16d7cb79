//! When requests are due, as time since the start.

use std::time::Duration;

use super::mix::Dice;

/// Who decides when the next request comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rhythm {
    /// The clock: so many requests a second, whether or not the earlier ones are answered.
    Open {
        /// Requests a second after the ramp.
        rate: f64,
    },
    /// The users: each asks again when it has thought about the last answer.
    Closed {
        /// Mean time of thought; one user's times differ by up to a half of it.
        think: Duration,
    },
}

/// The times of a load test.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Who decides.
    pub rhythm: Rhythm,
    /// How many users there are: with an open rhythm, how many requests may be under way at a time.
    pub users: u32,
    /// Until the full rate is reached, or until the last user has joined.
    pub ramp: Duration,
    /// No request is due at or after this time.
    pub length: Duration,
}

impl Schedule {
    /// When the n-th request (from 0) of an open rhythm is due; during the ramp the rate grows evenly from nothing.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a test has far fewer than 2^52 requests"
    )]
    pub fn arrival(&self, rate: f64, number: u64) -> Option<Duration> {
        let ramp = self.ramp.as_secs_f64();
        let number = number as f64;
        let in_ramp = rate * ramp / 2.0;
        let seconds = if number < in_ramp {
            (2.0 * number * ramp / rate).sqrt()
        } else {
            ramp + (number - in_ramp) / rate
        };
        Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|due| *due < self.length)
    }

    /// When a user (from 0) of a closed rhythm asks for the first time.
    pub fn joins(&self, user: u32) -> Duration {
        self.ramp.mul_f64(f64::from(user) / f64::from(self.users))
    }

    /// When a user asks again whose answer came at `end`; `turn` counts its requests.
    pub fn again(&self, think: Duration, user: u32, turn: u64, end: Duration) -> Option<Duration> {
        let share = Dice::new(u64::from(user), turn).share();
        let due = end + think.mul_f64(0.5 + share);
        (due < self.length).then_some(due)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn schedule(ramp: u64, length: u64) -> Schedule {
        Schedule {
            rhythm: Rhythm::Open { rate: 1.0 },
            users: 10,
            ramp: Duration::from_secs(ramp),
            length: Duration::from_secs(length),
        }
    }

    proptest! {
        #[test]
        fn a_ramp_takes_half_of_its_requests_away(rate in 1.0..200.0_f64, ramp in 0..30_u64, rest in 1..60_u64) {
            let schedule = schedule(ramp, ramp + rest);
            let count = (0..100_000_u64).take_while(|number| schedule.arrival(rate, *number).is_some()).count();
            let seconds = f64::from(u32::try_from(ramp).unwrap()) / 2.0 + f64::from(u32::try_from(rest).unwrap());
            let off = f64::from(u32::try_from(count).unwrap()) - rate * seconds;
            prop_assert!(off.abs() <= 1.01, "{off}");
        }

        #[test]
        fn arrivals_never_go_back(rate in 1.0..200.0_f64, ramp in 0..30_u64) {
            let schedule = schedule(ramp, 60);
            let times: Vec<_> = (0..100_000_u64).map_while(|number| schedule.arrival(rate, number)).collect();
            prop_assert!(times.is_sorted());
        }

        #[test]
        fn thought_takes_its_mean(user in 0..1000_u32) {
            let schedule = schedule(0, 1_000_000);
            let think = Duration::from_secs(10);
            let all: Duration = (0..2000).map(|turn| schedule.again(think, user, turn, Duration::ZERO).unwrap()).sum();
            let mean = all.as_secs_f64() / 2000.0;
            prop_assert!((9.5..10.5).contains(&mean), "{mean}");
        }
    }

    #[test]
    fn users_join_over_the_ramp_and_nobody_asks_after_the_end() {
        let schedule = schedule(20, 60);
        assert_eq!(schedule.joins(0), Duration::ZERO);
        assert_eq!(schedule.joins(5), Duration::from_secs(10));
        let late = schedule.again(Duration::from_secs(10), 0, 0, Duration::from_secs(58));
        assert_eq!(late, None);
    }
}
