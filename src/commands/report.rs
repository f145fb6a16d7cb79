//! `dsline report`

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use futures::future::join_all;
use jiff::Timestamp;

use crate::engine::{LineView, Scope, World, observe};
use crate::line::{Instance, InstanceState, LineName, NodeReport, NodeSight, Profile, Slot};
use crate::operator::{DecisionLog, Environment, line_secret, write_whole};
use crate::output::Printer;
use crate::remote::{Blocked, TrailCursor, TrailQuery, read_trail};
use crate::report::{Material, NodeNow, Span, Tally, Unread, brought, markdown, told};
use crate::tick::Record;

use super::global::Global;
use super::logs::{Source, moment};
use super::outcome::Outcome;
use super::setup::world;

/// Write what happened in a time span as one Markdown file.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "For a post-mortem: decisions of the loop on this machine, releases, starts of gateways, troubles of upstreams, \
                  requests and errors of each node by five minutes, and log lines of errors without secrets. What cannot be read \
                  is named in it, and the exit code is 3 then."
)]
pub struct Args {
    /// Its beginning: 30m, 12h or 7d ago, a day or a time (UTC)
    #[arg(long, value_name = "TIME")]
    since: String,
    /// Its end, written alike; otherwise now
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The file to write; otherwise stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Reads what can be read, and tells it.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let now = Timestamp::now();
    let span = span(args, now)?;
    let profile = global.profile(environment)?.profile;
    let mut material = Material {
        line: profile.name.clone(),
        span,
        made: now,
        events: Vec::new(),
        traffic: Vec::new(),
        excerpts: Vec::new(),
        now: Vec::new(),
        not_read: Vec::new(),
        remarks: vec![
            "a drain or failover leaves no record of its time; whether a node is out of service is told of the moment in which this was made"
                .to_owned(),
        ],
    };
    read_decisions(environment, &profile.name, &mut material);
    let seen = Box::pin(read_line(environment, &profile, &mut material)).await;
    if let Err(error) = seen {
        material.not_read.push(Unread {
            what: "the line's nodes, their releases and trails".to_owned(),
            why: format!("{error:#}"),
        });
    }
    let is_whole = material.not_read.is_empty();
    let account = material.account();
    let text = markdown(&account);
    if let Some(out) = &args.out {
        let path = environment.resolve(out);
        // It quotes logs: nobody else on this machine need read it.
        write_whole(&path, text.as_bytes(), 0o600)?;
        printer.note(format!("wrote {}", path.display()));
    } else {
        printer.line(text.trim_end());
    }
    printer.document(&account)?;
    Ok(if is_whole {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

fn span(args: &Args, now: Timestamp) -> Result<Span> {
    let since = moment("--since", &args.since, now)?;
    let until = args.until.as_deref();
    let until = until.map_or(Ok(now), |text| moment("--until", text, now))?;
    if until < since {
        return Err(anyhow!(
            "--until {until} lies before --since {since}: there is no time between"
        ));
    }
    Ok(Span { since, until })
}

/// The log of the loop, if one runs on this machine.
fn read_decisions(environment: &Environment, line: &LineName, material: &mut Material) {
    let log = DecisionLog::of(environment, line);
    let text = match log.whole() {
        Ok(Some(text)) => text,
        Ok(None) => {
            return material.remarks.push(format!(
                "no `dsline reconcile` has written {} on this machine; one that runs elsewhere is not in here",
                log.path().display()
            ));
        }
        Err(error) => {
            return material.not_read.push(Unread {
                what: log.path().display().to_string(),
                why: error.to_string(),
            });
        }
    };
    let records: Vec<Option<Record>> = text
        .lines()
        .map(|line| serde_json::from_str(line).ok())
        .collect();
    let odd = records.iter().filter(|record| record.is_none()).count();
    if odd > 0 {
        material.not_read.push(Unread {
            what: format!("{odd} lines of {}", log.path().display()),
            why: "they are no records of the loop".to_owned(),
        });
    }
    let records: Vec<Record> = records.into_iter().flatten().collect();
    if let Some(first) = records.first()
        && first.at > material.span.since
    {
        material
            .remarks
            .push(format!("the loop's log begins at {}", first.at));
    }
    let span = material.span;
    let within = records.into_iter().filter(|record| span.holds(record.at));
    material.events.extend(told(&within.collect::<Vec<_>>()));
}

/// AWS, and every node that it shows.
async fn read_line(
    environment: &Environment,
    profile: &Profile,
    material: &mut Material,
) -> Result<()> {
    let secret = line_secret(environment, profile)?;
    let world = world(environment, profile, secret).await;
    let view = Box::pin(observe(&world, profile, Scope::Nodes, material.made)).await?;
    for (region, why) in view.observed.unseen() {
        material.not_read.push(Unread {
            what: format!("everything in {region}"),
            why: why.to_owned(),
        });
    }
    let mut reached = Vec::new();
    for instance in view.observed.instances() {
        let Some(slot) = &instance.slot else { continue };
        match reported(&view, instance) {
            Ok(report) => {
                let releases: Vec<_> = report.releases.values().cloned().collect();
                material.events.extend(brought(slot, &releases));
                material.now.push(state(&view, slot, report));
                reached.push((slot.clone(), instance.clone()));
            }
            Err(why) => material.not_read.push(Unread {
                what: format!("releases, state and trail of {slot}"),
                why,
            }),
        }
    }
    let reads = reached
        .iter()
        .map(|(slot, instance)| read_node(&world, slot, instance, material.span));
    let tallies = join_all(reads).await;
    for ((slot, _), (tally, trouble)) in reached.iter().zip(tallies) {
        take(slot, tally, trouble, material);
    }
    Ok(())
}

/// What the node said of itself, or why it said nothing.
fn reported<'a>(view: &'a LineView, instance: &Instance) -> Result<&'a NodeReport, String> {
    match view.observed.nodes.get(&instance.id) {
        Some(NodeSight::Reported(report)) => Ok(report),
        Some(
            NodeSight::Unreachable(why) | NodeSight::WrongHostKey(why) | NodeSight::Refused(why),
        ) => Err(why.clone()),
        None if instance.state == InstanceState::Running => Err("it was not asked".to_owned()),
        None => Err(format!("its instance is {}", instance.state.word())),
    }
}

fn state(view: &LineView, slot: &Slot, report: &NodeReport) -> NodeNow {
    let zone = view.observed.zone.as_ref();
    let checks = zone.into_iter().flat_map(|zone| &zone.checks);
    let mut checks = checks
        .filter(|check| check.reference.slot == *slot)
        .peekable();
    let has_check = checks.peek().is_some();
    let gateway = report.gateway.as_ref();
    NodeNow {
        node: slot.clone(),
        release: report.number,
        draining: gateway.map(|gateway| gateway.draining),
        taken_out: has_check.then(|| checks.any(|check| check.inverted || check.disabled)),
        upstreams: gateway.map_or_else(Vec::new, |gateway| gateway.upstreams.clone()),
    }
}

/// Reads a node's trail to the span's end; what was counted before it broke off counts.
async fn read_node(
    world: &World,
    slot: &Slot,
    instance: &Instance,
    span: Span,
) -> (Tally, Option<Blocked>) {
    let mut tally = Tally::new(span, slot.to_string());
    let source = Source::new(world, slot.clone(), instance.clone());
    let query = TrailQuery::since(span.since);
    let mut cursor = TrailCursor::default();
    loop {
        let page = match source.session().await {
            Ok(session) => read_trail(&session, &query, &cursor).await,
            Err(blocked) => Err(blocked),
        };
        let page = match page {
            Ok(page) => page,
            Err(blocked) => return (tally, Some(blocked)),
        };
        // Not only the first is looked at: programs write side by side, so times may stand in another order.
        let goes_on = page.lines.iter().filter(|line| tally.add(line)).count() > 0;
        if !page.has_more || !goes_on {
            return (tally, None);
        }
        cursor = page.cursor;
    }
}

fn take(slot: &Slot, tally: Tally, trouble: Option<Blocked>, material: &mut Material) {
    if let Some(blocked) = trouble {
        material.not_read.push(Unread {
            what: format!("the trail of {slot}, from some time on"),
            why: blocked.to_string(),
        });
    }
    if tally.odd > 0 {
        material.not_read.push(Unread {
            what: format!("{} lines of the trail of {slot}", tally.odd),
            why: "they are no records".to_owned(),
        });
    }
    if tally.left_out > 0 {
        material.remarks.push(format!(
            "{} further errors and events of {slot} are counted, and not quoted; `dsline logs --region {}` has them",
            tally.left_out, slot.region
        ));
    }
    material.traffic.extend(tally.windows());
    material.events.extend(tally.events);
    material.excerpts.extend(tally.excerpts);
}
