//! Reads what `aws route53 list-resource-record-sets` prints: any zone's records, not only a line's.

use std::error::Error;
use std::fmt;

use serde::Deserialize;

use crate::line::{
    AliasTarget, Failover, RecordSet, RecordType, RecordValue, Routing, place_of, plain_name,
};

/// Why a list of records cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadListing {
    /// What is wrong, and at which record.
    pub message: String,
}

impl fmt::Display for BadListing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for BadListing {}

// Fields that are not named are passed over: AWS adds some now and then.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    resource_record_sets: Vec<Listed>,
    #[serde(default)]
    is_truncated: bool,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: String,
    r#type: String,
    set_identifier: Option<String>,
    weight: Option<i64>,
    failover: Option<String>,
    geo_location: Option<Location>,
    multi_value_answer: Option<bool>,
    region: Option<String>,
    cidr_routing_config: Option<serde_json::Value>,
    geo_proximity_location: Option<serde_json::Value>,
    #[serde(rename = "TTL")]
    ttl: Option<u32>,
    resource_records: Option<Vec<Value>>,
    alias_target: Option<Target>,
    health_check_id: Option<String>,
}

#[derive(Deserialize)]
struct Location {
    #[serde(rename = "ContinentCode")]
    continent: Option<String>,
    #[serde(rename = "CountryCode")]
    country: Option<String>,
    #[serde(rename = "SubdivisionCode")]
    subdivision: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Value {
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    #[serde(rename = "DNSName")]
    dns_name: String,
    hosted_zone_id: String,
    evaluate_target_health: bool,
}

/// Reads a whole zone's records.
pub fn read_listing(text: &str) -> Result<Vec<RecordSet>, BadListing> {
    let listing: Listing = serde_json::from_str(text).map_err(|error| BadListing {
        message: format!(
            "not the JSON that `aws route53 list-resource-record-sets` prints: {error}"
        ),
    })?;
    if listing.is_truncated || listing.next_token.is_some() {
        let message = "the list is cut short (`IsTruncated` or `NextToken`): the records that are missing may decide the answer";
        return Err(BadListing {
            message: message.to_owned(),
        });
    }
    let mut records: Vec<RecordSet> = Vec::with_capacity(listing.resource_record_sets.len());
    for (index, listed) in listing.resource_record_sets.into_iter().enumerate() {
        let place = format!(
            "record set {} ({} {})",
            index + 1,
            listed.name,
            listed.r#type
        );
        let record = record_of(listed).map_err(|why| BadListing {
            message: format!("{place}: {why}"),
        })?;
        if records.iter().any(|other| other.key() == record.key()) {
            return Err(BadListing {
                message: format!("{place}: it is listed twice"),
            });
        }
        records.push(record);
    }
    Ok(records)
}

fn record_of(listed: Listed) -> Result<RecordSet, String> {
    let routing = routing_of(&listed)?;
    match (&listed.set_identifier, &routing) {
        (Some(_), Routing::Simple) => {
            return Err("it has a `SetIdentifier`, but no routing policy".to_owned());
        }
        (None, Routing::Simple) | (Some(_), _) => {}
        (None, _) => return Err("it has a routing policy, but no `SetIdentifier`".to_owned()),
    }
    Ok(RecordSet {
        name: plain_name(&listed.name),
        kind: RecordType::named(&listed.r#type),
        set_identifier: listed.set_identifier,
        routing,
        value: value_of(listed.ttl, listed.resource_records, listed.alias_target)?,
        health_check: listed.health_check_id,
    })
}

fn value_of(
    ttl: Option<u32>,
    values: Option<Vec<Value>>,
    target: Option<Target>,
) -> Result<RecordValue, String> {
    let values = values.filter(|values| !values.is_empty());
    match (target, values) {
        (Some(target), None) => Ok(RecordValue::Alias(AliasTarget {
            name: plain_name(&target.dns_name),
            zone_id: target.hosted_zone_id,
            evaluates_health: target.evaluate_target_health,
        })),
        (None, Some(values)) => Ok(RecordValue::Values {
            ttl: ttl.ok_or("it has values, but no `TTL`")?,
            values: values.into_iter().map(|value| value.value).collect(),
        }),
        (Some(_), Some(_)) => Err("it has both `ResourceRecords` and an `AliasTarget`".to_owned()),
        (None, None) => Err("it has neither `ResourceRecords` nor an `AliasTarget`".to_owned()),
    }
}

fn routing_of(listed: &Listed) -> Result<Routing, String> {
    let weight = listed.weight.map(|weight| match u8::try_from(weight) {
        Ok(weight) => Ok(Routing::Weighted(weight)),
        Err(_) => Err(format!("its weight of {weight} is outside 0 to 255")),
    });
    let failover = listed.failover.as_deref().map(|half| match half {
        "PRIMARY" => Ok(Routing::Failover(Failover::Primary)),
        "SECONDARY" => Ok(Routing::Failover(Failover::Secondary)),
        other => Err(format!("`{other}` is neither PRIMARY nor SECONDARY")),
    });
    let location = listed.geo_location.as_ref().map(|location| {
        let place = place_of(
            location.continent.as_deref(),
            location.country.as_deref(),
            location.subdivision.as_deref(),
        );
        // Route 53 may know a place that this program does not; only a question that it decides is refused.
        Ok(place.map_or_else(
            |why| Routing::Other(format!("geolocation: {why}")),
            Routing::Geolocation,
        ))
    });
    let is_multivalue = listed.multi_value_answer == Some(true);
    let multivalue = is_multivalue.then_some(Ok(Routing::Multivalue));
    let other = |is_there: bool, what: &str| is_there.then(|| Ok(Routing::Other(what.to_owned())));
    let policies = [
        weight,
        failover,
        location,
        multivalue,
        other(listed.region.is_some(), "latency"),
        other(listed.cidr_routing_config.is_some(), "the asker's network"),
        other(listed.geo_proximity_location.is_some(), "geoproximity"),
    ];
    let mut policies = policies.into_iter().flatten();
    let policy = policies.next().unwrap_or(Ok(Routing::Simple));
    if policies.next().is_some() {
        return Err("it has more than one routing policy".to_owned());
    }
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(fields: &str) -> Result<RecordSet, String> {
        let text = format!(
            r#"{{"ResourceRecordSets": [{{"Name": "WWW.Example.com.", "Type": "A", {fields}}}], "Unknown": 1}}"#
        );
        let mut records = read_listing(&text).map_err(|error| error.message)?;
        Ok(records.remove(0))
    }

    const VALUES: &str = r#""TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}], "New": {}"#;

    #[test]
    fn every_routing_is_read() {
        let routing = |fields: &str| {
            one(&format!(r#""SetIdentifier": "x", {fields}, {VALUES}"#))
                .unwrap()
                .routing
        };
        let place = |text: &str| Routing::Geolocation(text.parse().unwrap());
        assert_eq!(routing(r#""Weight": 0"#), Routing::Weighted(0));
        assert_eq!(
            routing(r#""Failover": "SECONDARY""#),
            Routing::Failover(Failover::Secondary)
        );
        assert_eq!(
            routing(r#""GeoLocation": {"CountryCode": "*"}"#),
            place("*")
        );
        assert_eq!(
            routing(r#""GeoLocation": {"CountryCode": "US", "SubdivisionCode": "CA"}"#),
            place("NA-US-CA")
        );
        assert_eq!(
            routing(r#""GeoLocation": {"CountryCode": "JP"}"#),
            place("AS-JP")
        );
        assert_eq!(routing(r#""MultiValueAnswer": true"#), Routing::Multivalue);
        assert_eq!(
            routing(r#""Region": "eu-west-1""#),
            Routing::Other("latency".to_owned())
        );
        let simple = one(VALUES).unwrap();
        assert_eq!(
            (simple.name.as_str(), simple.routing),
            ("www.example.com", Routing::Simple)
        );
    }

    #[test]
    fn what_matters_is_insisted_on_and_the_place_is_told() {
        let refusal = |fields: &str| one(fields).unwrap_err();
        assert_eq!(
            refusal(r#""TTL": 60"#),
            "record set 1 (WWW.Example.com. A): it has neither `ResourceRecords` nor an `AliasTarget`"
        );
        assert!(refusal(&format!(r#""Weight": 1, {VALUES}"#)).contains("no `SetIdentifier`"));
        assert!(
            refusal(&format!(r#""SetIdentifier": "x", {VALUES}"#)).contains("no routing policy")
        );
        assert!(
            refusal(&format!(r#""SetIdentifier": "x", "Weight": 256, {VALUES}"#))
                .contains("outside 0 to 255")
        );
        assert!(
            refusal(&format!(
                r#""SetIdentifier": "x", "Weight": 1, "Failover": "PRIMARY", {VALUES}"#
            ))
            .contains("more than one routing policy")
        );
        let alias = r#""AliasTarget": {"DNSName": "x.example.com.", "HostedZoneId": "Z1"}"#;
        assert!(refusal(alias).contains("EvaluateTargetHealth"));
        let cut = r#"{"ResourceRecordSets": [], "NextToken": "x"}"#;
        assert!(read_listing(cut).unwrap_err().message.contains("cut short"));
        assert!(
            read_listing("[]")
                .unwrap_err()
                .message
                .starts_with("not the JSON")
        );
    }
}
