//! `dsline replay`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::cost::{HOURS, Prices, Usd, node_month};
use crate::line::{Hint as _, Profile, Region};
use crate::operator::{Environment, write_whole};
use crate::output::{self, Printer, Replayed};
use crate::replay::{
    Course, Drawn, Machine, Score, Setting, Trace, picture, read_log, run as replay, verdicts,
    write_log,
};
use crate::scaling::{Limits, Policy};

use super::global::Global;
use super::outcome::Outcome;
use super::prices::prices;

/// Try scaling policies on a recorded load.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "TRACE is a table of time and requests, or of time, context tokens and generated tokens (one request a row), as \
                  CSV. Nothing is launched and no account is needed."
)]
pub struct Args {
    /// The recorded load
    #[arg(value_name = "TRACE.csv", required_unless_present = "decisions")]
    trace: Option<PathBuf>,
    /// Policies to try: band, threshold, hpa, fixed; all of them by default
    #[arg(long, value_delimiter = ',', value_name = "POLICY,...")]
    policy: Vec<Policy>,
    /// Draw load, nodes and utilisation into an SVG file
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Write every decision into a file, one JSON document a line; with one policy only
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Make the decisions of such a file again, and say which come out differently
    #[arg(long, value_name = "FILE", conflicts_with_all = ["trace", "policy", "plot", "log"])]
    decisions: Option<PathBuf>,
    #[command(flatten)]
    fleet: FleetArgs,
}

/// The nodes of a replay.
#[derive(Debug, clap::Args)]
struct FleetArgs {
    /// Requests that a node works on at the same time
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    capacity: u32,
    /// Seconds that a node needs to start
    #[arg(long, value_name = "SECONDS", default_value_t = 150)]
    boot: u32,
    /// Nodes at the beginning, and the fewest
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1000))]
    min: u32,
    /// The most nodes
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=1000))]
    max: u32,
    /// Nodes of the policy `fixed`; otherwise as many as the mean load needs, which only hindsight knows
    #[arg(long, value_name = "N")]
    fixed: Option<u32>,
    /// Seconds between two decisions
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3600))]
    interval: u32,
    /// Seconds that a request takes, where the trace has no tokens
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    request_seconds: f64,
    /// Tokens of an answer that are written in a second, where the trace has tokens
    #[arg(long, value_name = "N", default_value_t = 25.0)]
    tokens_per_second: f64,
}

/// Replays, and prints one table; or makes recorded decisions again.
pub fn run(
    args: &Args,
    _global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    if let Some(log) = &args.decisions {
        return check(&environment.resolve(log), printer);
    }
    let machine = args.fleet.machine()?;
    let path = args.trace.as_ref().expect("clap insists on it");
    let path = environment.resolve(path);
    let trace = Trace::parse(&text_of(&path)?, &machine)
        .with_context(|| format!("{} is no trace", path.display()))?;
    let policies = args.policies(&trace, &machine);
    ensure!(
        args.log.is_none() || policies.len() == 1,
        "--log takes one policy: name it with --policy"
    );
    let courses: Vec<(String, Course)> = policies
        .into_iter()
        .map(|policy| {
            let name = match &policy {
                Policy::Fixed(fixed) => format!("fixed ({})", fixed.nodes),
                other => other.name().to_owned(),
            };
            (name, replay(&trace, &args.fleet.setting(policy, &machine)))
        })
        .collect();
    let prices = prices(environment)?;
    let rows: Vec<Replayed> = courses
        .iter()
        .map(|(policy, course)| Replayed {
            policy: policy.clone(),
            cost: cost_of(course, &prices),
            score: Score::of(course, &trace, &machine),
        })
        .collect();
    let title = format!(
        "{}: {} requests in {} min, {:.1} at a time",
        path.file_name().unwrap_or_default().display(),
        trace.requests(),
        trace.seconds / 60,
        trace.mean_in_flight()
    );
    output::replay(printer, &title, &rows);
    if let Some(file) = &args.plot {
        let svg = draw(&title, &machine, &courses, &rows);
        save(&environment.resolve(file), &svg, printer)?;
    }
    if let Some(file) = &args.log {
        let log = write_log(&courses[0].1.decisions);
        save(&environment.resolve(file), &log, printer)?;
    }
    printer.document(
        &json!({ "requests": trace.requests(), "seconds": trace.seconds, "policies": rows }),
    )?;
    Ok(Outcome::Done)
}

