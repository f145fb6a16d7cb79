//! The three environment variables that go before the file.

use std::ffi::OsString;
use std::fmt;

use super::cache::RedisPlace;
use super::field::Seconds;

/// What the environment says instead of the file; it is read once, and a reload keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `REDIS_HOST`: a socket or a host.
    pub redis: Option<RedisPlace>,
    /// `CACHE_TTL`: seconds.
    pub cache_ttl: Option<Seconds>,
    /// `RATE_LIMIT`: requests a minute of one key.
    pub rate_limit: Option<u32>,
}

/// A variable that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub struct BadVariable {
    name: &'static str,
    why: String,
}

impl fmt::Display for BadVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "environment variable {}: {}", self.name, self.why)
    }
}

impl std::error::Error for BadVariable {}

impl Overrides {
    /// Reads them; an empty variable counts as none, since Compose passes unset ones on like that.
    pub fn read(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, BadVariable> {
        let text = |name: &'static str| {
            let value = variable(name).filter(|value| !value.is_empty());
            let bad = |_| BadVariable {
                name,
                why: "must be text".into(),
            };
            value
                .map(|value| value.into_string().map_err(bad))
                .transpose()
        };
        let number = |name: &'static str| {
            let parse = |value: String| {
                let bad = |_| BadVariable {
                    name,
                    why: "must be a whole number".into(),
                };
                value.trim().parse::<u64>().map_err(bad)
            };
            text(name)?.map(parse).transpose()
        };
        let bad = |name, why: String| BadVariable { name, why };
        Ok(Self {
            redis: text("REDIS_HOST")?
                .map(|value| RedisPlace::try_from(value).map_err(|why| bad("REDIS_HOST", why)))
                .transpose()?,
            cache_ttl: number("CACHE_TTL")?
                .map(|value| Seconds::try_from(value).map_err(|why| bad("CACHE_TTL", why)))
                .transpose()?,
            rate_limit: number("RATE_LIMIT")?
                .map(|value| {
                    u32::try_from(value)
                        .map_err(|_| bad("RATE_LIMIT", "is larger than any rate".into()))
                })
                .transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &'static str) -> Result<Overrides, BadVariable> {
        Overrides::read(|asked| (asked == name).then(|| value.into()))
    }

    #[test]
    fn each_variable_sets_its_key_and_nonsense_is_named() {
        assert_eq!(
            read("CACHE_TTL", "60").unwrap().cache_ttl,
            Some(Seconds::new(60))
        );
        assert_eq!(read("RATE_LIMIT", "5").unwrap().rate_limit, Some(5));
        assert!(
            read("REDIS_HOST", "/run/redis/redis.sock")
                .unwrap()
                .redis
                .is_some()
        );
        assert_eq!(read("REDIS_HOST", "").unwrap(), Overrides::default());
        for (name, value, words) in [
            (
                "CACHE_TTL",
                "soon",
                "environment variable CACHE_TTL: must be a whole number",
            ),
            (
                "CACHE_TTL",
                "0",
                "environment variable CACHE_TTL: must be 1 to 86400 seconds",
            ),
            (
                "RATE_LIMIT",
                "-1",
                "environment variable RATE_LIMIT: must be a whole number",
            ),
            (
                "REDIS_HOST",
                "a b",
                "environment variable REDIS_HOST: must be a path like",
            ),
        ] {
            let said = read(name, value).unwrap_err().to_string();
            assert!(said.starts_with(words), "{said}");
        }
    }
}
