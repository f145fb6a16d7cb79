//! The command line; its doc comments are the help.

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands::{
    Global, Outcome, bench, cert, completions, connect, dns, doctor, exec, export, failover, free,
    iam, init, logs, man, plan, prices, push, reconcile, releases, render, replay, report,
    rollback, secrets, ssh, status, teardown, token, up,
};
use crate::operator::Environment;
use crate::output::Printer;

/// Your own fast, watched line to an LLM API on small EC2 nodes in several regions.
///
/// Start with `dsline init`, then `dsline up`. Exit codes: 0 done, 1 error, 2 changes pending, 3 partly done,
/// 4 locked, 5 refused as unsafe, 64 wrong usage, 130 stopped before anything was changed.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 80)]
pub struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a profile and make the line secret
    Init(init::Args),
    /// Show what `up` would do; exits 2 if there is anything
    Plan(plan::Args),
    /// Bring the line to what the profile wants
    Up(up::Args),
    /// Keep the line as the profile wants it: repair, scale, explain
    Reconcile(reconcile::Args),
    /// Push a new release to the nodes, one after the other
    Push(push::Args),
    /// Go back to a release that the nodes have kept
    Rollback(rollback::Args),
    /// Show the releases that each node remembers
    Releases(releases::Args),
    /// Show nodes, health, DNS answers and drift
    Status(status::Args),
    /// Look for what is wrong with account and line, and mend it
    Doctor(doctor::Args),
    /// Write all files of a node, offline
    Render(render::Args),
    /// Try scaling policies on a recorded load, offline
    Replay(replay::Args),
    /// Ask the line as many users do, and measure
    Bench(bench::Args),
    /// Open a shell on a node
    Ssh(ssh::Args),
    /// Run a command on nodes
    Exec(exec::Args),
    /// Show the audit trail of all nodes, merged by time
    Logs(logs::Args),
    /// Write what happened in a time span as one Markdown file
    Report(report::Args),
    /// Print what a client of the line needs
    Connect(connect::Args),
    /// Explain DNS answers, or check that the world is led to the zone
    Dns(dns::Args),
    /// Take a region out of service, put it back, or rehearse both
    Failover(failover::Args),
    /// Show the certificate that the line's clients must trust
    Cert(cert::Args),
    /// Issue and revoke tokens of the line
    Token(token::Args),
    /// Change secrets of the line without a lost request
    Secrets(secrets::Args),
    /// Write files for Prometheus, Kubernetes or Cloudflare
    Export(export::Args),
    /// Print the AWS permissions that dsline needs
    Iam(iam::Args),
    /// Show what AWS asks for the parts of a line, or ask it anew
    Prices(prices::Args),
    /// Show what clouds give away, with limits and dates
    Free(free::Args),
    /// Remove everything of the line, then look again
    Teardown(teardown::Args),
    /// Print shell completions
    Completions(completions::Args),
    /// Write man pages
    Man(man::Args),
}

impl Cli {
    /// Runs the subcommand.
    pub(crate) async fn run(self, environment: &Environment, printer: &Printer) -> Result<Outcome> {
        let global = &self.global;
        match self.command {
            Command::Init(args) => init::run(&args, global, environment, printer),
            Command::Plan(args) => plan::run(&args, global, environment, printer).await,
            Command::Up(args) => Box::pin(up::run(&args, global, environment, printer)).await,
            Command::Reconcile(args) => {
                Box::pin(reconcile::run(&args, global, environment, printer)).await
            }
            Command::Push(args) => Box::pin(push::run(&args, global, environment, printer)).await,
            Command::Rollback(args) => {
                Box::pin(rollback::run(&args, global, environment, printer)).await
            }
            Command::Releases(args) => {
                Box::pin(releases::run(&args, global, environment, printer)).await
            }
            Command::Status(args) => {
                Box::pin(status::run(&args, global, environment, printer)).await
            }
            Command::Doctor(args) => {
                Box::pin(doctor::run(&args, global, environment, printer)).await
            }
            Command::Render(args) => render::run(&args, global, environment, printer),
            Command::Replay(args) => replay::run(&args, global, environment, printer),
            Command::Bench(args) => Box::pin(bench::run(&args, global, environment, printer)).await,
            Command::Ssh(args) => ssh::run(&args, global, environment).await,
            Command::Exec(args) => exec::run(&args, global, environment, printer).await,
            Command::Logs(args) => logs::run(&args, global, environment, printer).await,
            Command::Report(args) => {
                Box::pin(report::run(&args, global, environment, printer)).await
            }
            Command::Connect(args) => connect::run(&args, global, environment, printer),
            Command::Dns(args) => Box::pin(dns::run(&args, global, environment, printer)).await,
            Command::Failover(args) => {
                Box::pin(failover::run(&args, global, environment, printer)).await
            }
            Command::Cert(args) => Box::pin(cert::run(&args, global, environment, printer)).await,
            Command::Token(args) => token::run(&args, global, environment, printer).await,
            Command::Secrets(args) => {
                Box::pin(secrets::run(&args, global, environment, printer)).await
            }
            Command::Export(args) => export::run(&args, global, environment, printer),
            Command::Iam(args) => iam::run(&args, printer),
            Command::Prices(args) => prices::run(&args, global, environment, printer).await,
            Command::Free(args) => free::run(&args, printer),
            Command::Teardown(args) => {
                Box::pin(teardown::run(&args, global, environment, printer)).await
            }
            Command::Completions(args) => completions::run(&args, Self::command(), printer),
            Command::Man(args) => man::run(&args, Self::command(), environment, printer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
