//! What a node shows of the troubles that its users notice: no answer, a slow one, a refusal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A node's own account of what its users notice, of the last minutes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Symptoms {
    /// The gateway's containers that are meant to run.
    pub containers: Vec<GatewayContainer>,
    /// The last lines that the gateway printed, oldest first.
    pub gateway_log: Vec<String>,
    /// Requests that nginx could not hand to the gateway.
    pub unanswered: u64,
    /// The last lines in which nginx says so, oldest first.
    pub unanswered_log: Vec<String>,
    /// Redis's own figures by name, such as `evicted_keys`; sizes are bytes.
    pub redis: BTreeMap<String, u64>,
    /// The gateway's counters since its start, by name with labels.
    pub counters: BTreeMap<String, f64>,
    /// What the audit trail has of the requests.
    pub requests: RecentRequests,
    /// Whom the gateway answered with 429 most often, most first.
    pub limited: Vec<Limited>,
    /// Addresses that nginx refused, with how often; most first.
    pub refused: Vec<(u64, String)>,
}

/// A container of the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayContainer {
    /// Docker's name of it.
    pub name: String,
    /// Docker's word for its state (`running`, `restarting`, `exited` …).
    pub state: String,
    /// How often Docker has started it again.
    pub restarts: u64,
    /// How its program ended last.
    pub exit_code: i64,
}

/// What the audit trail has of the last minutes' requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentRequests {
    /// Answered from the cache.
    pub hits: u64,
    /// Answered by an upstream.
    pub misses: u64,
    /// Milliseconds to the first byte of an upstream's answer, on average.
    pub upstream_ms: u64,
    /// The slowest of them, in milliseconds.
    pub slowest_ms: u64,
    /// The records of the slowest answers, oldest first.
    pub slow_log: Vec<String>,
}

/// A caller that was answered with 429.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limited {
    /// How often.
    pub count: u64,
    /// The subject of its token, or the name of its key.
    pub subject: String,
    /// The first digits of its credential's hash.
    pub key: String,
    /// Its address.
    pub address: String,
    /// The upstream that was asked for it, if any was.
    pub upstream: String,
    /// When it was last.
    pub last: String,
}

impl Symptoms {
    /// A counter of the gateway's, added up over all labels that hold `label`; by label.
    pub fn counted(&self, name: &str, label: &str) -> BTreeMap<String, u64> {
        let mut counted = BTreeMap::new();
        for (full, count) in &self.counters {
            let Some(labels) = full
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('{'))
            else {
                continue;
            };
            let wanted = format!("{label}=\"");
            let value = labels
                .split_once(&wanted)
                .and_then(|(_, rest)| rest.split_once('"'));
            if let Some((value, _)) = value {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "counters are whole, and it saturates"
                )]
                let count = *count as u64;
                *counted.entry(value.to_owned()).or_default() += count;
            }
        }
        counted.retain(|_, count| *count > 0);
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_added_up_by_a_label() {
        let counters = [
            ("dsline_refused_total{kind=\"key_requests\"}", 3.0),
            ("dsline_refused_total{kind=\"key_streams\"}", 0.0),
            (
                "dsline_upstream_attempts_total{upstream=\"a\",outcome=\"ok\"}",
                5.0,
            ),
            (
                "dsline_upstream_attempts_total{upstream=\"b\",outcome=\"ok\"}",
                2.0,
            ),
        ];
        let symptoms = Symptoms {
            counters: counters
                .map(|(name, count)| (name.to_owned(), count))
                .into(),
            ..Symptoms::default()
        };
        let refused = symptoms.counted("dsline_refused_total", "kind");
        assert_eq!(refused, [("key_requests".to_owned(), 3)].into());
        let asked = symptoms.counted("dsline_upstream_attempts_total", "outcome");
        assert_eq!(asked, [("ok".to_owned(), 7)].into());
    }
}
