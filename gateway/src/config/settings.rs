//! Every key of `gateway.toml`, with its default.

use std::path::Path;

use serde::Deserialize;

use super::auth::Auth;
use super::cache::{Cache, Matching, Merge};
use super::field::{Label, Seconds};
use super::listen::Listen;
use super::overrides::Overrides;
use super::quota::Quota;
use super::refusal::Refusal;
use super::sections::{Audit, Conversation, Cors, Keys, Limits, Streams};
use super::upstream::{Providers, Retry};

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where clients (nginx) connect.
    pub listen: Listen,
    /// Where the operator and Prometheus connect; never to be published to the internet.
    pub admin: Listen,
    /// This node's name, told to clients in `x-dsline-node`.
    pub node: Label,
    /// The line this node belongs to.
    pub line: Label,
    /// The release this configuration came with.
    pub release: Option<Label>,
    /// How long a stop waits for what is in flight; streams may take as long as the upstream's longest silence.
    #[serde(default = "eleven_minutes")]
    pub stop_seconds: Seconds,
    /// The APIs behind.
    pub upstream: Providers,
    /// What is done when one of them fails.
    #[serde(default)]
    pub retry: Retry,
    /// Who may ask.
    pub keys: Keys,
    /// What else shows who asks, and from where one may.
    #[serde(default)]
    pub auth: Auth,
    /// How often one may ask.
    #[serde(default)]
    pub quota: Quota,
    /// How much a client may send.
    #[serde(default)]
    pub limits: Limits,
    /// What keeps a silent stream alive.
    #[serde(default)]
    pub streams: Streams,
    /// Answers that are kept.
    #[serde(default)]
    pub cache: Cache,
    /// Requests that share one upstream call.
    #[serde(default)]
    pub merge: Merge,
    /// Which web pages may ask.
    #[serde(default)]
    pub cors: Cors,
    /// The trail of requests.
    #[serde(default)]
    pub audit: Audit,
    /// The simple chat.
    #[serde(default)]
    pub conversation: Conversation,
}

const fn eleven_minutes() -> Seconds {
    Seconds::new(660)
}

