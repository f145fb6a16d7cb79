//! `dsline reconcile`

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::client::post_webhook;
use crate::engine::{Interrupted, Stop};
use crate::line::Hooks;
use crate::operator::{DecisionLog, Environment, run_hook};
use crate::output::{self, Printer};
use crate::tick::{Memory, Record};

use super::global::{Global, LineArgs};
use super::lock::LockArgs;
use super::outcome::Outcome;
use super::reconcile_tick::{Keeper, Ticked};

/// Keep the line as the profile wants it: repair, scale, explain.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A tick looks, decides and applies, as `up` does, without asking. Each leaves a line in \
                  ~/.local/state/dsline/NAME.decisions.jsonl, which `dsline replay --decisions` reads. Ctrl-C and SIGTERM end the \
                  loop after the tick."
)]
pub struct Args {
    #[command(flatten)]
    pub(super) line: LineArgs,
    /// Do one tick, and exit as `up` would
    #[arg(long)]
    once: bool,
    /// Time from one tick's beginning to the next one's, such as 60s or 5m
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = interval)]
    interval: Duration,
    /// Only show what a tick would do
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) lock: LockArgs,
}

/// Ticks until it is told to stop.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let mut stop = Stop::listen();
    let profile = global.profile(environment)?.profile;
    let log = DecisionLog::of(environment, &profile.name);
    let remembered = Record::newest_in(&log.tail());
    let mut keeper = Keeper {
        args,
        global,
        environment,
        printer,
        line: profile.name,
        memory: remembered.map_or_else(Memory::default, |record| Memory::after(&record.decisions)),
        cpu: Mutex::default(),
    };
    let mut hooks = profile.hooks;
    loop {
        let begun = Instant::now();
        let Ticked { record, outcome } = Box::pin(keeper.tick(stop.clone())).await;
        let is_interrupted = outcome
            .as_ref()
            .is_err_and(|error| error.is::<Interrupted>());
        if !is_interrupted {
            // A profile that cannot be read any more has failed the tick already, and its hooks are still told.
            if let Ok(file) = global.profile(environment) {
                hooks = file.profile.hooks;
            }
            // The one tick of `--once` tells of its failure as every command does.
            if !(args.once && outcome.is_err()) {
                output::tick(printer, &record)?;
            }
            if !args.dry_run {
                if let Err(error) = log.append(&record.to_line()) {
                    printer.fault(format!("note: {error:#}"));
                }
                tell(&hooks, &record, printer).await;
            }
        }
        if args.once {
            return outcome;
        }
        tokio::select! {
            () = sleep_until(begun + args.interval) => {}
            () = Stop::No.beyond(&mut stop) => return Ok(Outcome::Done),
        }
    }
}

/// Tells whoever wants to know of a tick; what goes wrong with that is said and no more.
async fn tell(hooks: &Hooks, record: &Record, printer: &Printer) {
    if !record.is_news() {
        return;
    }
    let mut document = serde_json::to_value(record).unwrap_or_default();
    if let Value::Object(fields) = &mut document {
        fields.insert("kind".to_owned(), json!(record.kind()));
    }
    let document = document.to_string();
    let timeout = Duration::from_secs(hooks.timeout_seconds.into());
    let by_web = async {
        if hooks.webhook.is_empty() {
            return Ok(());
        }
        post_webhook(&hooks.webhook, document.clone(), timeout).await
    };
    let by_program = run_hook(&hooks.command, &document, timeout);
    let (web, program) = tokio::join!(by_web, by_program);
    for error in [web.err(), program.err()].into_iter().flatten() {
        printer.fault(format!("note: {error:#}; the loop goes on"));
    }
}

/// Reads `90`, `90s`, `5m` or `1h`.
fn interval(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let each = match unit {
        "m" => 60,
        "h" => 3600,
        _ => 1,
    };
    let seconds = number
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(each));
    match seconds {
        Some(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("a time is 1s to 24h, such as 60s or 5m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_a_unit_and_bounds() {
        for (text, seconds) in [("90", 90), ("60s", 60), ("5m", 300), ("24h", 86_400)] {
            assert_eq!(interval(text), Ok(Duration::from_secs(seconds)));
        }
        for text in [
            "",
            "0s",
            "25h",
            "m",
            "5d",
            "-1s",
            "1.5m",
            "99999999999999999999h",
        ] {
            assert!(interval(text).is_err(), "{text}");
        }
    }
}
