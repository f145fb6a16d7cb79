//! Translates record sets between Route 53's words and a line's.

use aws_sdk_route53::types::{
    AliasTarget as WireAlias, GeoLocation, ResourceRecord, ResourceRecordSet,
    ResourceRecordSetFailover, RrType,
};

use crate::line::{AliasTarget, Failover, Place, RecordSet, RecordType, RecordValue, Routing};

/// A record as Route 53 lists it, in a line's words.
pub(super) fn record_of(wire: &ResourceRecordSet) -> RecordSet {
    let kind = match wire.r#type() {
        RrType::A => RecordType::A,
        RrType::Aaaa => RecordType::Aaaa,
        other => RecordType::Other(other.as_str().to_owned()),
    };
    let value = match wire.alias_target() {
        Some(alias) => RecordValue::Alias(AliasTarget {
            name: plain(alias.dns_name()),
            zone_id: alias.hosted_zone_id().to_owned(),
            evaluates_health: alias.evaluate_target_health(),
        }),
        None => RecordValue::Values {
            ttl: wire
                .ttl()
                .and_then(|ttl| u32::try_from(ttl).ok())
                .unwrap_or_default(),
            values: wire
                .resource_records()
                .iter()
                .map(|record| record.value().to_owned())
                .collect(),
        },
    };
    RecordSet {
        name: plain(wire.name()),
        kind,
        set_identifier: wire.set_identifier().map(str::to_owned),
        routing: routing_of(wire),
        value,
        health_check: wire.health_check_id().map(str::to_owned),
    }
}

/// Lower-case, without the trailing dot, `\052` read as `*`.
fn plain(name: &str) -> String {
    name.trim_end_matches('.')
        .to_lowercase()
        .replace("\\052", "*")
}

fn routing_of(wire: &ResourceRecordSet) -> Routing {
    if let Some(place) = wire.geo_location() {
        return geolocation(place);
    }
    if let Some(failover) = wire.failover() {
        return match failover {
            ResourceRecordSetFailover::Primary => Routing::Failover(Failover::Primary),
            ResourceRecordSetFailover::Secondary => Routing::Failover(Failover::Secondary),
            other => Routing::Other(format!("failover {}", other.as_str())),
        };
    }
    match wire.weight().map(u8::try_from) {
        Some(Ok(weight)) => Routing::Weighted(weight),
        _ if wire.set_identifier().is_some() => {
            Routing::Other("latency, multivalue or another".to_owned())
        }
        _ => Routing::Simple,
    }
}

fn geolocation(place: &GeoLocation) -> Routing {
    match (
        place.continent_code(),
        place.country_code(),
        place.subdivision_code(),
    ) {
        (Some(continent), ..) => match continent.parse() {
            Ok(continent) => Routing::Geolocation(Place::Continent(continent)),
            Err(_) => Routing::Other(format!("continent {continent}")),
        },
        (None, Some("*"), None) => Routing::Geolocation(Place::Everyone),
        (None, country, subdivision) => Routing::Other(format!(
            "country {} {}",
            country.unwrap_or_default(),
            subdivision.unwrap_or_default()
        )),
    }
}

/// A record in Route 53's words.
pub(super) fn resource_record_set(record: &RecordSet) -> ResourceRecordSet {
    let kind = match &record.kind {
        RecordType::A => RrType::A,
        RecordType::Aaaa => RrType::Aaaa,
        RecordType::Other(name) => RrType::from(name.as_str()),
    };
    let wire = ResourceRecordSet::builder()
        .name(&record.name)
        .r#type(kind)
        .set_set_identifier(record.set_identifier.clone())
        .set_health_check_id(record.health_check.clone());
    let wire = match &record.routing {
        Routing::Weighted(weight) => wire.weight(i64::from(*weight)),
        Routing::Failover(Failover::Primary) => wire.failover(ResourceRecordSetFailover::Primary),
        Routing::Failover(Failover::Secondary) => {
            wire.failover(ResourceRecordSetFailover::Secondary)
        }
        Routing::Geolocation(Place::Continent(continent)) => wire.geo_location(
            GeoLocation::builder()
                .continent_code(continent.code())
                .build(),
        ),
        Routing::Geolocation(Place::Everyone) => {
            wire.geo_location(GeoLocation::builder().country_code("*").build())
        }
        Routing::Simple | Routing::Other(_) => wire,
    };
    let wire = match &record.value {
        RecordValue::Values { ttl, values } => wire.ttl(i64::from(*ttl)).set_resource_records(
            Some(values.iter().map(|value| resource_record(value)).collect()),
        ),
        RecordValue::Alias(target) => wire.alias_target(alias(target)),
    };
    wire.build().expect("name and type are set")
}

fn resource_record(value: &str) -> ResourceRecord {
    ResourceRecord::builder()
        .value(value)
        .build()
        .expect("the value is set")
}

fn alias(target: &AliasTarget) -> WireAlias {
    let alias = WireAlias::builder()
        .dns_name(&target.name)
        .hosted_zone_id(&target.zone_id)
        .evaluate_target_health(target.evaluates_health);
    alias.build().expect("name, zone and health are set")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(routing: Routing, value: RecordValue) -> RecordSet {
        RecordSet {
            name: "llm.example.com".to_owned(),
            kind: RecordType::A,
            set_identifier: Some("dsline/home/x".to_owned()),
            routing,
            value,
            health_check: None,
        }
    }

    #[test]
    fn records_read_back_what_they_write() {
        let values = || RecordValue::Values {
            ttl: 60,
            values: vec!["198.51.100.7".to_owned()],
        };
        let target = AliasTarget {
            name: "eu-west-1.llm.example.com".to_owned(),
            zone_id: "Z1".to_owned(),
            evaluates_health: true,
        };
        let records = [
            record(Routing::Weighted(100), values()),
            record(
                Routing::Failover(Failover::Primary),
                RecordValue::Alias(target.clone()),
            ),
            record(Routing::Failover(Failover::Secondary), values()),
            record(
                Routing::Geolocation(Place::Everyone),
                RecordValue::Alias(target),
            ),
            RecordSet {
                set_identifier: None,
                ..record(Routing::Simple, values())
            },
        ];
        for one in records {
            assert_eq!(record_of(&resource_record_set(&one)), one);
        }
    }

    #[test]
    fn route_53s_spelling_is_normalised() {
        assert_eq!(plain("\\052.Example.COM."), "*.example.com");
    }
}
