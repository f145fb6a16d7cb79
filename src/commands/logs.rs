//! `dsline logs`

use std::time::Duration;

use anyhow::{Result, anyhow};
use futures::future::join_all;
use jiff::Timestamp;

use crate::cloud::Cloud;
use crate::engine::World;
use crate::line::{Hint as _, Instance, Profile, Region, Slot};
use crate::operator::{Environment, line_secret};
use crate::output::Printer;
use crate::remote::{Blocked, Session, TrailQuery};

use super::exec::running_nodes;
use super::global::Global;
use super::logs_merge::Merge;
use super::logs_verify::verify;
use super::outcome::Outcome;
use super::setup::world;

/// How long a node may take to let us in.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many last records a node shows when nothing says how far back to look.
const LAST: u32 = 100;

/// Show the audit trail of all nodes, merged by time.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Go on with what comes
    #[arg(long, short)]
    follow: bool,
    /// Regions; otherwise all
    #[arg(long = "region", value_delimiter = ',', value_name = "REGION,...")]
    regions: Vec<Region>,
    /// How far back: 30m, 12h, 7d, a day or a time; without it and --grep each node shows its last 100 records
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only records that hold this text
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Count the records' numbers on the nodes and show where some are missing
    Verify(VerifyArgs),
}

#[derive(Debug, clap::Args)]
struct VerifyArgs {
    /// Regions; otherwise all
    #[arg(long = "region", value_delimiter = ',', value_name = "REGION,...")]
    regions: Vec<Region>,
}

/// A running node and the world it is in.
pub(super) struct Source<'a> {
    /// Its place in the line.
    pub(super) slot: Slot,
    instance: Instance,
    world: &'a World,
}

impl<'a> Source<'a> {
    /// This node of the line.
    pub(super) fn new(world: &'a World, slot: Slot, instance: Instance) -> Self {
        Self {
            slot,
            instance,
            world,
        }
    }

    /// The one session with it, opened anew when it broke.
    pub(super) async fn session(&self) -> Result<Session, Blocked> {
        let address = self
            .instance
            .address
            .ok_or_else(|| Blocked::Unreachable(format!("{} has no address yet", self.slot)))?;
        let (slot, generation) = (&self.slot, self.instance.generation);
        self.world
            .session(slot, generation, address, PATIENCE)
            .await
    }
}

/// Reads, or counts, on every node at once.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let query = query(args, Timestamp::now())?;
    let profile = global.profile(environment)?.profile;
    let secret = line_secret(environment, &profile)?;
    let world = world(environment, &profile, secret).await;
    let regions = match &args.what {
        Some(What::Verify(args)) => &args.regions,
        None => &args.regions,
    };
    let sources = sources(&world, &profile, regions).await?;
    match &args.what {
        Some(What::Verify(_)) => verify(&sources, printer).await,
        None => Merge::new(sources, query).run(args.follow, printer).await,
    }
}

async fn sources<'a>(
    world: &'a World,
    profile: &Profile,
    regions: &[Region],
) -> Result<Vec<Source<'a>>> {
    // Everywhere, as `exec` does: a region given to `up` by hand need not be in the profile.
    let regions = if regions.is_empty() {
        enabled(&world.cloud).await?
    } else {
        regions.to_vec()
    };
    let nodes = running_nodes(world, profile, &regions).await?;
    if nodes.is_empty() {
        return Err(anyhow!("line `{}` has no running node there", profile.name))
            .hint("`dsline status` shows the line's nodes");
    }
    let sources = nodes
        .into_iter()
        .map(|(slot, instance)| Source::new(world, slot, instance));
    Ok(sources.collect())
}

async fn enabled(cloud: &Cloud) -> Result<Vec<Region>> {
    Ok(cloud.enabled_regions().await?.known.into_iter().collect())
}

fn query(args: &Args, now: Timestamp) -> Result<TrailQuery> {
    let since = args.since.as_deref();
    let since = since.map(|text| moment("--since", text, now));
    let since = since.transpose()?;
    let text = args.grep.clone().unwrap_or_default();
    if text.contains(char::is_control) {
        return Err(anyhow!(
            "--grep holds a control character, which no record does"
        ));
    }
    let last = (since.is_none() && text.is_empty()).then_some(LAST);
    let query = since.map_or_else(TrailQuery::default, TrailQuery::since);
    Ok(TrailQuery {
        text,
        last,
        ..query
    })
}

/// `12h` ago, midnight of a day (UTC), or a time.
pub(super) fn moment(flag: &str, text: &str, now: Timestamp) -> Result<Timestamp> {
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let ago = units.iter().find_map(|(unit, seconds)| {
        let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
        now.as_second().checked_sub(count.checked_mul(*seconds)?)
    });
    let time = match ago {
        Some(second) => Timestamp::from_second(second).ok(),
        None => text
            .parse()
            .or_else(|_| format!("{text}T00:00:00Z").parse())
            .ok(),
    };
    time.ok_or_else(|| anyhow!("{flag}: `{text}` is no time"))
        .hint("write 30m, 12h or 7d, a day such as 2026-11-22, or a time such as 2026-11-22T06:00:00Z")
}

/// What every node answers, in the nodes' order.
pub(super) async fn from_all<T>(
    sources: &[Source<'_>],
    ask: impl AsyncFn(Session) -> Result<T, Blocked>,
) -> Vec<Result<T, Blocked>> {
    let asked = sources
        .iter()
        .map(|source| async { ask(source.session().await?).await });
    join_all(asked).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_one_of_three_ways() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        for (text, meant) in [
            ("30m", "2026-11-22T11:30:00Z"),
            ("7d", "2026-11-15T12:00:00Z"),
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("2026-11-20T01:00:00+01:00", "2026-11-20T00:00:00Z"),
        ] {
            assert_eq!(
                moment("--since", text, now).unwrap().to_string(),
                meant,
                "{text}"
            );
        }
        for odd in ["", "h", "yesterday", "9999999999999999999d", "-"] {
            assert!(moment("--since", odd, now).is_err(), "{odd:?}");
        }
    }
}
