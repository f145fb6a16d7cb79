//! `dsline cert`

use std::sync::Arc;

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use serde_json::json;

use crate::engine::{LineView, Scope, Stop, observe};
use crate::line::{Authority, CertificateIssuer, Chain, Hint as _, NodeSight};
use crate::operator::{Environment, line_secret};
use crate::output::{self, NodeCertificate, Printer};
use crate::plan::{Plan, only_push, roll};

use super::change::{Change, Planner};
use super::consent::until_stopped;
use super::global::{Global, LineArgs};
use super::lock::LockArgs;
use super::outcome::Outcome;
use super::setup::{Setup, world};

/// Show or renew the certificate that clients see.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print the line's own authority, PEM: `curl --cacert`, `SSL_CERT_FILE`
    Ca,
    /// Show which certificate each node has, and until when
    Status,
    /// Get a new certificate now, and push it
    ///
    /// `up` does so by itself when a third of the present one's lifetime is left.
    Renew(RenewArgs),
}

#[derive(Debug, clap::Args)]
struct RenewArgs {
    #[command(flatten)]
    line: LineArgs,
    #[command(flatten)]
    lock: LockArgs,
    /// Do not ask before changing anything
    #[arg(long, short)]
    yes: bool,
}

/// Prints, looks, or orders.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    match &args.what {
        What::Ca => authority(global, environment, printer),
        What::Status => status(global, environment, printer).await,
        What::Renew(args) => renew(args, global, environment, printer).await,
    }
}

/// Needs the line secret only.
fn authority(global: &Global, environment: &Environment, printer: &Printer) -> Result<Outcome> {
    let profile = global.profile(environment)?.profile;
    let secret = line_secret(environment, &profile)?;
    let pem = Authority::new(&profile.name, &secret).certificate_pem();
    printer.line(pem.trim_end());
    printer.document(&json!({ "ca": pem }))?;
    Ok(Outcome::Done)
}

async fn status(global: &Global, environment: &Environment, printer: &Printer) -> Result<Outcome> {
    let profile = global.profile(environment)?.profile;
    let secret = line_secret(environment, &profile)?;
    let world = world(environment, &profile, secret).await;
    let now = Timestamp::now();
    let view = Box::pin(observe(&world, &profile, Scope::Nodes, now)).await?;
    let mut nodes = certificates(&view, now);
    nodes.sort_by(|a, b| a.node.cmp(&b.node));
    output::certificates(printer, &nodes)?;
    let is_well = |node: &NodeCertificate| node.error.is_none() && !node.is_due;
    Ok(if nodes.iter().all(is_well) {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

fn certificates(view: &LineView, now: Timestamp) -> Vec<NodeCertificate> {
    let instances = view.observed.instances();
    let certificate = |instance: &crate::line::Instance| {
        let sight = view.observed.nodes.get(&instance.id)?;
        let read = match sight {
            NodeSight::Reported(report) => match &report.chain {
                Some(pem) => Chain::read(pem).map_err(|bad| bad.to_string()),
                None => Err("it has no release yet".to_owned()),
            },
            NodeSight::Unreachable(why)
            | NodeSight::WrongHostKey(why)
            | NodeSight::Refused(why) => Err(why.clone()),
        };
        let (chain, error) = match read {
            Ok(chain) => (Some(chain), None),
            Err(why) => (None, Some(why)),
        };
        Some(NodeCertificate {
            node: instance.slot.clone()?,
            days_left: chain.as_ref().map(|chain| chain.days_left(now)),
            is_due: chain.as_ref().is_some_and(|chain| chain.is_due_at(now)),
            chain,
            error,
        })
    };
    instances.filter_map(certificate).collect()
}

struct Renewing<'a> {
    setup: &'a Setup,
}

impl Planner for Renewing<'_> {
    async fn look(&self) -> Result<LineView> {
        self.setup.observe().await
    }

    fn plan(&self, view: &LineView) -> Result<Plan> {
        let mut plan = only_push(&self.setup.plan(view)?, &[]);
        roll(&mut plan, &view.observed, None);
        Ok(plan)
    }
}

async fn renew(
    args: &RenewArgs,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    if global.profile(environment)?.profile.certificate.issuer != CertificateIssuer::Acme {
        return Err(anyhow!(
            "the profile's certificate comes from no public authority, so there is nothing to renew"
        ))
        .hint("set `issuer = \"acme\"` under [certificate]; the line's own authority renews by itself, and files are yours to renew");
    }
    let mut stop = Stop::listen();
    let look = async {
        let setup = Setup::gather(&args.line, global, environment)
            .await?
            .renewing();
        let view = setup.observe().await?;
        anyhow::Ok((setup, view))
    };
    let (setup, view) = until_stopped(Box::pin(look), &mut stop).await?;
    let change = Change {
        command: "cert renew",
        lock: &args.lock,
        yes: args.yes,
        why: "a new certificate",
        profile: &setup.wanted.profile,
        secret: &setup.wanted.secret,
        wanted: Some(Arc::clone(&setup.wanted)),
        world: &setup.world,
        environment,
        printer,
    };
    change.run(&Renewing { setup: &setup }, &view, stop).await
}
