//! The figures of one side in the units that people compare.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::figures::Figures;
use super::recipe::Claim;

/// A generator that is later than this in one of a hundred requests has measured itself.
const LATE_MS: f64 = 50.0;

/// How the program that asked was doing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Generator {
    /// Milliseconds that it sent late, median and 99th percentile.
    pub lag_p50_ms: f64,
    /// See above.
    pub lag_p99_ms: f64,
    /// Processor seconds that it used, in each second; a core is 1.
    pub cores: f64,
}

/// One side's result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Requests that ended, one way or the other.
    pub requests: u64,
    /// Whole answers in a minute.
    pub a_minute: f64,
    /// Milliseconds until the end: 50 %, 90 %, 99 % and 99.9 % of all were quicker.
    pub whole_ms: [f64; 4],
    /// The same until the first token.
    pub first_ms: [f64; 4],
    /// Share of requests without a whole answer, 0 to 1.
    pub error_share: f64,
    /// How many of them by kind.
    pub errors: BTreeMap<String, u64>,
    /// Share of whole answers that came from the line's cache.
    pub hit_share: f64,
    /// Share of whole answers that were shared with another request.
    pub merged_share: f64,
    /// Who asked.
    pub generator: Generator,
}

impl Score {
    /// The score of figures that were taken for so long, with so much of the processor.
    pub fn of(figures: &Figures, elapsed: Duration, processor: Duration) -> Self {
        let seconds = elapsed.as_secs_f64().max(0.001);
        let requests = figures.answered + figures.failed();
        Self {
            requests,
            a_minute: share(figures.answered, 1) / seconds * 60.0,
            whole_ms: four(&figures.wholes),
            first_ms: four(&figures.firsts),
            error_share: share(figures.failed(), requests),
            errors: figures.errors.clone(),
            hit_share: share(figures.hits, figures.answered),
            merged_share: share(figures.merged, figures.answered),
            generator: Generator {
                lag_p50_ms: at(&figures.lags, 0.5),
                lag_p99_ms: at(&figures.lags, 0.99),
                cores: processor.as_secs_f64() / seconds,
            },
        }
    }

    /// The three figures that the recipe names.
    pub fn claim(&self) -> Claim {
        Claim {
            p99_ms: self.whole_ms[2],
            errors: self.error_share,
            a_minute: self.a_minute,
        }
    }

    /// Whether the times are those of whoever was asked, and not of the generator.
    pub fn is_trustworthy(&self) -> bool {
        self.generator.lag_p99_ms < LATE_MS
    }
}

fn four(histogram: &Histogram<u64>) -> [f64; 4] {
    [0.5, 0.9, 0.99, 0.999].map(|quantile| at(histogram, quantile))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "at most an hour in microseconds"
)]
pub(super) fn at(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1000.0
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a test has far fewer than 2^52 requests"
)]
fn share(part: u64, all: u64) -> f64 {
    part as f64 / all.max(1) as f64
}
