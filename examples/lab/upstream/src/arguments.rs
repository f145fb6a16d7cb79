//! The command line: where to listen, which key to want, and a flag for every knob.

use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value};

use crate::knobs::Knobs;

/// What `--help` prints.
pub const HELP: &str = "\
An emulator of DeepSeek's API: POST /v1/chat/completions, /v1/embeddings, /v1/files, GET /v1/models, /user/balance.

Usage: lab-upstream [--listen ADDRESS]... [--key-file FILE] [--seed N] [--KNOB VALUE]...

Options:
      --listen ADDRESS             may be given several times; port 0 takes a free one [default: 127.0.0.1:9100]
      --key-file FILE              accept this bearer key only; any key otherwise
      --seed N                     of the injected errors [default: 0]

Knobs (also at run time, some or all: POST /_lab/knobs with JSON, underscores for dashes):
      --latency-ms N               before the head of every answer
      --latency-p99-ms N           --latency-ms becomes the median of a lognormal spread with this 99th percentile
      --first-token-ms N           before the first token
      --per-token-ms N             between tokens
      --tokens N                   words of an answer, at least those that name the question [default: 16]
      --error-rate X               share of requests that fail, 0 to 1
      --error-status N             how they fail: 400 401 402 422 429 500 503 [default: 503]
      --rate-limit-concurrency N   429 above so many at a time; 0 is no limit
      --cut-stream-after N         break a stream after N events; null is never [default: null]
      --keepalive-ms N             a sign of life this often until the first token; 0 is none

GET /_lab/stats tells requests, streams, in_flight, cancelled and by_status; GET /_lab/knobs the knobs.
";

/// What the caller wants from this run.
pub enum Wish {
    /// Print the usage.
    Help,
    /// Serve like this.
    Serve(Box<Setting>),
}

/// How to serve.
pub struct Setting {
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// The only key that is accepted, if not any.
    pub key: Option<String>,
    /// Of the injected errors.
    pub seed: u64,
    /// The knobs at the start.
    pub knobs: Knobs,
}

/// Reads the arguments that follow the program's name, and the key file they name.
pub fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Wish> {
    let mut setting = Setting {
        listen: Vec::new(),
        key: None,
        seed: 0,
        knobs: Knobs::default(),
    };
    let mut knobs = Map::new();
    while let Some(flag) = arguments.next() {
        if flag == "--help" || flag == "-h" {
            return Ok(Wish::Help);
        }
        let Some(name) = flag.strip_prefix("--") else {
            bail!("unexpected argument `{flag}`; --help shows what there is");
        };
        let value = arguments
            .next()
            .with_context(|| format!("{flag} needs a value"))?;
        match name {
            "listen" => setting
                .listen
                .push(value.parse().with_context(|| format!("--listen {value}"))?),
            "key-file" => setting.key = Some(read_key(&value)?),
            "seed" => setting.seed = value.parse().context("--seed")?,
            knob => {
                let number: Value =
                    serde_json::from_str(&value).with_context(|| format!("{flag} {value}"))?;
                knobs.insert(knob.replace('-', "_"), number);
            }
        }
    }
    setting.knobs = setting
        .knobs
        .turned(knobs)
        .context("--help shows the flags")?;
    if setting.listen.is_empty() {
        setting
            .listen
            .push(SocketAddr::from(([127, 0, 0, 1], 9100)));
    }
    Ok(Wish::Serve(Box::new(setting)))
}

fn read_key(file: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("--key-file {file}"))?;
    ensure!(!text.trim().is_empty(), "--key-file {file} is empty");
    Ok(text.trim().to_owned())
}