impl Settings {
    /// Reads and validates a file.
    pub fn load(path: &Path) -> Result<Self, Refusal> {
        let text =
            std::fs::read_to_string(path).map_err(|error| Refusal::unreadable(path, &error))?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Refusal> {
        let settings: Self =
            toml::from_str(text).map_err(|error| Refusal::malformed(path, text, &error))?;
        if settings.listen.collides_with(&settings.admin) {
            return Err(Refusal::at_key(
                path,
                text,
                "admin",
                "must differ from `listen`",
            ));
        }
        Ok(settings)
    }

    /// The same settings with what the environment says instead.
    #[must_use]
    pub fn with(mut self, overrides: &Overrides) -> Self {
        let cache = &mut self.cache;
        cache.redis = overrides.redis.clone().or(cache.redis.take());
        cache.ttl_seconds = overrides.cache_ttl.unwrap_or(cache.ttl_seconds);
        let rate = &mut self.quota.requests_per_minute;
        *rate = overrides.rate_limit.unwrap_or(*rate);
        self
    }

    /// What an operator should think about once more.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.merge.enabled && self.merge.matching == Matching::Loose {
            warnings.push(
                "merge.match = \"loose\" can give one user the answer to another's question: case, spaces and the order \
                 of the first ten words do not count"
                    .into(),
            );
        }
        if self.audit.prompts {
            warnings.push("audit.prompts = true writes what users ask into the audit trail".into());
        }
        if self
            .cors
            .origins
            .iter()
            .any(|origin| origin.as_str() == "*")
        {
            warnings.push(
                "cors.origins = [\"*\"] lets every web page ask with its visitor's key".into(),
            );
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &str = r#"
listen = "0.0.0.0:8080"
admin = "0.0.0.0:8081"
node = "ap-southeast-1/1"
line = "chat"

[upstream]
base_url = "https://api.deepseek.com"
key_file = "/run/secrets/upstream_key"

[keys]
file = "/run/secrets/client_keys"
"#;

    fn refused(text: &str) -> String {
        Settings::parse(Path::new("gateway.toml"), text)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_short_file_gets_the_defaults() {
        let settings = Settings::parse(Path::new("gateway.toml"), COMPLETE).unwrap();
        let upstream = settings.upstream.iter().next().unwrap();
        assert_eq!(upstream.connect_timeout.as_secs(), 5);
        assert_eq!(upstream.read_timeout.as_secs(), 660);
        assert_eq!(settings.quota.requests_per_minute, 1000);
        assert_eq!(settings.limits.body_bytes, 33_554_432);
    }

    #[test]
    fn every_section_can_be_written_out() {
        let text = COMPLETE.replace("0.0.0.0:8080", "unix:/run/dsline/gateway.sock")
            + r#"
[cache]
redis = "/run/redis/redis.sock"
redis_password_file = "/run/secrets/redis_password"
redis_timeout_ms = 30
ttl_seconds = 60
stale_if_error_seconds = 600
memory_bytes = 1000000
entry_bytes = 1000
except = ["alice"]

[merge]
window_seconds = 5
match = "loose"
flight_bytes = 1000

total_bytes = 2000

[retry]
attempts = 2

[auth]
default_tenant = "line"
allow = ["10.0.0.0/8"]
revoked_file = "/run/secrets/revoked"

[quota]
requests_per_minute = 60

[streams]
heartbeat_seconds = 10

[cors]
origins = ["https://app.example.com"]
max_age_seconds = 60

[audit]
folder = "/var/spool/dsline"
prompts = true

[conversation]
model = "deepseek-v4-pro"
ttl_seconds = 60
"#;
        let settings = Settings::parse(Path::new("gateway.toml"), &text).unwrap();
        assert_eq!(settings.warnings().len(), 2);
        let overrides = Overrides {
            cache_ttl: Some(Seconds::new(7)),
            rate_limit: Some(9),
            ..Overrides::default()
        };
        let settings = settings.with(&overrides);
        assert_eq!(settings.cache.ttl_seconds, Seconds::new(7));
        assert_eq!(settings.quota.requests_per_minute, 9);
        assert!(
            settings.cache.redis.is_some(),
            "the file's stays where the environment is silent"
        );
    }

    #[test]
    fn refusals_name_line_and_key() {
        let cases = [
            (
                COMPLETE.replace("key_file", "keyfile"),
                "gateway.toml, line 9, key `upstream.keyfile`: unknown field",
            ),
            (
                COMPLETE.replace("https://api", "ftp://api"),
                "gateway.toml, line 8, key `upstream.base_url`: must look like",
            ),
            (
                COMPLETE.replace("0.0.0.0:8081", "8081"),
                "gateway.toml, line 3, key `admin`: invalid socket address",
            ),
            (
                COMPLETE.replace("0.0.0.0:8081", "0.0.0.0:8080"),
                "gateway.toml, line 3, key `admin`: must differ from `listen`",
            ),
            (
                COMPLETE.replace("\"chat\"", "\"a b\""),
                "gateway.toml, line 5, key `line`: must be 1 to 128",
            ),
            (
                COMPLETE.replace("[keys]", "[limits]\nbody_bytes = -1\n[keys]"),
                "line 12, key `limits.body_bytes`: invalid value",
            ),
            (
                COMPLETE.replace("[keys]", "[keyz]"),
                "gateway.toml, line 11, key `keyz`: unknown field",
            ),
            (
                COMPLETE.replace("node = \"ap-southeast-1/1\"\n", ""),
                "gateway.toml: missing field `node`",
            ),
            (
                COMPLETE.replace("file = \"/run/secrets/client_keys\"", ""),
                "gateway.toml, line 11, key `keys`: missing field `file`",
            ),
            (
                COMPLETE.replace("line = \"chat\"", "line = chat"),
                "gateway.toml, line 5, key `line`: ",
            ),
        ];
        for (text, start) in cases {
            let message = refused(&text);
            assert!(
                message.contains(start),
                "expected `{start}`, got `{message}`"
            );
        }
    }
}
