//! What AWS's own price list says of the parts of a line.

use aws_sdk_pricing::types::{Filter, FilterType};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use crate::line::{Priced, Quote, Region};

use super::failure::{Failure, FailureKind};
use super::sdk_error::failure;
use super::session::Cloud;

const CALL: &str = "pricing:GetProducts";
/// The list is asked in one place for all regions.
const PLACE: &str = "us-east-1";
/// Questions under way at a time.
const AT_ONCE: usize = 4;

impl Cloud {
    /// The on-demand price of each part in each region; what the list does not know is left out.
    pub async fn quotes(
        &self,
        regions: &[Region],
        parts: &[Priced],
    ) -> Result<Vec<Quote>, Failure> {
        let list = self.price_list();
        let asked = regions
            .iter()
            .flat_map(|region| parts.iter().map(move |part| (region, part)));
        let quotes: Vec<Option<Quote>> = stream::iter(asked)
            .map(|(region, part)| quote(&list, region, part))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(quotes.into_iter().flatten().collect())
    }
}

async fn quote(
    list: &aws_sdk_pricing::Client,
    region: &Region,
    part: &Priced,
) -> Result<Option<Quote>, Failure> {
    let (service, attributes) = question(part);
    let place = [("regionCode", region.as_str())];
    let filters = attributes.iter().chain(&place).map(|(field, value)| {
        Filter::builder()
            .r#type(FilterType::TermMatch)
            .field(*field)
            .value(*value)
            .build()
            .expect("all three are given")
    });
    let pages: Vec<String> = list
        .get_products()
        .service_code(service)
        .set_filters(Some(filters.collect()))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(failure(CALL, PLACE))?;
    let mut dollars = None;
    for product in &pages {
        let product: Value = serde_json::from_str(product).map_err(|error| {
            let what = format!("a product of the list cannot be read: {error}");
            Failure::new(CALL, PLACE, FailureKind::Other(what))
        })?;
        dollars = dollars.or_else(|| on_demand(&product, part));
    }
    Ok(dollars.map(|dollars| Quote {
        region: region.clone(),
        priced: part.clone(),
        dollars,
    }))
}

/// The service that sells a part, and the attributes that tell it from others (AWS Billing user guide, "Finding
/// services and products").
fn question(part: &Priced) -> (&'static str, Vec<(&'static str, &str)>) {
    match part {
        Priced::Instance(kind) => (
            "AmazonEC2",
            vec![
                ("instanceType", kind.as_str()),
                ("operatingSystem", "Linux"),
                ("tenancy", "Shared"),
                ("preInstalledSw", "NA"),
                // The list also has instances in a capacity reservation, at no price of their own.
                ("capacitystatus", "Used"),
            ],
        ),
        Priced::Volume => (
            "AmazonEC2",
            vec![("productFamily", "Storage"), ("volumeApiName", "gp3")],
        ),
        Priced::Address => ("AmazonVPC", vec![("group", "VPCPublicIPv4Address")]),
    }
}

/// The first price of a product's on-demand terms, if the product is the part at all.
fn on_demand(product: &Value, part: &Priced) -> Option<String> {
    let usage = product["product"]["attributes"]["usagetype"].as_str();
    let is_other_address = *part == Priced::Address && !usage?.ends_with("PublicIPv4:InUseAddress");
    if is_other_address {
        return None;
    }
    let terms = product["terms"]["OnDemand"].as_object()?.values();
    let prices = terms.filter_map(|term| term["priceDimensions"].as_object());
    let dimension = prices
        .flat_map(|prices| prices.values())
        .find(|dimension| {
            // Of a price by steps, the first is what a line pays.
            dimension["beginRange"] == "0"
        })?;
    let dollars = dimension["pricePerUnit"]["USD"].as_str()?;
    Some(dollars.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn product(usage: &str, steps: &[(&str, &str)]) -> Value {
        let dimensions: serde_json::Map<String, Value> = steps
            .iter()
            .map(|(begin, dollars)| {
                let step = json!({ "beginRange": begin, "unit": "Hrs", "pricePerUnit": { "USD": dollars } });
                (format!("SKU.{begin}"), step)
            })
            .collect();
        json!({
            "product": { "attributes": { "usagetype": usage } },
            "terms": { "OnDemand": { "SKU.TERM": { "priceDimensions": dimensions } } },
        })
    }

    #[test]
    fn the_first_step_of_the_right_product_is_its_price() {
        let idle = product("EU-PublicIPv4:IdleAddress", &[("0", "0.0050000000")]);
        let used = product("EU-PublicIPv4:InUseAddress", &[("0", "0.0050000000")]);
        let steps = product("EU-EBS:VolumeUsage.gp3", &[("100", "0.07"), ("0", "0.088")]);
        let none = json!({ "product": { "attributes": { "usagetype": "x" } }, "terms": { "Reserved": {} } });
        assert_eq!(on_demand(&idle, &Priced::Address), None);
        assert_eq!(on_demand(&used, &Priced::Address).unwrap(), "0.0050000000");
        assert_eq!(on_demand(&steps, &Priced::Volume).unwrap(), "0.088");
        assert_eq!(on_demand(&none, &Priced::Volume), None);
    }
}
