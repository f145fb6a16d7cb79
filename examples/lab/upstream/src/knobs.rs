//! What can be turned to make the upstream slow, moody or broken.

use std::time::Duration;

use anyhow::ensure;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// All knobs; times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knobs {
    /// Before the head of every answer.
    pub latency_ms: u64,
    /// Above 0: `latency_ms` is the median of a lognormal spread, and one of a hundred answers waits longer than this.
    pub latency_p99_ms: u64,
    /// Before the first token, after the head of a stream.
    pub first_token_ms: u64,
    /// Between tokens.
    pub per_token_ms: u64,
    /// Words of an answer, at least those that name the question.
    pub tokens: usize,
    /// Share of requests that fail.
    pub error_rate: f64,
    /// How they fail.
    pub error_status: u16,
    /// 429 above so many requests at a time; 0 is no limit.
    pub rate_limit_concurrency: i64,
    /// Break a stream after so many events.
    pub cut_stream_after: Option<usize>,
    /// A sign of life this often until the first token; 0 is none.
    pub keepalive_ms: u64,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            latency_p99_ms: 0,
            first_token_ms: 0,
            per_token_ms: 0,
            tokens: 16,
            error_rate: 0.0,
            error_status: 503,
            rate_limit_concurrency: 0,
            cut_stream_after: None,
            keepalive_ms: 0,
        }
    }
}

impl Knobs {
    /// The same knobs with some of them turned; nothing is turned if one of them cannot be.
    pub fn turned(self, turns: Map<String, Value>) -> anyhow::Result<Self> {
        let mut all = serde_json::to_value(self)?;
        for (name, value) in turns {
            all[name] = value;
        }
        let knobs: Self = serde_json::from_value(all)?;
        ensure!(
            (0.0..=1.0).contains(&knobs.error_rate),
            "error_rate must be 0 to 1"
        );
        ensure!(
            matches!(knobs.error_status, 400 | 401 | 402 | 422 | 429 | 500 | 503),
            "error_status must be one of 400 401 402 422 429 500 503"
        );
        ensure!(knobs.tokens <= 100_000, "tokens must be at most 100000");
        Ok(knobs)
    }

    /// How long to wait before the head, with two dice that show 0 to 1 (Box and Muller's method).
    pub fn latency(&self, dice: [f64; 2]) -> Duration {
        /// How many deviations the 99th percentile of a normal spread lies above its middle.
        const P99: f64 = 2.326_347_9;
        if self.latency_p99_ms == 0 {
            return Duration::from_millis(self.latency_ms);
        }
        let median = Duration::from_millis(self.latency_ms.max(1)).as_secs_f64();
        let high = Duration::from_millis(self.latency_p99_ms).as_secs_f64();
        let normal = (-2.0 * (1.0 - dice[0]).ln()).sqrt() * (std::f64::consts::TAU * dice[1]).cos();
        let waited = median * (high / median).powf(normal / P99);
        Duration::from_secs_f64(waited.min(60.0))
    }

    /// How long an answer of so many tokens takes when it is not streamed.
    pub fn thinking_time(&self, tokens: usize) -> Duration {
        Duration::from_millis(self.first_token_ms + self.per_token_ms * tokens as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(json: &str) -> anyhow::Result<Knobs> {
        Knobs::default().turned(serde_json::from_str(json)?)
    }

    #[test]
    fn some_are_turned_and_the_rest_stays() {
        let knobs = turned(r#"{"tokens": 3, "cut_stream_after": 2}"#).unwrap();
        assert_eq!(
            (knobs.tokens, knobs.cut_stream_after, knobs.error_status),
            (3, Some(2), 503)
        );
        let mended = knobs.turned(serde_json::from_str(r#"{"cut_stream_after": null}"#).unwrap());
        assert_eq!(mended.unwrap().cut_stream_after, None);
    }

    #[test]
    fn one_of_a_hundred_waits_longer_than_the_p99() {
        let knobs = turned(r#"{"latency_ms": 200, "latency_p99_ms": 2300}"#).unwrap();
        let mut dice = fastrand::Rng::with_seed(1);
        let mut waits: Vec<_> = (0..20_000)
            .map(|_| knobs.latency([dice.f64(), dice.f64()]).as_millis())
            .collect();
        waits.sort_unstable();
        assert!(waits[10_000].abs_diff(200) < 10, "{}", waits[10_000]);
        assert!(waits[19_800].abs_diff(2300) < 250, "{}", waits[19_800]);
    }

    #[test]
    fn wrong_turns_are_refused() {
        for wrong in [
            r#"{"tokns": 3}"#,
            r#"{"error_rate": 2}"#,
            r#"{"error_status": 418}"#,
            r#"{"latency_ms": -1}"#,
        ] {
            assert!(turned(wrong).is_err(), "{wrong} was accepted");
        }
    }
}
