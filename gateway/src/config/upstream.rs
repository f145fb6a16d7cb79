//! `[[upstream]]` and `[retry]`: the APIs behind, and how hard they are asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::field::{BaseUrl, Label, Seconds};

/// Between two tokens of a running stream nobody is silent for this long unless it hangs.
const LONGEST_PAUSE: Duration = Duration::from_secs(90);

/// The most upstreams one gateway asks; more is a mistake of the file.
const MOST: usize = 16;

/// One API behind, with one credential.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// What logs, metrics and status call it.
    #[serde(default = "upstream")]
    pub name: Label,
    /// Scheme, host and optional path prefix.
    pub base_url: BaseUrl,
    /// A file that holds the API key and nothing else.
    pub key_file: PathBuf,
    /// PEM certificates to trust instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// Its share beside the others; 0 is a standby, asked when no other can be.
    #[serde(default = "one")]
    pub weight: u16,
    /// What a model is called there: the client's name to the upstream's.
    #[serde(default)]
    pub models: BTreeMap<String, String>,
    /// Whether only models that stand in `models` are asked of it.
    #[serde(default)]
    pub only_listed_models: bool,
    /// For name, TCP and TLS together.
    #[serde(
        rename = "connect_timeout_seconds",
        default = "five_seconds",
        deserialize_with = "seconds"
    )]
    pub connect_timeout: Duration,
    /// The longest silence before an answer; keep-alives are no silence. Providers hold a request for ten minutes.
    #[serde(
        rename = "read_timeout_seconds",
        default = "eleven_minutes",
        deserialize_with = "seconds"
    )]
    pub read_timeout: Duration,
    /// From the request to a stream's first token; keep-alives do not count.
    #[serde(
        rename = "first_token_timeout_seconds",
        default,
        deserialize_with = "some_seconds"
    )]
    pub first_token_timeout: Option<Duration>,
    /// From the request to the first byte of an answer in one piece; blank lines do not count.
    #[serde(
        rename = "answer_timeout_seconds",
        default,
        deserialize_with = "some_seconds"
    )]
    pub answer_timeout: Option<Duration>,
    /// The longest silence within an answer that has begun; keep-alives are no silence.
    #[serde(
        rename = "idle_timeout_seconds",
        default,
        deserialize_with = "some_seconds"
    )]
    pub idle_timeout: Option<Duration>,
    /// From the request to the end of the answer.
    #[serde(
        rename = "total_timeout_seconds",
        default,
        deserialize_with = "some_seconds"
    )]
    pub total_timeout: Option<Duration>,
}

impl Provider {
    /// How long the first token (of a stream) or the first byte (of anything else) may take.
    pub fn patience(&self, streams: bool) -> Duration {
        let own = if streams {
            self.first_token_timeout
        } else {
            self.answer_timeout
        };
        own.unwrap_or(self.read_timeout)
    }

    /// How long a running answer may pause.
    pub fn longest_pause(&self) -> Duration {
        self.idle_timeout
            .unwrap_or_else(|| self.read_timeout.min(LONGEST_PAUSE))
    }
}

/// All of them: one `[upstream]`, or several `[[upstream]]` with a name each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Providers(Vec<Provider>);

impl Providers {
    /// One after the other, as they stand in the file; at least one.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }
}

impl TryFrom<Vec<Provider>> for Providers {
    type Error = String;

    fn try_from(providers: Vec<Provider>) -> Result<Self, String> {
        let mut names = BTreeSet::new();
        if let Some(twice) = providers
            .iter()
            .find(|one| !names.insert(one.name.as_str()))
        {
            let name = twice.name.as_str();
            return Err(format!(
                "two upstreams are named `{name}`; give each its own `name`"
            ));
        }
        if providers.is_empty() || providers.len() > MOST {
            return Err(format!("there must be 1 to {MOST} upstreams"));
        }
        Ok(Self(providers))
    }
}

impl<'de> Deserialize<'de> for Providers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrSeveral)
    }
}

/// Not serde's `untagged`, which forgets which key was wrong.
struct OneOrSeveral;

impl<'de> Visitor<'de> for OneOrSeveral {
    type Value = Providers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[upstream] or [[upstream]]")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Providers, A::Error> {
        let one = Provider::deserialize(MapAccessDeserializer::new(map))?;
        vec![one].try_into().map_err(A::Error::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Providers, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = list.next_element::<Provider>()? {
            all.push(one);
        }
        all.try_into().map_err(A::Error::custom)
    }
}

