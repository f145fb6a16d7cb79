//! Hosted zones and their records; every call waits for its turn under Route 53's limit.

use aws_sdk_route53::types::{HostedZone, ResourceRecordSet, RrType};

use crate::line::{HealthCheck, LineName, RecordSet, ZoneView};

use super::failure::{Failure, FailureKind};
use super::record::record_of;
use super::sdk_error::failure;
use super::session::Cloud;

/// Where Route 53's failures happen.
pub(super) const PLACE: &str = "Route 53";

/// A hosted zone; public wherever nothing else is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its id, without `/hostedzone/`.
    pub id: String,
    /// Its name, without the trailing dot.
    pub name: String,
}

impl Cloud {
    /// The zone that a host name lies in: the given one, by id or name, or the one that fits best.
    pub async fn find_zone(&self, host: &str, zone: &str) -> Result<Zone, Failure> {
        let bare = zone.trim_start_matches("/hostedzone/");
        let looks_like_id = !bare.contains('.') && bare.starts_with('Z') && bare.len() > 8;
        let found = if looks_like_id || zone.starts_with("/hostedzone/") {
            self.zone_by_id(bare).await?
        } else {
            let name = zone.trim_end_matches('.').to_lowercase();
            let named = self.zones_named(&name).await?;
            if named.is_empty() {
                let (public, private) = self.zones_of_both_kinds().await?;
                choose(public, host, &name)
                    .map_err(|failure| blame(failure, &private, host, &name))?
            } else {
                choose(named, host, &name)?
            }
        };
        if is_within(host, &found.name) {
            Ok(found)
        } else {
            let kind = FailureKind::ForeignHost {
                host: host.to_owned(),
                zone: found.name,
            };
            Err(Failure::new("route53:GetHostedZone", PLACE, kind))
        }
    }

    async fn zone_by_id(&self, id: &str) -> Result<Zone, Failure> {
        self.limiter.turn().await;
        let answer = self
            .route53
            .get_hosted_zone()
            .id(id)
            .send()
            .await
            .map_err(failure("route53:GetHostedZone", PLACE))?;
        let zone = answer.hosted_zone().and_then(zone_of);
        zone.ok_or_else(|| {
            Failure::new(
                "route53:GetHostedZone",
                PLACE,
                FailureKind::NotFound(format!("{id} is no public hosted zone")),
            )
        })
    }

    /// The public zones of a name; none for an empty one.
    async fn zones_named(&self, name: &str) -> Result<Vec<Zone>, Failure> {
        if name.is_empty() {
            return Ok(Vec::new());
        }
        self.limiter.turn().await;
        // The list begins at the name and goes on with others, so zones of one name stand first in it.
        let page = self
            .route53
            .list_hosted_zones_by_name()
            .dns_name(name)
            .send()
            .await
            .map_err(failure("route53:ListHostedZonesByName", PLACE))?;
        let zones = page.hosted_zones().iter().filter_map(zone_of);
        Ok(zones.filter(|zone| zone.name == name).collect())
    }

    /// Every public zone of the account.
    pub async fn all_zones(&self) -> Result<Vec<Zone>, Failure> {
        Ok(self.zones_of_both_kinds().await?.0)
    }

    /// The account's public zones and its private ones, which only its own networks see.
    pub async fn zones_of_both_kinds(&self) -> Result<(Vec<Zone>, Vec<Zone>), Failure> {
        let (mut public, mut private) = (Vec::new(), Vec::new());
        let mut marker = None;
        loop {
            self.limiter.turn().await;
            let page = self
                .route53
                .list_hosted_zones()
                .set_marker(marker)
                .send()
                .await
                .map_err(failure("route53:ListHostedZones", PLACE))?;
            for wire in page.hosted_zones() {
                match zone_of(wire) {
                    Some(zone) => public.push(zone),
                    None => private.push(bare(wire)),
                }
            }
            marker = page.next_marker().map(str::to_owned);
            if !page.is_truncated() || marker.is_none() {
                return Ok((public, private));
            }
        }
    }

