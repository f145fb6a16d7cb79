//! `dsline doctor`

use anyhow::Result;
use jiff::Timestamp;

use crate::cloud::Cloud;
use crate::doctor::{Remedy, is_good, judge_account, missing, policy};
use crate::engine::Stop;
use crate::line::{Profile, Slot};
use crate::operator::Environment;
use crate::output::{self, Checkup, Printer};

use super::consent::until_stopped;
use super::global::{Global, LineArgs};
use super::lock::LockArgs;
use super::outcome::Outcome;
use super::{doctor_account, doctor_fix, doctor_nodes, doctor_security};

/// Look for what is wrong with the account and the line, and mend it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Before a line exists: credentials, permissions, regions, quotas, zone, keys. With one: what is behind 502, slow \
                  answers, 429 and broken connections. Exits 2 when something was found."
)]
pub struct Args {
    /// Look at the defences of every node instead, from outside and from inside
    #[arg(long, conflicts_with = "fix")]
    security: bool,
    /// Mend what is safe to mend: start again, go back, renew a certificate
    #[arg(long)]
    fix: bool,
    #[command(flatten)]
    pub(super) line: LineArgs,
    #[command(flatten)]
    pub(super) lock: LockArgs,
    /// Do not ask before changing anything
    #[arg(long, short)]
    pub(super) yes: bool,
}

/// Looks, tells, and mends if that is wanted.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    if args.security {
        return doctor_security::run(global, environment, printer).await;
    }
    let mut stop = Stop::listen();
    let mut profile = global.profile(environment)?.profile;
    args.line.apply_to(&mut profile)?;
    let look = async { Ok(Box::pin(look(args, environment, &profile)).await) };
    let mut checkup = until_stopped(Box::pin(look), &mut stop).await?;
    output::checkup(printer, &checkup);
    let remedies = remedies(&checkup);
    if !args.fix || remedies.is_empty() {
        if args.fix {
            printer.note("nothing was found that can be mended without you");
        }
        printer.document(&checkup)?;
        return Ok(outcome(&checkup));
    }
    let desk = doctor_fix::Desk {
        args,
        global,
        environment,
        printer,
    };
    let mended = Box::pin(doctor_fix::mend(&desk, &remedies, stop)).await?;
    checkup.fixed = mended.records;
    if mended.outcome == Outcome::Pending {
        printer.document(&checkup)?;
        return Ok(Outcome::Pending);
    }
    let after = doctor_nodes::look(environment, &profile).await;
    output::nodes_after(printer, &after);
    checkup.after = Some(after);
    printer.document(&checkup)?;
    Ok(match mended.outcome {
        Outcome::Done => outcome(&checkup),
        other => other,
    })
}

async fn look(args: &Args, environment: &Environment, profile: &Profile) -> Checkup {
    let cloud = Cloud::open().await;
    let now = Timestamp::now();
    let desk = doctor_account::Desk {
        environment,
        profile,
        gateway: args.line.gateway.as_deref(),
        now,
    };
    let sight = Box::pin(doctor_account::look(&cloud, &desk)).await;
    let nodes = if sight.identity.is_ok() {
        doctor_nodes::look(environment, profile).await
    } else {
        Vec::new()
    };
    let missing = missing(&sight.permissions);
    Checkup {
        account: judge_account(&sight),
        policy: (!missing.is_empty()).then(|| policy(&missing)),
        nodes,
        fixed: Vec::new(),
        after: None,
    }
}

/// What can be mended, and where.
fn remedies(checkup: &Checkup) -> Vec<(Slot, Remedy)> {
    let of_node = |node: &output::NodeCheckup| {
        let slot = node.node.clone();
        let remedies = node.findings.iter().filter_map(|finding| finding.remedy);
        remedies
            .map(|remedy| (slot.clone(), remedy))
            .collect::<Vec<_>>()
    };
    checkup.nodes.iter().flat_map(of_node).collect()
}

fn outcome(checkup: &Checkup) -> Outcome {
    let nodes = checkup.after.as_ref().unwrap_or(&checkup.nodes);
    let is_well =
        |node: &output::NodeCheckup| node.not_looked_at.is_none() && is_good(&node.findings);
    if is_good(&checkup.account) && nodes.iter().all(is_well) {
        Outcome::Done
    } else {
        Outcome::Pending
    }
}