fn check(file: &Path, printer: &Printer) -> Result<Outcome> {
    let log = read_log(&text_of(file)?)
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("{} is no decision log", file.display()))?;
    let found = verdicts(log);
    output::verdicts(printer, file, &found);
    let different: Vec<_> = found
        .iter()
        .filter_map(|verdict| {
            let what = verdict.difference.as_ref()?;
            Some(json!({ "line": verdict.line, "difference": what }))
        })
        .collect();
    printer.document(&json!({ "decisions": found.len(), "different": different }))?;
    Ok(if different.is_empty() {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

fn draw(title: &str, machine: &Machine, courses: &[(String, Course)], rows: &[Replayed]) -> String {
    let drawn: Vec<Drawn<'_>> = courses
        .iter()
        .zip(rows)
        .map(|((policy, course), Replayed { score, .. })| Drawn {
            policy,
            told: format!(
                "{:.1} % of the time in the band, {:.1} min overload, {:.2} node hours, flaps: {}",
                score.in_band * 100.0,
                score.overload_minutes,
                score.node_hours,
                score.flaps
            ),
            course,
        })
        .collect();
    picture(title, machine, &drawn)
}

fn text_of(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn save(path: &Path, text: &str, printer: &Printer) -> Result<()> {
    write_whole(path, text.as_bytes(), 0o644)?;
    printer.note(format!("wrote {}", path.display()));
    Ok(())
}

impl Args {
    fn policies(&self, trace: &Trace, machine: &Machine) -> Vec<Policy> {
        let mut policies = self.policy.clone();
        if policies.is_empty() {
            let known = Policy::NAMES.iter();
            policies.extend(known.map(|name| name.parse().expect("a known name")));
        }
        for policy in &mut policies {
            if let Policy::Fixed(fixed) = policy {
                let hindsight = nodes_for(trace.mean_in_flight(), machine);
                fixed.nodes = self.fleet.fixed.unwrap_or(hindsight);
            }
        }
        policies
    }
}

impl FleetArgs {
    fn machine(&self) -> Result<Machine> {
        let is_possible = |number: f64| number > 0.0 && number.is_finite();
        if !is_possible(self.request_seconds) || !is_possible(self.tokens_per_second) {
            return Err(anyhow::anyhow!("a request takes time"))
                .hint("give --request-seconds and --tokens-per-second a number above 0");
        }
        Ok(Machine {
            permits: self.capacity,
            boot_seconds: self.boot,
            request_seconds: self.request_seconds,
            write_tokens: self.tokens_per_second,
            ..Machine::default()
        })
    }

    fn setting(&self, policy: Policy, machine: &Machine) -> Setting {
        let first = match &policy {
            Policy::Fixed(fixed) => fixed.nodes,
            _ => self.min,
        };
        Setting {
            policy,
            machine: machine.clone(),
            limits: Limits {
                min: self.min,
                max: self.max.max(self.min),
                total: self.max.max(self.min),
                free_instances: None,
                budget_cents: None,
                node_cents: 0,
            },
            region: Region::all().next().expect("there are regions"),
            first,
            interval: self.interval,
        }
    }
}

/// What the nodes of a replay cost: those of a default profile in us-east-1.
fn cost_of(course: &Course, prices: &Prices) -> Usd {
    let profile = Profile::default();
    let region = &profile.regions[0];
    let kind = &profile.nodes.instance_types[0];
    let month = node_month(&profile, region, kind, prices);
    let month = month.expect("the default type has a price");
    let seconds = course.seconds.iter();
    let seconds: u64 = seconds.map(|second| u64::from(second.paid())).sum();
    month.share(seconds, HOURS * 3600)
}

/// Nodes that hold a mean number of requests in flight at the middle of the band.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from f64 saturates"
)]
fn nodes_for(in_flight: f64, machine: &Machine) -> u32 {
    (in_flight / f64::from(machine.permits) / 0.725)
        .ceil()
        .max(1.0) as u32
}
