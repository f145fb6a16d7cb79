//! The command line: four flags, read by hand.

use std::fmt;
use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
The gateway of a dsline line: OpenAI-compatible requests in, an upstream LLM API behind.

Usage: dsline-gateway --config FILE [--check]

Options:
      --config FILE  the configuration, usually /etc/dsline/gateway.toml
      --check        validate the configuration and exit: 0 valid, 64 refused
      --version      print the version
      --help         print this

Environment (goes before the file):
      REDIS_HOST     key `cache.redis`: a socket such as /run/redis/redis.sock, or a host such as 10.0.0.7:6379
      CACHE_TTL      key `cache.ttl_seconds`
      RATE_LIMIT     requests a minute of one key

Signals: TERM finishes what is in flight (`stop_seconds` at most) and exits 0, a second one at once; HUP reads
configuration and keys again, and keeps the old ones if the new are not valid.
";

/// What the caller wants from this run.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// Print the usage.
    Help,
    /// Print the version.
    Version,
    /// Validate this configuration.
    Check(PathBuf),
    /// Serve with this configuration.
    Serve(PathBuf),
}

/// A command line that makes no sense, in words.
#[derive(Debug, PartialEq, Eq)]
pub struct WrongUsage(String);

impl fmt::Display for WrongUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the arguments that follow the program's name.
pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Wish, WrongUsage> {
    let needs_a_file = || WrongUsage("--config needs a file".into());
    let mut config = None;
    let mut check = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => return Ok(Wish::Help),
            "--version" | "-V" => return Ok(Wish::Version),
            "--check" => check = true,
            "--config" => config = Some(arguments.next().ok_or_else(needs_a_file)?),
            other => match other.strip_prefix("--config=") {
                Some(file) => config = Some(file.to_owned()),
                None => return Err(WrongUsage(format!("unexpected argument `{other}`"))),
            },
        }
    }
    let config = config
        .filter(|file| !file.is_empty())
        .ok_or_else(|| WrongUsage("--config FILE is missing".into()))?;
    Ok(if check {
        Wish::Check(config.into())
    } else {
        Wish::Serve(config.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Wish, WrongUsage> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn wishes_are_told_apart() {
        assert_eq!(parsed("--config a.toml"), Ok(Wish::Serve("a.toml".into())));
        assert_eq!(
            parsed("--check --config=a.toml"),
            Ok(Wish::Check("a.toml".into()))
        );
        assert_eq!(parsed("--config a --version"), Ok(Wish::Version));
        assert_eq!(parsed("-h"), Ok(Wish::Help));
    }

    #[test]
    fn nonsense_is_named() {
        assert_eq!(
            parsed(""),
            Err(WrongUsage("--config FILE is missing".into()))
        );
        assert_eq!(
            parsed("--config"),
            Err(WrongUsage("--config needs a file".into()))
        );
        assert_eq!(
            parsed("--port 1"),
            Err(WrongUsage("unexpected argument `--port`".into()))
        );
    }
}
