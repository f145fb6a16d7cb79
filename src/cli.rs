//! The command line; its doc comments are the help.

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands::{
    Global, Outcome, cert, completions, connect, dns, exec, failover, init, plan, render, ssh,
    status, teardown, token, up,
};
use crate::operator::Environment;
use crate::output::Printer;

/// Your own fast, watched line to an LLM API on small EC2 nodes in several regions.
///
/// Start with `dsline init`, then `dsline up`. Exit codes: 0 done, 1 error, 2 changes pending, 3 partly done,
/// 4 locked, 5 refused as unsafe, 64 wrong usage, 130 stopped before anything was changed.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
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
    /// Show nodes, health, DNS answers and drift
    Status(status::Args),
    /// Write all files of a node, offline
    Render(render::Args),
    /// Open a shell on a node
    Ssh(ssh::Args),
    /// Run a command on nodes
    Exec(exec::Args),
    /// Print what a client of the line needs
    Connect(connect::Args),
    /// Explain what DNS answers, or check that the world is led to the zone
    Dns(dns::Args),
    /// Take a region out of service, put it back, or rehearse both
    Failover(failover::Args),
    /// Show the certificate that the line's clients must trust
    Cert(cert::Args),
    /// Issue and revoke tokens of the line
    Token(token::Args),
    /// Remove everything of the line, then look again
    Teardown(teardown::Args),
    /// Print shell completions
    Completions(completions::Args),
}

impl Cli {
    /// Runs the subcommand.
    pub(crate) async fn run(self, environment: &Environment, printer: &Printer) -> Result<Outcome> {
        let global = &self.global;
        match self.command {
            Command::Init(args) => init::run(&args, global, environment, printer),
            Command::Plan(args) => plan::run(&args, global, environment, printer).await,
            Command::Up(args) => Box::pin(up::run(&args, global, environment, printer)).await,
            Command::Status(args) => {
                Box::pin(status::run(&args, global, environment, printer)).await
            }
            Command::Render(args) => render::run(&args, global, environment, printer),
            Command::Ssh(args) => ssh::run(&args, global, environment).await,
            Command::Exec(args) => exec::run(&args, global, environment, printer).await,
            Command::Connect(args) => connect::run(&args, global, environment, printer),
            Command::Dns(args) => Box::pin(dns::run(&args, global, environment, printer)).await,
            Command::Failover(args) => {
                Box::pin(failover::run(&args, global, environment, printer)).await
            }
            Command::Cert(args) => cert::run(&args, global, environment, printer),
            Command::Token(args) => token::run(&args, global, environment, printer).await,
            Command::Teardown(args) => {
                Box::pin(teardown::run(&args, global, environment, printer)).await
            }
            Command::Completions(args) => completions::run(&args, Self::command(), printer),
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
