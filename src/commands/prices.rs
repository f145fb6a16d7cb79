//! `dsline prices`

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use serde_json::json;

use crate::cloud::Cloud;
use crate::cost::{PriceList, Prices};
use crate::line::{Hint as _, Priced, Profile, Region};
use crate::operator::{Environment, price_file, read_prices, write_prices};
use crate::output::{self, Printer};

use super::global::Global;
use super::outcome::Outcome;

/// Show what AWS asks for the parts of a line, with dates and sources.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "dsline came with these prices; an estimate is marked as one. `dsline prices refresh` replaces those of the \
                  profile's regions by what AWS says today, which needs `pricing:GetProducts`."
)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Ask AWS's price list, and keep what it says
    Refresh(RefreshArgs),
}

#[derive(Debug, clap::Args)]
struct RefreshArgs {
    /// Regions to ask for, instead of the profile's
    #[arg(long, value_delimiter = ',', value_name = "REGION,...")]
    regions: Vec<Region>,
}

/// Shows prices, or asks for newer ones.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    match &args.what {
        None => {
            let prices = prices(environment)?;
            output::prices(printer, &prices);
            printer.document(&json!({ "date": prices.date, "prices": prices.rows() }))?;
        }
        Some(What::Refresh(refresh)) => {
            let mut profile = global.profile(environment)?.profile;
            if !refresh.regions.is_empty() {
                profile.regions.clone_from(&refresh.regions);
            }
            renew(&profile, environment, printer).await?;
        }
    }
    Ok(Outcome::Done)
}

/// The prices that count: dsline's own, and those of the file where it has newer ones.
pub(super) fn prices(environment: &Environment) -> Result<Prices> {
    let list = kept(environment)?;
    Ok(match list {
        Some(list) => Prices::shipped().updated(list),
        None => Prices::shipped(),
    })
}

fn kept(environment: &Environment) -> Result<Option<PriceList>> {
    let Some(text) = read_prices(environment)? else {
        return Ok(None);
    };
    let list = PriceList::parse(&text).map_err(|wrong| {
        let path = price_file(environment);
        anyhow!("{} is no list of prices: {wrong}", path.display())
    });
    list.map(Some)
        .hint("remove the file, and `dsline prices refresh` writes it anew")
}

async fn renew(profile: &Profile, environment: &Environment, printer: &Printer) -> Result<()> {
    let older = kept(environment)?.unwrap_or_default();
    let before = prices(environment)?;
    let kinds = profile.nodes.instance_types.iter();
    let mut parts: Vec<Priced> = kinds.map(|kind| Priced::Instance(kind.clone())).collect();
    parts.extend([Priced::Volume, Priced::Address]);
    let quotes = Cloud::open().await.quotes(&profile.regions, &parts).await;
    let quotes = quotes.map_err(anyhow::Error::from).hint(
        "nothing was changed; dsline's own prices count meanwhile (the credentials need pricing:GetProducts)",
    )?;
    let today = Timestamp::now().strftime("%Y-%m-%d").to_string();
    let told = PriceList::of(&quotes, &today).map_err(|wrong| anyhow!(wrong))?;
    let list = told.over(older);
    let path = write_prices(environment, &list.to_toml())?;
    let after = Prices::shipped().updated(list);
    let known: BTreeSet<_> = quotes
        .iter()
        .map(|one| (&one.region, &one.priced))
        .collect();
    let missing: Vec<String> = profile
        .regions
        .iter()
        .flat_map(|region| parts.iter().map(move |part| (region, part)))
        .filter(|asked| !known.contains(asked))
        .map(|(region, part)| format!("{} in {region}", name_of(part)))
        .collect();
    output::refreshed(printer, &before, &after, &missing);
    printer.note(format!("wrote {}", path.display()));
    let document = json!({
        "file": path, "date": after.date, "missing": missing, "prices": after.rows(),
    });
    printer.document(&document)
}

fn name_of(part: &Priced) -> &str {
    match part {
        Priced::Instance(kind) => kind,
        Priced::Volume => "gp3",
        Priced::Address => "public IPv4",
    }
}
