//! Prices as dated data, each with its source.

use serde::{Deserialize, Serialize, Serializer};

use crate::line::Region;

use super::usd::Usd;

/// Hours of a month, as AWS reckons it.
pub const HOURS: u64 = 730;

/// The prices of a day.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The day.
    pub date: String,
    pub(super) instance: Vec<InstancePrice>,
    pub(super) volume: Vec<VolumePrice>,
    /// A public IPv4 address, by the hour.
    pub address: Price,
    /// A hosted zone, by the month.
    pub zone: Price,
    /// A million geolocation queries.
    pub queries: Price,
    /// A health check, by the month.
    pub check: Price,
    /// An option of a health check, by the month.
    pub check_option: Price,
    /// A health check of a machine outside AWS, by the month.
    pub check_elsewhere: Price,
    /// An option of such a check, by the month.
    pub check_option_elsewhere: Price,
    /// A GB of traffic out.
    pub traffic: Price,
}

/// One price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Dollars for one unit, written to the last millionth.
    #[serde(serialize_with = "exactly")]
    pub price: Usd,
    /// Where it is from.
    pub source: String,
    /// Whether it was not verified.
    #[serde(default)]
    pub estimate: bool,
}

/// An instance type's hour in a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InstancePrice {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) region: Region,
    #[serde(flatten)]
    pub(super) price: Price,
}

impl InstancePrice {
    pub(super) fn is_for(&self, region: &Region, kind: &str) -> bool {
        self.region == *region && self.kind == kind
    }
}

/// A region's GB of gp3 for a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VolumePrice {
    pub(super) region: Region,
    #[serde(flatten)]
    pub(super) price: Price,
}

/// A price as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What costs it.
    pub what: String,
    /// Where; `None` for what costs the same everywhere.
    pub region: Option<Region>,
    /// For which unit.
    pub unit: &'static str,
    /// The price.
    #[serde(flatten)]
    pub price: Price,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's `serialize_with` wants it so"
)]
fn exactly<S: Serializer>(price: &Usd, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&price.exact())
}

impl Prices {
    /// The prices that this program came with.
    pub fn shipped() -> Self {
        Self::parse(include_str!("prices.toml")).expect("a test reads them")
    }

    /// Reads a price file.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// Every price, those of regions first.
    pub fn rows(&self) -> Vec<Row> {
        let row = |what: &str, region: Option<&Region>, unit, price: &Price| Row {
            what: what.to_owned(),
            region: region.cloned(),
            unit,
            price: price.clone(),
        };
        let instances = self.instance.iter();
        let volumes = self.volume.iter();
        let mut rows: Vec<Row> = instances
            .map(|of| row(&of.kind, Some(&of.region), "hour", &of.price))
            .chain(volumes.map(|of| row("gp3", Some(&of.region), "GB and month", &of.price)))
            .collect();
        rows.sort_by(|a, b| (&a.region, &a.what).cmp(&(&b.region, &b.what)));
        rows.extend([
            row("public IPv4", None, "hour", &self.address),
            row("hosted zone", None, "month", &self.zone),
            row("geolocation queries", None, "million", &self.queries),
            row("health check", None, "month", &self.check),
            row(
                "option of a health check",
                None,
                "month",
                &self.check_option,
            ),
            row(
                "health check outside AWS",
                None,
                "month",
                &self.check_elsewhere,
            ),
            row(
                "option of a check outside AWS",
                None,
                "month",
                &self.check_option_elsewhere,
            ),
            row("traffic out", None, "GB", &self.traffic),
        ]);
        rows
    }

    /// An instance type by the hour; `None` for a type that no region has a price of.
    pub fn instance(&self, region: &Region, kind: &str) -> Option<Price> {
        let of_type = self.instance.iter().filter(|row| row.kind == kind);
        let rows = of_type.map(|row| (&row.region, &row.price));
        known_or_estimated(region, rows)
    }

    /// A GB of a volume by the month.
    pub fn volume(&self, region: &Region) -> Price {
        let rows = self.volume.iter().map(|row| (&row.region, &row.price));
        known_or_estimated(region, rows).expect("a test finds volumes among the prices")
    }
}

/// A region's price, or, where none is on record, three tenths more than the dearest: that covers the dearest of AWS's
/// regions, and a ceiling should rather hold too early than too late.
fn known_or_estimated<'a>(
    region: &Region,
    rows: impl Iterator<Item = (&'a Region, &'a Price)> + Clone,
) -> Option<Price> {
    if let Some((_, price)) = rows.clone().find(|(of, _)| *of == region) {
        return Some(price.clone());
    }
    let (of, dearest) = rows.max_by_key(|(_, price)| price.price)?;
    Some(Price {
        price: dearest.price.share(13, 10),
        source: format!("{of} and 30 % more, since no price of {region} is on record"),
        estimate: true,
    })
}
