//! `dsline init`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::cost::{Prices, Usd, bill};
use crate::line::{Hint as _, LineName, Profile, Region};
use crate::operator::{Environment, create_line_secret, line_secret_path, write_whole};
use crate::output::{Printer, prompt_choice, prompt_many, prompt_text};

use super::global::Global;
use super::outcome::Outcome;
use super::prices::prices;

/// Write a profile and make the line secret.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Do not ask: take flags and defaults
    #[arg(long, short)]
    yes: bool,
    /// Regions of the line
    #[arg(long, value_delimiter = ',', value_name = "REGION,...")]
    regions: Vec<Region>,
    /// Host name that users call, in a Route 53 hosted zone; empty for addresses only
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Let a public authority (Let's Encrypt) sign the certificate; you agree to its terms of service
    #[arg(long)]
    public_certificate: bool,
    /// Base URL of the OpenAI-compatible API behind the line
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Environment variable that holds the API's key
    #[arg(long, value_name = "VARIABLE")]
    key_env: Option<String>,
    /// File to write
    #[arg(long, value_name = "FILE", default_value = "dsline.toml")]
    out: PathBuf,
}

/// What the user decides.
struct Choice {
    name: LineName,
    regions: Vec<Region>,
    host: String,
    public_certificate: bool,
    upstream: String,
    key_env: String,
}

/// Asks what is worth asking, writes the profile, makes the secret, says what comes next.
pub fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let path = environment.resolve(&args.out);
    if path.exists() {
        return Err(anyhow::anyhow!(
            "{} exists already, and a profile is never overwritten",
            path.display()
        ))
        .hint("name another file with --out, or edit that one");
    }
    let asks = !args.yes;
    if asks && !printer.can_ask() {
        return Err(anyhow::anyhow!("there is no terminal to ask questions on"))
            .hint("pass --yes, with --regions and --host as you like");
    }
    let prices = prices(environment)?;
    let choice = choose(args, global, &prices, asks)?;
    let text = profile_text(&choice);
    let profile = Profile::parse(&text).context("these choices make no valid profile")?;
    // The profile comes last: with it there, a second `init` would refuse to make what is missing.
    let secret = line_secret_path(environment, &profile.name);
    let is_new = create_line_secret(&secret)?;
    write_whole(&path, text.as_bytes(), 0o644)?;
    explain(printer, &path, &secret, is_new);
    advise(printer, &choice, &prices);
    printer.document(&json!({ "profile": path, "secret": secret, "secret_is_new": is_new }))?;
    Ok(Outcome::Done)
}

fn choose(args: &Args, global: &Global, prices: &Prices, asks: bool) -> Result<Choice> {
    let default = Profile::default();
    let mut choice = Choice {
        name: global.line_name()?.unwrap_or_else(|| default.name.clone()),
        regions: if args.regions.is_empty() {
            default.regions.clone()
        } else {
            args.regions.clone()
        },
        host: args.host.clone().unwrap_or_default(),
        public_certificate: args.public_certificate,
        upstream: args
            .upstream
            .clone()
            .unwrap_or_else(|| default.upstream.base_url.clone()),
        key_env: args
            .key_env
            .clone()
            .unwrap_or_else(|| "DEEPSEEK_API_KEY".to_owned()),
    };
    if !asks {
        return Ok(choice);
    }
    choice.name = prompt_text("Name of the line", choice.name.as_str(), |text| {
        text.parse::<LineName>().map(|_| ())
    })?
    .parse()
    .map_err(|wrong: String| anyhow::anyhow!(wrong))?;
    if args.regions.is_empty() {
        choice.regions = ask_regions(prices)?;
    }
    if args.host.is_none() {
        choice.host = prompt_text(
            "Host name in a Route 53 zone of yours (empty: addresses only)",
            "",
            |_| Ok(()),
        )?;
    }
    if !choice.host.is_empty() && !args.public_certificate {
        choice.public_certificate = ask_certificate()?;
    }
    if args.upstream.is_none() {
        choice.upstream = prompt_text("Base URL of the API", &choice.upstream, |_| Ok(()))?;
    }
    if args.key_env.is_none() {
        choice.key_env = prompt_text("Environment variable with its key", &choice.key_env, |_| {
            Ok(())
        })?;
    }
    ensure!(
        !choice.regions.is_empty(),
        "a line needs at least one region"
    );
    Ok(choice)
}

fn ask_certificate() -> Result<bool> {
    let choices = [
        "Let's Encrypt: every client trusts it (you agree to its terms of service)".to_owned(),
        "the line's own authority: clients must be told to trust it".to_owned(),
    ];
    Ok(prompt_choice("Who signs its certificate?", &choices)? == 0)
}

