//! `dsline cert`

use anyhow::Result;
use serde_json::json;

use crate::line::Authority;
use crate::operator::{Environment, line_secret};
use crate::output::Printer;

use super::global::Global;
use super::outcome::Outcome;

/// Show the certificate that the line's clients must trust.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print the line's own authority, PEM: `curl --cacert`, `SSL_CERT_FILE`
    Ca,
}

/// Prints the certificate; needs the line secret only.
pub fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let profile = global.profile(environment)?.profile;
    let secret = line_secret(environment, &profile)?;
    let What::Ca = args.what;
    let pem = Authority::new(&profile.name, &secret).certificate_pem();
    printer.line(pem.trim_end());
    printer.document(&json!({ "ca": pem }))?;
    Ok(Outcome::Done)
}
