//! Waits for a named condition: asks, and asks again after a growing pause.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::failure::{Failure, FailureKind};

/// How to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// The pause before the second question; each further one is half as long again.
    pub(super) first: Duration,
    /// The longest pause.
    pub(super) longest: Duration,
    /// When to give up.
    pub(super) limit: Duration,
}

/// A wait that has begun.
#[derive(Debug)]
pub(super) struct Wait<'a> {
    call: &'static str,
    place: &'a str,
    what: String,
    patience: Patience,
    deadline: Instant,
}

impl Patience {
    /// Begins to wait; `what` names the condition that does not hold yet.
    pub(super) fn begin<'a>(
        self,
        call: &'static str,
        place: &'a str,
        what: impl Into<String>,
    ) -> Wait<'a> {
        Wait {
            call,
            place,
            what: what.into(),
            patience: self,
            deadline: Instant::now() + self.limit,
        }
    }
}

impl Wait<'_> {
    /// Pauses before the next question, or fails when it would come too late.
    pub(super) async fn pause(&mut self) -> Result<(), Failure> {
        sleep(self.next_pause(Instant::now())?).await;
        Ok(())
    }

    /// Pauses after a question that failed for a reason that passes; any other failure, and one too late, ends the wait.
    pub(super) async fn outlast(&mut self, failure: Failure) -> Result<(), Failure> {
        if !failure.is_passing() {
            return Err(failure);
        }
        // What went wrong last says more than that it took too long.
        let pause = self.next_pause(Instant::now()).map_err(|_| failure)?;
        sleep(pause).await;
        Ok(())
    }

    fn next_pause(&mut self, now: Instant) -> Result<Duration, Failure> {
        let pause = self.patience.first;
        if now + pause > self.deadline {
            let what = format!("{} after {} s", self.what, self.patience.limit.as_secs());
            return Err(Failure::new(
                self.call,
                self.place,
                FailureKind::TimedOut(what),
            ));
        }
        self.patience.first = (pause * 3 / 2).min(self.patience.longest);
        Ok(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_in_a_message() {
        let patience = Patience {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(2),
            limit: Duration::from_secs(10),
        };
        let mut wait = patience.begin("ec2:DescribeInstances", "us-east-1", "i-1 is not running");
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        let error = loop {
            match wait.next_pause(now) {
                Ok(pause) => pauses.push(pause.as_millis()),
                Err(error) => break error,
            }
            now += Duration::from_millis(u64::try_from(*pauses.last().unwrap()).unwrap());
        };
        assert_eq!(pauses, [1000, 1500, 2000, 2000, 2000]);
        assert_eq!(
            error.to_string(),
            "us-east-1: gave up waiting: i-1 is not running after 10 s"
        );
    }
}
