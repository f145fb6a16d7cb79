//! `dsline connect`

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use serde_json::json;

use crate::export::{Client, Reach};
use crate::line::{Authority, CertificateIssuer};
use crate::operator::{Environment, line_secret};
use crate::output::Printer;

use super::global::Global;
use super::outcome::Outcome;

/// Print what a client needs: base URL, API key, the authority to trust.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show the API key, which opens the line to whoever has it
    #[arg(long)]
    show_key: bool,
    /// What will ask the line
    #[arg(long, value_name = "CLIENT", default_value = "curl", value_parser = PossibleValuesParser::new(Client::names()))]
    client: String,
}

/// Prints what to paste and the values behind it; the key only when asked for.
pub fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let profile = global.profile(environment)?.profile;
    let secret = line_secret(environment, &profile)?;
    let host = if profile.has_domain() {
        profile.dns.host.as_str()
    } else {
        "ADDRESS-OF-A-NODE"
    };
    let is_own = profile.certificate.issuer == CertificateIssuer::Own;
    let ca = is_own.then(|| Authority::new(&profile.name, &secret).certificate_pem());
    let key = secret.first_api_key(profile.auth.key_epoch());
    let api_key = args.show_key.then(|| key.expose());
    let client = Client::named(&args.client).expect("clap takes known names only");
    let paste = client.paste(Reach {
        host,
        model: &profile.conversation.model,
        is_own,
        key: api_key,
    });
    printer.line(&paste);
    printer.document(&json!({
        "base_url": format!("https://{host}/v1"), "api_key": api_key, "ca": ca,
        "client": args.client, "paste": paste,
    }))?;
    Ok(Outcome::Done)
}
