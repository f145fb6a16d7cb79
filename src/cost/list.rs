//! What AWS's own price list said on a day, kept in a file: newer prices for those that this program came with.

use serde::{Deserialize, Serialize};

use crate::line::{Priced, Quote};

use super::price::{InstancePrice, Price, Prices, VolumePrice};
use super::usd::Usd;

/// Prices of some instance types and regions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceList {
    /// The day on which the newest of them was read.
    pub date: String,
    address: Option<Price>,
    #[serde(default)]
    instance: Vec<InstancePrice>,
    #[serde(default)]
    volume: Vec<VolumePrice>,
}

impl PriceList {
    /// The list of a day, in `2026-11-23`'s form. Addresses cost the same everywhere; should they not, the dearest counts.
    ///
    /// # Errors
    /// A quote that is no amount in dollars.
    pub fn of(quotes: &[Quote], date: &str) -> Result<Self, String> {
        let mut list = Self {
            date: date.to_owned(),
            ..Self::default()
        };
        for quote in quotes {
            let price = Price {
                price: dollars(&quote.dollars)?,
                source: format!("AWS price list, {date}"),
                estimate: false,
            };
            let region = quote.region.clone();
            match &quote.priced {
                Priced::Instance(kind) => list.instance.push(InstancePrice {
                    kind: kind.clone(),
                    region,
                    price,
                }),
                Priced::Volume => list.volume.push(VolumePrice { region, price }),
                Priced::Address => {
                    let known = list.address.take();
                    let dearest = known.into_iter().chain([price]);
                    list.address = dearest.max_by_key(|price| price.price);
                }
            }
        }
        Ok(list)
    }

    /// Reads a file that was written by [`PriceList::to_toml`].
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// As a file, with its own first line.
    pub fn to_toml(&self) -> String {
        let rows = toml::to_string(self).expect("a list is made of texts");
        format!(
            "# Written by `dsline prices refresh`; without this file, dsline's own prices count.\n{rows}"
        )
    }

    /// This list, and of an older one what this one does not have.
    #[must_use]
    pub fn over(mut self, older: Self) -> Self {
        for row in older.instance {
            if !self
                .instance
                .iter()
                .any(|own| own.is_for(&row.region, &row.kind))
            {
                self.instance.push(row);
            }
        }
        for row in older.volume {
            if !self.volume.iter().any(|own| own.region == row.region) {
                self.volume.push(row);
            }
        }
        self.address = self.address.or(older.address);
        self
    }
}

impl Prices {
    /// With what a list says, unless the list is older than these prices.
    #[must_use]
    pub fn updated(mut self, list: PriceList) -> Self {
        if list.date < self.date {
            return self;
        }
        let own = PriceList {
            date: self.date,
            address: Some(self.address.clone()),
            instance: self.instance,
            volume: self.volume,
        };
        let PriceList {
            date,
            address,
            instance,
            volume,
        } = list.over(own);
        self.date = date;
        self.address = address.unwrap_or(self.address);
        self.instance = instance;
        self.volume = volume;
        self
    }
}

/// AWS writes ten digits behind the point, of which the last four are noughts.
fn dollars(text: &str) -> Result<Usd, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = part.trim_end_matches('0');
    format!("{whole}.{part}").parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(region: &str, priced: Priced, dollars: &str) -> Quote {
        Quote {
            region: region.parse().unwrap(),
            priced,
            dollars: dollars.to_owned(),
        }
    }

    fn list(date: &str) -> PriceList {
        let kind = || Priced::Instance("t3.micro".to_owned());
        let quotes = [
            quote("eu-west-1", kind(), "0.0120000000"),
            quote("sa-east-1", kind(), "0.0168000000"),
            quote("sa-east-1", Priced::Volume, "0.1520000000"),
            quote("eu-west-1", Priced::Address, "0.0050000000"),
            quote("sa-east-1", Priced::Address, "0.0060000000"),
        ];
        PriceList::of(&quotes, date).unwrap()
    }

    fn hour(prices: &Prices, region: &str) -> String {
        let price = prices
            .instance(&region.parse().unwrap(), "t3.micro")
            .unwrap();
        format!(
            "{} {} {}",
            price.price.exact(),
            price.source,
            price.estimate
        )
    }

    #[test]
    fn a_newer_list_replaces_what_it_has_and_nothing_else() {
        let prices = Prices::shipped().updated(list("2099-01-02"));
        assert_eq!(
            hour(&prices, "eu-west-1"),
            "0.012 AWS price list, 2099-01-02 false"
        );
        assert_eq!(
            hour(&prices, "sa-east-1"),
            "0.0168 AWS price list, 2099-01-02 false"
        );
        assert_eq!(
            hour(&prices, "us-east-1"),
            hour(&Prices::shipped(), "us-east-1")
        );
        let volume = prices.volume(&"sa-east-1".parse().unwrap());
        assert_eq!(volume.price.exact(), "0.152");
        assert_eq!(prices.address.price.exact(), "0.006");
        assert_eq!(prices.date, "2099-01-02");
    }

    #[test]
    fn a_list_older_than_the_program_says_nothing() {
        let prices = Prices::shipped().updated(list("2001-01-02"));
        assert_eq!(
            hour(&prices, "eu-west-1"),
            hour(&Prices::shipped(), "eu-west-1")
        );
        assert_eq!(prices.date, Prices::shipped().date);
    }

    #[test]
    fn a_file_is_read_as_it_was_written_and_keeps_older_rows() {
        let older = list("2098-01-02");
        assert_eq!(PriceList::parse(&older.to_toml()), Ok(older.clone()));
        let one = [quote("eu-west-1", Priced::Volume, "0.088")];
        let both = PriceList::of(&one, "2099-01-02")
            .unwrap()
            .over(older.clone());
        assert_eq!(both.instance, older.instance);
        assert_eq!((both.volume.len(), both.date.as_str()), (2, "2099-01-02"));
        assert_eq!(both.clone().over(older), both);
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for wrong in ["", "free", "0.00000001"] {
            let quotes = [quote("eu-west-1", Priced::Volume, wrong)];
            assert!(PriceList::of(&quotes, "2099-01-02").is_err(), "{wrong}");
        }
    }
}