    /// The names of the servers that answer for a zone.
    pub async fn name_servers(&self, zone: &Zone) -> Result<Vec<String>, Failure> {
        self.limiter.turn().await;
        let answer = self
            .route53
            .get_hosted_zone()
            .id(&zone.id)
            .send()
            .await
            .map_err(failure("route53:GetHostedZone", PLACE))?;
        Ok(answer
            .delegation_set()
            .map(|set| set.name_servers().to_vec())
            .unwrap_or_default())
    }

    /// A zone with all its records and the line's health checks.
    pub async fn zone_view(&self, zone: &Zone, line: &LineName) -> Result<ZoneView, Failure> {
        let (records, checks): (
            Result<Vec<RecordSet>, Failure>,
            Result<Vec<HealthCheck>, Failure>,
        ) = tokio::join!(self.records(zone), self.checks(line));
        Ok(ZoneView {
            id: zone.id.clone(),
            name: zone.name.clone(),
            records: records?,
            checks: checks?,
        })
    }

    /// The TXT record of a name, in one call.
    pub async fn text_record(&self, zone: &Zone, name: &str) -> Result<Option<RecordSet>, Failure> {
        self.limiter.turn().await;
        let page = self
            .route53
            .list_resource_record_sets()
            .hosted_zone_id(&zone.id)
            .start_record_name(name)
            .start_record_type(RrType::Txt)
            .max_items(1)
            .send()
            .await
            .map_err(failure("route53:ListResourceRecordSets", PLACE))?;
        // The list begins there and goes on with whatever comes after, so the first may be another.
        let is_it = |wire: &&ResourceRecordSet| *wire.r#type() == RrType::Txt;
        let first = page.resource_record_sets().first().filter(is_it);
        Ok(first.map(record_of).filter(|record| record.name == name))
    }

    /// All records of a zone.
    pub async fn records(&self, zone: &Zone) -> Result<Vec<RecordSet>, Failure> {
        let mut records = Vec::new();
        let mut next: Option<(Option<String>, Option<RrType>, Option<String>)> =
            Some((None, None, None));
        while let Some((name, kind, identifier)) = next {
            self.limiter.turn().await;
            let asked = self
                .route53
                .list_resource_record_sets()
                .hosted_zone_id(&zone.id);
            let asked = asked
                .set_start_record_name(name)
                .set_start_record_type(kind)
                .set_start_record_identifier(identifier);
            let page = asked
                .send()
                .await
                .map_err(failure("route53:ListResourceRecordSets", PLACE))?;
            records.extend(page.resource_record_sets().iter().map(record_of));
            let after = (
                page.next_record_name().map(str::to_owned),
                page.next_record_type().cloned(),
                page.next_record_identifier().map(str::to_owned),
            );
            next = (page.is_truncated() && after.0.is_some()).then_some(after);
        }
        Ok(records)
    }
}

fn zone_of(zone: &HostedZone) -> Option<Zone> {
    let is_private = zone
        .config()
        .is_some_and(aws_sdk_route53::types::HostedZoneConfig::private_zone);
    (!is_private).then(|| bare(zone))
}

/// A zone with its id and name as this program writes them.
fn bare(zone: &HostedZone) -> Zone {
    Zone {
        id: zone.id().trim_start_matches("/hostedzone/").to_owned(),
        name: zone.name().trim_end_matches('.').to_lowercase(),
    }
}

/// Says of a missing zone that there is a private one, if there is.
fn blame(failure: Failure, private: &[Zone], host: &str, name: &str) -> Failure {
    let fits = |zone: &&Zone| match name {
        "" => is_within(host, &zone.name),
        _ => zone.name == name,
    };
    match (&failure.kind, private.iter().find(fits)) {
        (FailureKind::NoZone { .. }, Some(zone)) => {
            let kind = FailureKind::PrivateZone {
                name: zone.name.clone(),
                id: zone.id.clone(),
            };
            Failure::new("route53:ListHostedZones", PLACE, kind)
        }
        _ => failure,
    }
}