/// `[retry]`: what is done when an upstream fails before the first token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// The most attempts for one request, the first included.
    pub attempts: u32,
    /// Retries in a hundred requests, over all clients; more would feed an outage.
    pub budget_percent: u32,
    /// Retries a second that are always allowed, so that a quiet line retries at all.
    pub budget_per_second: u32,
    /// The longest `Retry-After` that is waited for here; a longer one is told to the client.
    #[serde(rename = "wait_seconds", deserialize_with = "seconds")]
    pub longest_wait: Duration,
    /// From a request's arrival to the first token, all attempts together.
    #[serde(rename = "deadline_seconds", deserialize_with = "seconds")]
    pub deadline: Duration,
    /// Failures in a row that open an upstream's breaker.
    pub trip_after: u32,
    /// The longest time that an open breaker waits before a probe.
    #[serde(rename = "open_seconds", deserialize_with = "seconds")]
    pub longest_open: Duration,
    /// How long a credential that was refused (401, 402, 403) is not used.
    #[serde(rename = "bench_seconds", deserialize_with = "seconds")]
    pub bench: Duration,
    /// How long a recovered upstream takes to get its whole share again.
    #[serde(rename = "slow_start_seconds", deserialize_with = "seconds")]
    pub slow_start: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            budget_percent: 20,
            budget_per_second: 2,
            longest_wait: Duration::from_secs(10),
            deadline: eleven_minutes(),
            trip_after: 5,
            longest_open: Duration::from_secs(30),
            bench: Duration::from_mins(30),
            slow_start: Duration::from_secs(30),
        }
    }
}

fn upstream() -> Label {
    Label::try_from("upstream".to_owned()).expect("a plain word is a label")
}

const fn one() -> u16 {
    1
}

const fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

const fn eleven_minutes() -> Duration {
    Duration::from_mins(11)
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Seconds::deserialize(deserializer).map(Seconds::duration)
}

fn some_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    seconds(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        upstream: Providers,
        #[serde(default)]
        retry: Retry,
    }

    const ONE: &str =
        "base_url = \"https://api.deepseek.com\"\nkey_file = \"/run/secrets/upstream_key\"\n";

    #[test]
    fn the_single_table_of_today_is_still_valid() {
        let text =
            format!("[upstream]\n{ONE}connect_timeout_seconds = 5\nread_timeout_seconds = 660\n");
        let file: File = toml::from_str(&text).unwrap();
        let one = file.upstream.iter().next().unwrap();
        assert_eq!((one.name.as_str(), one.weight), ("upstream", 1));
        assert_eq!(one.patience(true), Duration::from_mins(11));
        assert_eq!(one.longest_pause(), Duration::from_secs(90));
        assert_eq!(file.retry, Retry::default());
    }

    #[test]
    fn several_have_names_weights_and_their_own_words_for_models() {
        let text = format!(
            "[[upstream]]\nname = \"a\"\n{ONE}weight = 3\n[[upstream]]\nname = \"b\"\n{ONE}weight = 0\n\
             first_token_timeout_seconds = 20\nmodels = {{ chat = \"deepseek-flash\" }}\n[retry]\nattempts = 2\n"
        );
        let file: File = toml::from_str(&text).unwrap();
        let all: Vec<_> = file.upstream.iter().collect();
        assert_eq!(
            (all[0].weight, all[1].weight, file.retry.attempts),
            (3, 0, 2)
        );
        assert_eq!(all[1].patience(true), Duration::from_secs(20));
        assert_eq!(all[1].patience(false), Duration::from_mins(11));
        assert_eq!(all[1].models["chat"], "deepseek-flash");
    }

    #[test]
    fn mistakes_are_named_at_their_place() {
        for (text, word) in [
            (
                format!("[upstream]\n{ONE}keyfile = \"x\"\n"),
                "unknown field `keyfile`",
            ),
            (
                format!("[[upstream]]\n{ONE}[[upstream]]\n{ONE}"),
                "two upstreams are named `upstream`",
            ),
            (
                format!("[upstream]\n{ONE}read_timeout_seconds = 0\n"),
                "must be 1 to 86400",
            ),
            ("upstream = []\n".to_owned(), "there must be 1 to 16"),
            ("upstream = 3\n".to_owned(), "[upstream] or [[upstream]]"),
            (
                format!("[upstream]\n{ONE}[retry]\ntries = 1\n"),
                "unknown field `tries`",
            ),
        ] {
            let error = toml::from_str::<File>(&text).unwrap_err();
            assert!(
                error.message().contains(word),
                "expected `{word}`, got `{error}`"
            );
            assert!(error.span().is_some(), "no place for `{word}`");
        }
    }
}
