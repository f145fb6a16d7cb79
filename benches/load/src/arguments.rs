//! The command line: whom to ask, what, how often and for how long.

use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::connection::Target;
use crate::question::Question;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Asks an OpenAI-compatible API and measures.

Usage: bench-load steady|hold --url URL --body FILE [--header 'NAME: VALUE']... [OPTION VALUE]...

  steady  so many requests a second whether or not the earlier ones are answered (open loop)
  hold    opens streams and keeps them; `held N` on standard error tells when all of them speak

Options:
      --url URL        http://... or https://... with an IP address or `localhost`
      --body FILE      the question; every @@ in it becomes a word that differs between prompts
      --header LINE    sent with each request; may be given several times
      --rate N         steady: requests a second [default: 1000]
      --connections N  steady: connections; hold: streams [default: 16]
      --seconds N      how long [default: 5]
      --repeated N     steady: so many in a hundred questions are old ones [default: 100]
      --prompts N      how many different old ones there are [default: 1]
      --ca FILE        https: PEM of the authority to believe
      --name HOST      https: the name to ask for [default: that of the URL]
";

/// What the caller wants from this run.
pub(crate) enum Wish {
    /// Print the usage.
    Help,
    /// Ask at a fixed rate.
    Steady(Task),
    /// Keep streams open.
    Hold(Task),
}

/// Whom to ask, what, and how much of it.
pub(crate) struct Task {
    pub(crate) target: Target,
    pub(crate) question: Question,
    pub(crate) rate: f64,
    pub(crate) connections: usize,
    pub(crate) time: Duration,
}

/// Reads the arguments that follow the program's name, and the files they name.
pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Wish> {
    let word = arguments.next().unwrap_or_default();
    if matches!(word.as_str(), "--help" | "-h" | "") {
        return Ok(Wish::Help);
    }
    let mut texts = Texts::default();
    while let Some(flag) = arguments.next() {
        let value = arguments
            .next()
            .with_context(|| format!("{flag} needs a value"))?;
        texts.set(&flag, value)?;
    }
    let task = texts.task()?;
    match word.as_str() {
        "steady" => Ok(Wish::Steady(task)),
        "hold" => Ok(Wish::Hold(task)),
        other => bail!("unknown word `{other}`; known: steady, hold"),
    }
}

/// The flags before they are understood together.
struct Texts {
    url: String,
    body: String,
    headers: Vec<String>,
    rate: f64,
    connections: usize,
    seconds: f64,
    repeated: u64,
    prompts: u64,
    ca: Option<String>,
    name: Option<String>,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            url: String::new(),
            body: String::new(),
            headers: Vec::new(),
            rate: 1000.0,
            connections: 16,
            seconds: 5.0,
            repeated: 100,
            prompts: 1,
            ca: None,
            name: None,
        }
    }
}

impl Texts {
    fn set(&mut self, flag: &str, value: String) -> anyhow::Result<()> {
        let wrong = || format!("{flag} {value}");
        match flag {
            "--rate" => self.rate = value.parse().with_context(wrong)?,
            "--connections" => self.connections = value.parse().with_context(wrong)?,
            "--seconds" => self.seconds = value.parse().with_context(wrong)?,
            "--repeated" => self.repeated = value.parse().with_context(wrong)?,
            "--prompts" => self.prompts = value.parse().with_context(wrong)?,
            "--url" => self.url = value,
            "--body" => self.body = value,
            "--header" => self.headers.push(value),
            "--ca" => self.ca = Some(value),
            "--name" => self.name = Some(value),
            _ => bail!("unexpected argument `{flag}`; --help shows what there is"),
        }
        Ok(())
    }

    fn task(self) -> anyhow::Result<Task> {
        ensure!(
            self.rate > 0.0 && self.connections > 0 && self.seconds > 0.0 && self.prompts > 0,
            "--rate, --connections, --seconds and --prompts must be more than 0"
        );
        let target = Target::new(&self.url, self.ca.as_deref(), self.name.as_deref())?;
        let body =
            std::fs::read_to_string(&self.body).with_context(|| format!("--body {}", self.body))?;
        Ok(Task {
            question: Question::new(&target, &self.headers, body, (self.repeated, self.prompts)),
            target,
            rate: self.rate,
            connections: self.connections,
            time: Duration::from_secs_f64(self.seconds),
        })
    }
}
