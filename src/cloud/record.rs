//! Translates record sets between Route 53's words and a line's.

use aws_sdk_route53::types::{
    AliasTarget as WireAlias, GeoLocation, ResourceRecord, ResourceRecordSet,
    ResourceRecordSetFailover, RrType,
};

use crate::line::{
    AliasTarget, Country, Failover, Place, RecordSet, RecordType, RecordValue, Routing, place_of,
    plain_name,
};

/// A record as Route 53 lists it, in a line's words.
pub(super) fn record_of(wire: &ResourceRecordSet) -> RecordSet {
    let value = match wire.alias_target() {
        Some(alias) => RecordValue::Alias(AliasTarget {
            name: plain_name(alias.dns_name()),
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
        name: plain_name(wire.name()),
        kind: RecordType::named(wire.r#type().as_str()),
        set_identifier: wire.set_identifier().map(str::to_owned),
        routing: routing_of(wire),
        value,
        health_check: wire.health_check_id().map(str::to_owned),
    }
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
        _ if wire.multi_value_answer() == Some(true) => Routing::Multivalue,
        _ if wire.set_identifier().is_some() => Routing::Other("latency or another".to_owned()),
        _ => Routing::Simple,
    }
}

fn geolocation(location: &GeoLocation) -> Routing {
    let place = place_of(
        location.continent_code(),
        location.country_code(),
        location.subdivision_code(),
    );
    match place {
        Ok(place) => Routing::Geolocation(place),
        Err(why) => Routing::Other(format!("geolocation: {why}")),
    }
}

fn wire_location(place: Place) -> GeoLocation {
    let location = GeoLocation::builder();
    let country = |country: Country| country.code().to_owned();
    match place {
        Place::Continent(continent) => location.continent_code(continent.code()),
        Place::Everyone => location.country_code("*"),
        Place::Country(_) | Place::State(_) => {
            let location = location.set_country_code(place.country().map(country));
            match place {
                Place::State(state) => location.subdivision_code(state.code()),
                _ => location,
            }
        }
    }
    .build()
}

/// A record in Route 53's words.
pub(super) fn resource_record_set(record: &RecordSet) -> ResourceRecordSet {
    let wire = ResourceRecordSet::builder()
        .name(&record.name)
        .r#type(RrType::from(record.kind.name()))
        .set_set_identifier(record.set_identifier.clone())
        .set_health_check_id(record.health_check.clone());
    let wire = match &record.routing {
        Routing::Weighted(weight) => wire.weight(i64::from(*weight)),
        Routing::Failover(Failover::Primary) => wire.failover(ResourceRecordSetFailover::Primary),
        Routing::Failover(Failover::Secondary) => {
            wire.failover(ResourceRecordSetFailover::Secondary)
        }
        Routing::Geolocation(place) => wire.geo_location(wire_location(*place)),
        Routing::Multivalue => wire.multi_value_answer(true),
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
            record(Routing::Geolocation("AS-JP".parse().unwrap()), values()),
            record(Routing::Geolocation("NA-US-CA".parse().unwrap()), values()),
            record(Routing::Multivalue, values()),
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
        assert_eq!(plain_name("\\052.Example.COM."), "*.example.com");
    }
}