/// Lines worth offering, the cheapest first.
const OFFERS: [(&str, &str, &[&str]); 3] = [
    (
        "one region",
        "no failover, the cheapest useful line",
        &["us-east-1"],
    ),
    ("two regions", "one can fail", &["us-east-1", "eu-west-1"]),
    (
        "three regions",
        "near everybody, two can fail",
        &["us-east-1", "ap-southeast-1", "eu-west-1"],
    ),
];

/// What an offer costs in a month, with one node of the preferred type in each region.
fn month_of(names: &[&str], prices: &Prices) -> Usd {
    let profile = Profile::default();
    let nodes: Vec<(Region, String)> = regions_of(names)
        .into_iter()
        .map(|region| (region, profile.nodes.instance_types[0].clone()))
        .collect();
    bill(&profile, &nodes, prices).total
}

fn regions_of(names: &[&str]) -> Vec<Region> {
    let regions = names.iter();
    regions
        .map(|name| name.parse().expect("a region of the table"))
        .collect()
}

fn ask_regions(prices: &Prices) -> Result<Vec<Region>> {
    let mut choices: Vec<String> = OFFERS
        .iter()
        .map(|(title, what, names)| format!("{title}, {} a month: {what}", month_of(names, prices)))
        .collect();
    choices.push("let me choose the regions".to_owned());
    let index = prompt_choice(
        "Which line? (credits of a new account pay for it while they last)",
        &choices,
    )?;
    if let Some((.., names)) = OFFERS.get(index) {
        return Ok(regions_of(names));
    }
    let all: Vec<Region> = Region::all().collect();
    let names: Vec<String> = all.iter().map(ToString::to_string).collect();
    let chosen = prompt_many(
        "Regions (space to choose, enter to go on)",
        &names,
        &vec![false; names.len()],
    )?;
    Ok(chosen.into_iter().map(|index| all[index].clone()).collect())
}

/// A short profile: only what was chosen; the README points to the one with every key.
fn profile_text(choice: &Choice) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let regions: Vec<String> = choice
        .regions
        .iter()
        .map(|region| quoted(region.as_str()))
        .collect();
    format!(
        "# A dsline profile; profiles/default.toml in the source describes every key.\n\
         name = {}\nregions = [{}]\n\n[dns]\nhost = {}\n{}\n[upstream]\nbase_url = {}\nkey = {{ env = {} }}\n",
        quoted(choice.name.as_str()),
        regions.join(", "),
        quoted(&choice.host),
        if choice.public_certificate {
            "\n[certificate]\nissuer = \"acme\"\n"
        } else {
            ""
        },
        quoted(&choice.upstream),
        quoted(&choice.key_env),
    )
}

fn explain(printer: &Printer, path: &Path, secret: &Path, is_new: bool) {
    printer.line(format!("wrote {}", path.display()));
    if is_new {
        printer.line(format!("made the line secret {}", secret.display()));
        printer.line("Back it up: every key of the line comes from it, and nobody can bring it back. A second");
        printer.line("operator, or a machine that runs dsline for you, needs a copy of that file.");
    } else {
        printer.line(format!("kept the line secret {}", secret.display()));
    }
}

fn advise(printer: &Printer, choice: &Choice, prices: &Prices) {
    let names: Vec<&str> = choice.regions.iter().map(Region::as_str).collect();
    printer.line(format!(
        "one {} in each region costs {} a month at on-demand price; `dsline plan` tells it item by item",
        Profile::default().nodes.instance_types[0],
        month_of(&names, prices)
    ));
    printer.line(format!(
        "next: set {} and run `dsline plan`, then `dsline up`",
        choice.key_env
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::CertificateIssuer;

    #[test]
    fn every_offer_makes_a_valid_profile() {
        for (title, _, names) in OFFERS {
            let choice = Choice {
                name: "home".parse().unwrap(),
                regions: regions_of(names),
                host: "llm.example.com".to_owned(),
                public_certificate: true,
                upstream: "https://api.deepseek.com".to_owned(),
                key_env: "KEY".to_owned(),
            };
            let profile = Profile::parse(&profile_text(&choice)).unwrap();
            assert_eq!(profile.regions, choice.regions, "{title}");
            assert_eq!(profile.certificate.issuer, CertificateIssuer::Acme);
        }
    }

    #[test]
    fn offers_are_priced() {
        let months = OFFERS.map(|(.., names)| month_of(names, &Prices::shipped()).to_string());
        assert_eq!(months, ["$11.88", "$24.56", "$38.61"]);
    }
}
