//! `dsline failover`

use std::time::Duration;

use anyhow::{Result, anyhow};
use futures::future::join_all;
use tokio::sync::watch;

use crate::engine::Stop;
use crate::line::{Hint as _, Profile, Region};
use crate::operator::{Environment, line_secret};
use crate::output::{self, Failover, Move, Printer, confirm};
use crate::plan::Refusal;

use super::failover_drill::Drill;
use super::failover_site::{Finder, name_server};
use super::failover_turn::Director;
use super::global::Global;
use super::outcome::Outcome;
use super::setup::world;

/// Take a region out of service, put it back, or rehearse both.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The region's nodes are told to fail their health checks while they serve on, then its health checks are held \
                  down in Route 53. The first alone is enough when AWS refuses every call, it only takes the checkers' time. No \
                  lock is taken."
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct Args {
    /// The region
    #[arg(value_name = "REGION")]
    region: Region,
    /// The region that is meant to take over; refused when another would
    #[arg(long, value_name = "REGION", conflicts_with = "restore")]
    to: Option<Region>,
    /// Put the region back; refused while none of its nodes is healthy
    #[arg(long, conflicts_with = "drill")]
    restore: bool,
    /// Take the region out, measure, and put it back
    #[arg(long)]
    drill: bool,
    /// Switch its instances off through EC2 instead of draining them, and on again
    #[arg(long, requires = "drill")]
    crash: bool,
    /// Go on although no healthy node is left to take over
    #[arg(long, conflicts_with = "restore")]
    force: bool,
    /// Switch instances off without asking
    #[arg(long, requires = "crash")]
    yes: bool,
}

/// Does one of the three and tells how long it took.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let profile = global.profile(environment)?.profile;
    let region = &args.region;
    for named in [Some(region), args.to.as_ref()].into_iter().flatten() {
        refuse_stranger(&profile, named)?;
    }
    let stop = Stop::listen();
    let secret = line_secret(environment, &profile)?;
    let world = world(environment, &profile, secret).await;
    let server = match name_server(&world, &profile).await {
        Ok(server) => server,
        // Nobody waits for a look at DNS to take a region out.
        Err(error) => {
            printer.fault(format!("DNS cannot be asked: {error:#}"));
            None
        }
    };
    let finder = Finder {
        world: &world,
        profile: &profile,
        server,
    };
    if !args.restore && !args.force {
        refuse_without_heir(&finder, args).await?;
    }
    if args.crash && !args.yes && !agrees(args, printer, &stop).await? {
        return Ok(Outcome::Pending);
    }
    let director = Director {
        finder: &finder,
        region,
        printer,
        stop,
    };
    let mut moves = Vec::new();
    let mut complete = true;
    let mut note = |(one, is_complete): (Move, bool)| {
        moves.push(one);
        complete &= is_complete;
    };
    if args.crash {
        let drill = Drill {
            director: &director,
        };
        let (ids, off) = drill.power_off().await?;
        note(off);
        note(drill.power_on(&ids).await?);
    } else {
        if !args.restore {
            note(director.take_out().await?);
        }
        if args.restore || args.drill {
            note(director.put_back().await?);
        }
    }
    let report = Failover {
        line: profile.name.clone(),
        region: region.clone(),
        moves,
        complete,
    };
    output::failover(printer, &report)?;
    if !args.restore && !args.drill {
        printer.note(format!(
            "`dsline failover {region} --restore` puts it back; `dsline up` leaves it out"
        ));
    }
    Ok(if complete {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

fn refuse_stranger(profile: &Profile, region: &Region) -> Result<()> {
    if profile.regions.contains(region) {
        return Ok(());
    }
    let regions: Vec<&str> = profile.regions.iter().map(Region::as_str).collect();
    Err(anyhow!("line `{}` is not in {region}", profile.name))
        .hint(format!("its regions are {}", regions.join(", ")))
}

/// Refuses when nobody healthy is left, or when it is not the one that is meant.
async fn refuse_without_heir(finder: &Finder<'_>, args: &Args) -> Result<()> {
    let others = args.region.nearest(&finder.profile.regions);
    let asked = others.into_iter().map(|region| finder.healthy(region));
    let health = join_all(asked).await;
    let heir = health.into_iter().find(|(_, healthy)| !healthy.is_empty());
    let region = args.region.clone();
    match (heir, &args.to) {
        (None, _) => Err(Refusal::NobodyTakesOver { region }.into()),
        (Some((heir, _)), Some(to)) if heir != *to => Err(Refusal::AnotherTakesOver {
            region,
            heir,
            wanted: to.clone(),
        }
        .into()),
        _ => Ok(()),
    }
}

/// Asks a person, since switched-off instances lose addresses that are not their own.
async fn agrees(args: &Args, printer: &Printer, stop: &watch::Receiver<Stop>) -> Result<bool> {
    if !printer.can_ask() {
        printer.note("nothing was changed: pass --yes to switch instances off without a terminal");
        return Ok(false);
    }
    let question = format!(
        "Switch off all instances of the line in {}? Requests there fail until DNS has moved",
        args.region
    );
    let answer = tokio::task::spawn_blocking(move || confirm(&question));
    super::consent::until_stopped(async { answer.await? }, &mut stop.clone()).await
}

/// Seconds that checkers need for three failures in a row, and resolvers to forget, with room for a slow minute.
pub(super) fn limit(profile: &Profile) -> Duration {
    let interval = u64::try_from(profile.dns.checks.interval_seconds()).unwrap_or(30);
    Duration::from_secs(3 * interval + u64::from(profile.dns.ttl) + 60)
}