fn is_within(host: &str, zone: &str) -> bool {
    host == zone
        || host
            .strip_suffix(zone)
            .is_some_and(|rest| rest.ends_with('.'))
}

/// The zone with the given name, or with the longest name that ends the host's.
fn choose(zones: Vec<Zone>, host: &str, name: &str) -> Result<Zone, Failure> {
    let fits = |zone: &&Zone| {
        if name.is_empty() {
            is_within(host, &zone.name)
        } else {
            zone.name == name
        }
    };
    let longest = zones
        .iter()
        .filter(fits)
        .map(|zone| zone.name.clone())
        .max_by_key(String::len);
    let Some(longest) = longest else {
        let wanted = if name.is_empty() { host } else { name };
        let kind = FailureKind::NoZone {
            wanted: wanted.to_owned(),
            found: zones.into_iter().map(|zone| zone.name).collect(),
        };
        return Err(Failure::new("route53:ListHostedZones", PLACE, kind));
    };
    let mut twins: Vec<Zone> = zones
        .into_iter()
        .filter(|zone| zone.name == longest)
        .collect();
    if twins.len() > 1 {
        let kind = FailureKind::TwoZones {
            name: longest,
            ids: twins.into_iter().map(|zone| zone.id).collect(),
        };
        return Err(Failure::new("route53:ListHostedZones", PLACE, kind));
    }
    Ok(twins.remove(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_route53::types::HostedZoneConfig;

    fn zone(id: &str, name: &str) -> Zone {
        Zone {
            id: id.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn the_zone_with_the_longest_fitting_name_is_chosen() {
        let zones = vec![
            zone("Z1", "example.com"),
            zone("Z2", "llm.example.com"),
            zone("Z3", "ample.com"),
        ];
        assert_eq!(
            choose(zones.clone(), "a.llm.example.com", "").unwrap().id,
            "Z2"
        );
        assert_eq!(
            choose(zones.clone(), "www.example.com", "").unwrap().id,
            "Z1"
        );
        assert_eq!(
            choose(zones, "a.llm.example.com", "example.com")
                .unwrap()
                .id,
            "Z1"
        );
    }

    #[test]
    fn ids_and_names_lose_their_decoration_and_private_zones_are_left_out() {
        let wire = |is_private| {
            let config = HostedZoneConfig::builder().private_zone(is_private).build();
            HostedZone::builder()
                .id("/hostedzone/Z1")
                .name("Example.COM.")
                .caller_reference("x")
                .config(config)
                .build()
                .unwrap()
        };
        assert_eq!(zone_of(&wire(false)), Some(zone("Z1", "example.com")));
        assert_eq!(zone_of(&wire(true)), None);
    }

    #[test]
    fn a_private_zone_is_told_where_a_public_one_is_missing() {
        let missing = || choose(Vec::new(), "llm.example.com", "").unwrap_err();
        let private = [zone("Z9", "example.com")];
        let told = blame(missing(), &private, "llm.example.com", "");
        assert_eq!(
            told.to_string(),
            "Route 53: the hosted zone `example.com` (Z9) is private, so nobody outside its networks sees it"
        );
        let told = blame(missing(), &private, "llm.example.org", "");
        assert!(told.to_string().contains("no hosted zone holds"));
    }

    #[test]
    fn pitfall_11_two_zones_of_one_name_are_refused_and_told_from_none() {
        let zones = vec![zone("Z1", "example.com"), zone("Z2", "example.com")];
        let message = choose(zones.clone(), "llm.example.com", "")
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            "Route 53: there are 2 hosted zones named `example.com`: Z1, Z2"
        );
        let message = choose(zones, "llm.example.org", "")
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            "Route 53: no hosted zone holds `llm.example.org`; the account has example.com, example.com"
        );
    }
}
