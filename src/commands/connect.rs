//! `dsline connect`

use anyhow::Result;
use serde_json::json;

use crate::line::Authority;
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
}

/// Prints a curl call and the values behind it; the key only when asked for.
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
    let base_url = format!("https://{host}/v1");
    let ca = Authority::new(&profile.name, &secret).certificate_pem();
    let key = secret.first_api_key();
    let shown = if args.show_key {
        key.expose()
    } else {
        "$DSLINE_API_KEY"
    };
    if !args.show_key {
        printer.line(
            "# the key: export DSLINE_API_KEY=$(dsline connect --show-key --json | jq -r .api_key)",
        );
    }
    printer.line("dsline cert ca > dsline-ca.pem");
    printer.line(format!(
        "curl --cacert dsline-ca.pem {base_url}/chat/completions \\"
    ));
    printer.line(format!(
        "  -H \"Authorization: Bearer {shown}\" -H 'Content-Type: application/json' \\"
    ));
    printer.line("  -d '{\"model\": \"deepseek-chat\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'");
    let api_key = args.show_key.then(|| key.expose().to_owned());
    printer.document(&json!({ "base_url": base_url, "api_key": api_key, "ca": ca }))?;
    Ok(Outcome::Done)
}
