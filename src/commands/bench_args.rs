//! What `dsline bench` is told, and the numbers that follow from it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

/// Ask the line as many users do, and measure.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Times count from the moment a request was due, so that a server that stalls is charged for all who would have \
                  asked. Sides are asked one after the other: the line, with --cache both the line without its cache, and what \
                  --beside names. All requests come from one address; give --token-file many tokens (`dsline token issue`), or \
                  limits are what is measured."
)]
pub struct Args {
    /// Users; with --rate, how many requests may be under way at a time [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    users: Option<u32>,
    /// Seconds until all users have joined, or --rate is reached [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=3600))]
    ramp: Option<u64>,
    /// Seconds for each side, the ramp included [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    duration: Option<u64>,
    /// Seconds that a user thinks about an answer before it asks again [default: 1]
    #[arg(long, value_name = "SECONDS", conflicts_with = "rate")]
    think: Option<f64>,
    /// Requests a second, whether or not the earlier ones are answered (open loop); otherwise users wait for answers
    #[arg(long, value_name = "N")]
    pub(super) rate: Option<f64>,
    /// So many in a hundred requests ask an old prompt [default: 70]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    repeated: Option<u8>,
    /// How many old prompts there are
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) prompts: u32,
    /// How unevenly old prompts are asked: the n-th n^X times less often than the first
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub(super) zipf: f64,
    /// Ask the same prompts as an earlier run; each side takes the next seed, so that none finds what another left behind
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Ask for streams
    #[arg(long)]
    pub(super) stream: bool,
    /// The model to ask for
    #[arg(long, value_name = "NAME", default_value = "deepseek-chat")]
    pub(super) model: String,
    /// Seconds that a request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(super) timeout: u64,
    /// Ask the line with its cache, without, or both [default: on]
    #[arg(long, value_name = "WHICH")]
    cache: Option<CacheSides>,
    /// Repeat a known test; other flags still count
    #[arg(long, value_name = "NAME")]
    pub(super) scenario: Option<Scenario>,
    /// A base URL to ask instead of the line, with its `/v1`
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
    /// The authority to trust at --url, as PEM; otherwise those that browsers trust
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(super) ca: Option<PathBuf>,
    /// Ask this node, whatever DNS says
    #[arg(long, value_name = "IP")]
    pub(super) address: Option<IpAddr>,
    /// Keys, one a line, that users share evenly; otherwise the line's first key
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// Another base URL to ask the same
    #[arg(long, value_name = "URL", requires = "beside_token_file")]
    pub(super) beside: Option<String>,
    /// Its keys, one a line
    #[arg(long, value_name = "FILE", requires = "beside")]
    pub(super) beside_token_file: Option<PathBuf>,
    /// Draw response times by percentile into an SVG file
    #[arg(long, value_name = "FILE")]
    pub(super) plot: Option<PathBuf>,
}

/// Tests that are known by a name.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Scenario {
    /// The recipe's: 1000 users for 10 minutes, with the cache and without; its own figures stand in the table
    Recipe,
}

/// With or without the line's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum CacheSides {
    /// With it
    On,
    /// Without it
    Off,
    /// First with it, then without
    Both,
}

/// The numbers of a test, checked, those of its scenario included.
pub(super) struct Numbers {
    pub(super) users: u32,
    pub(super) ramp: Duration,
    pub(super) length: Duration,
    pub(super) think: Duration,
    /// From 0 to 1.
    pub(super) repeated: f64,
    pub(super) cache: CacheSides,
}

impl Args {
    /// What was given, else the scenario's, else the defaults.
    pub(super) fn numbers(&self) -> Result<Numbers> {
        let (users, ramp, length, think, repeated, cache) = match self.scenario {
            // 1000 users who think for 30 s ask some 1950 times a minute.
            Some(Scenario::Recipe) => (1000, 30, 600, 30.0, 70, CacheSides::Both),
            None => (100, 10, 60, 1.0, 70, CacheSides::On),
        };
        let think = self.think.unwrap_or(think);
        ensure!(
            (0.001..=3600.0).contains(&think),
            "--think {think}: it must be 0.001 to 3600 seconds"
        );
        if let Some(rate) = self.rate {
            ensure!(
                (0.01..=100_000.0).contains(&rate),
                "--rate {rate}: it must be 0.01 to 100000 requests a second"
            );
        }
        let zipf = self.zipf;
        ensure!(
            (0.0..=5.0).contains(&zipf),
            "--zipf {zipf}: it must be 0 to 5"
        );
        let ramp = self.ramp.unwrap_or(ramp);
        let length = self.duration.unwrap_or(length);
        ensure!(
            ramp < length,
            "--ramp {ramp}: it must be shorter than --duration {length}"
        );
        Ok(Numbers {
            users: self.users.unwrap_or(users),
            ramp: Duration::from_secs(ramp),
            length: Duration::from_secs(length),
            think: Duration::from_secs_f64(think),
            repeated: f64::from(self.repeated.unwrap_or(repeated)) / 100.0,
            cache: self.cache.unwrap_or(cache),
        })
    }
}
