//! Hosted zones and their records; every call waits for its turn under Route 53's limit.

use std::time::Duration;

use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;
use aws_sdk_route53::types::{
    Change, ChangeAction as Action, ChangeBatch as Batch, ChangeStatus, HostedZone, RrType,
};

use crate::dns::{ChangeAction, ChangeBatch};
use crate::line::{HealthCheck, LineName, RecordSet, ZoneView};

use super::failure::{Failure, FailureKind, code, failure};
use super::record::{record_of, resource_record_set};
use super::session::Cloud;
use super::wait::Patience;

/// Where Route 53's failures happen.
pub(super) const PLACE: &str = "Route 53";

/// Route 53 is usually in sync within a minute.
const SYNC: Patience = Patience {
    first: Duration::from_millis(1000),
    longest: Duration::from_secs(5),
    limit: Duration::from_secs(300),
};
const PRIOR: Patience = Patience {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(5),
    limit: Duration::from_secs(60),
};

/// A public hosted zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its id, without `/hostedzone/`.
    pub id: String,
    /// Its name, without the trailing dot.
    pub name: String,
}

/// The receipt of a change of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeId(String);

impl Cloud {
    /// The zone that a host name lies in: the given one, by id or name, or the one that fits best.
    pub async fn find_zone(&self, host: &str, zone: &str) -> Result<Zone, Failure> {
        let bare = zone.trim_start_matches("/hostedzone/");
        let looks_like_id = !bare.contains('.') && bare.starts_with('Z') && bare.len() > 8;
        let found = if looks_like_id || zone.starts_with("/hostedzone/") {
            self.zone_by_id(bare).await?
        } else {
            let name = zone.trim_end_matches('.').to_lowercase();
            choose(self.all_zones().await?, host, &name)?
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

    /// Every public zone of the account.
    pub async fn all_zones(&self) -> Result<Vec<Zone>, Failure> {
        let mut zones = Vec::new();
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
            zones.extend(page.hosted_zones().iter().filter_map(zone_of));
            marker = page.next_marker().map(str::to_owned);
            if !page.is_truncated() || marker.is_none() {
                return Ok(zones);
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

    /// Applies a batch as a whole or not at all.
    ///
    /// A batch whose answer was lost may have been applied: the SDK's own repetition is then refused, so after a
    /// refusal the records are read again before it is believed.
    pub async fn change_records(
        &self,
        zone: &Zone,
        batch: &ChangeBatch,
    ) -> Result<Option<ChangeId>, Failure> {
        let changes: Vec<Change> = batch
            .changes
            .iter()
            .map(|change| wire_change(change.action, &change.record))
            .collect();
        let sent = Batch::builder()
            .set_changes(Some(changes))
            .comment("dsline")
            .build()
            .expect("the changes are set");
        let mut wait = PRIOR.begin(
            "route53:ChangeResourceRecordSets",
            PLACE,
            "another change of the zone is still running",
        );
        loop {
            self.limiter.turn().await;
            match self
                .route53
                .change_resource_record_sets()
                .hosted_zone_id(&zone.id)
                .change_batch(sent.clone())
                .send()
                .await
            {
                Ok(answer) => {
                    return Ok(answer
                        .change_info()
                        .map(|info| ChangeId(info.id().to_owned())));
                }
                Err(error) if code(&error) == Some("PriorRequestNotComplete") => {
                    wait.pause().await?
                }
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(ChangeResourceRecordSetsError::is_invalid_change_batch) =>
                {
                    return if self.is_applied(zone, batch).await? {
                        Ok(None)
                    } else {
                        Err(refused(&error))
                    };
                }
                Err(error) => {
                    return Err(failure("route53:ChangeResourceRecordSets", PLACE)(error));
                }
            }
        }
    }

    async fn is_applied(&self, zone: &Zone, batch: &ChangeBatch) -> Result<bool, Failure> {
        let present = self.records(zone).await?;
        Ok(batch.changes.iter().all(|change| match change.action {
            ChangeAction::Create | ChangeAction::Upsert => present.contains(&change.record),
            ChangeAction::Delete => {
                let is_remade = batch.changes.iter().any(|other| {
                    other.action != ChangeAction::Delete
                        && other.record.key() == change.record.key()
                });
                is_remade || !present.contains(&change.record)
            }
        }))
    }

    /// Waits until every name server of Route 53 has a change.
    pub async fn await_in_sync(&self, change: &ChangeId) -> Result<(), Failure> {
        let mut wait = SYNC.begin(
            "route53:GetChange",
            PLACE,
            "the change is not on every name server",
        );
        loop {
            self.limiter.turn().await;
            let answer = self
                .route53
                .get_change()
                .id(&change.0)
                .send()
                .await
                .map_err(failure("route53:GetChange", PLACE))?;
            if answer
                .change_info()
                .is_some_and(|info| *info.status() == ChangeStatus::Insync)
            {
                return Ok(());
            }
            wait.pause().await?;
        }
    }
}

fn refused(error: &SdkError<ChangeResourceRecordSetsError>) -> Failure {
    let messages = match error.as_service_error() {
        Some(ChangeResourceRecordSetsError::InvalidChangeBatch(batch))
            if !batch.messages().is_empty() =>
        {
            batch.messages().to_vec()
        }
        other => vec![
            other
                .and_then(ProvideErrorMetadata::message)
                .unwrap_or("no reason given")
                .to_owned(),
        ],
    };
    Failure::new(
        "route53:ChangeResourceRecordSets",
        PLACE,
        FailureKind::RecordsRefused(messages),
    )
}

fn wire_change(action: ChangeAction, record: &RecordSet) -> Change {
    let action = match action {
        ChangeAction::Create => Action::Create,
        ChangeAction::Upsert => Action::Upsert,
        ChangeAction::Delete => Action::Delete,
    };
    Change::builder()
        .action(action)
        .resource_record_set(resource_record_set(record))
        .build()
        .expect("action and record are set")
}

fn zone_of(zone: &HostedZone) -> Option<Zone> {
    let is_private = zone.config().is_some_and(|config| config.private_zone());
    let id = zone.id().trim_start_matches("/hostedzone/").to_owned();
    (!is_private).then(|| Zone {
        id,
        name: zone.name().trim_end_matches('.').to_lowercase(),
    })
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
    fn no_zone_and_two_zones_are_told_apart() {
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
