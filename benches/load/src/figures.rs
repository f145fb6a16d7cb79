//! What was counted and measured, and how it is written down.

use std::collections::BTreeMap;
use std::time::Duration;

/// Of one connection, or of all together.
#[derive(Default)]
pub(crate) struct Figures {
    /// Until the first byte of the body.
    firsts: Vec<u64>,
    /// Until its end.
    wholes: Vec<u64>,
    statuses: BTreeMap<u16, u64>,
    errors: BTreeMap<String, u64>,
}

impl Figures {
    /// An answer came.
    pub(crate) fn answered(&mut self, status: u16, first: Duration, whole: Duration) {
        *self.statuses.entry(status).or_default() += 1;
        if status == 200 {
            self.firsts.push(nanoseconds(first));
            self.wholes.push(nanoseconds(whole));
        }
    }

    /// None came.
    pub(crate) fn failed(&mut self, error: &anyhow::Error) {
        *self.errors.entry(format!("{error:#}")).or_default() += 1;
    }

    /// Takes another's figures in.
    pub(crate) fn add(&mut self, other: Self) {
        self.firsts.extend(other.firsts);
        self.wholes.extend(other.wholes);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (error, count) in other.errors {
            *self.errors.entry(error).or_default() += count;
        }
    }

    /// One line of JSON; times in microseconds.
    pub(crate) fn json(mut self, time: Duration) -> String {
        self.firsts.sort_unstable();
        self.wholes.sort_unstable();
        #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let rate = self.wholes.len() as f64 / time.as_secs_f64();
        let failed = self.errors.values().sum::<u64>()
            + self
                .statuses
                .iter()
                .filter(|(status, _)| **status != 200)
                .map(|(_, count)| count)
                .sum::<u64>();
        format!(
            "{{\"answered\": {}, \"failed\": {failed}, \"rate\": {rate:.1}, \
             \"first_p50\": {:.1}, \"first_p99\": {:.1}, \"p50\": {:.1}, \"p90\": {:.1}, \"p99\": {:.1}, \"max\": {:.1}, \
             \"statuses\": \"{:?}\", \"errors\": {:?}}}",
            self.wholes.len(),
            at(&self.firsts, 0.50),
            at(&self.firsts, 0.99),
            at(&self.wholes, 0.50),
            at(&self.wholes, 0.90),
            at(&self.wholes, 0.99),
            at(&self.wholes, 1.0),
            self.statuses,
            format!("{:?}", self.errors),
        )
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The value below which this share of the sorted values lies, in microseconds.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index into a list that fits into memory, and times of seconds"
)]
fn at(sorted: &[u64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let index = (sorted.len() as f64 * share) as usize;
    sorted[index.min(last)] as f64 / 1000.0
}
