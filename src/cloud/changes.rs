//! Changes of records: one batch at a time, believed refused only after a look, awaited until in sync.

use std::time::Duration;

use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;
use aws_sdk_route53::types::{
    Change, ChangeAction as Action, ChangeBatch as Batch, ChangeInfo, ChangeStatus,
};

use crate::dns::{ChangeAction, ChangeBatch};
use crate::line::RecordSet;

use super::failure::{Failure, FailureKind};
use super::record::resource_record_set;
use super::sdk_error::failure;
use super::session::Cloud;
use super::wait::Patience;
use super::zone::{PLACE, Zone};

const CALL: &str = "route53:ChangeResourceRecordSets";

/// Route 53 is usually in sync within a minute.
const SYNC: Patience = Patience {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(5),
    limit: Duration::from_mins(5),
};
/// How long others may keep the zone or the account's calls busy.
const BUSY: Patience = Patience {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(5),
    limit: Duration::from_mins(1),
};

/// The receipt of a change of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeId(String);

type Outcome = Result<Option<ChangeInfo>, SdkError<ChangeResourceRecordSetsError>>;

impl Cloud {
    /// Applies a batch as a whole or not at all; `None` when it turns out to have been applied before.
    ///
    /// A batch whose answer was lost may have been applied: the SDK's own repetition is then refused, so after a
    /// refusal the records are read again before it is believed.
    pub async fn change_records(
        &self,
        zone: &Zone,
        batch: &ChangeBatch,
    ) -> Result<Option<ChangeId>, Failure> {
        if batch.is_empty() {
            return Ok(None);
        }
        let _alone = self.limiter.alone().await;
        let sent = wire_batch(batch);
        let mut wait = BUSY.begin(CALL, PLACE, "others keep Route 53 busy");
        loop {
            let error = match self.send_change(zone, sent.clone()).await {
                Ok(info) => return Ok(info.map(|info| ChangeId(info.id().to_owned()))),
                Err(error) => error,
            };
            if is_refusal(&error) {
                let is_applied = self.is_applied(zone, batch).await?;
                return if is_applied {
                    Ok(None)
                } else {
                    Err(refused(&error))
                };
            }
            // Sent again it is either applied or refused, and a refusal is looked into.
            wait.outlast(failure(CALL, PLACE)(error)).await?;
        }
    }

    async fn send_change(&self, zone: &Zone, batch: Batch) -> Outcome {
        self.limiter.turn().await;
        let asked = self
            .route53
            .change_resource_record_sets()
            .hosted_zone_id(&zone.id)
            .change_batch(batch);
        Ok(asked.send().await?.change_info)
    }

    async fn is_applied(&self, zone: &Zone, batch: &ChangeBatch) -> Result<bool, Failure> {
        Ok(leads_to(batch, &self.records(zone).await?))
    }

    /// Waits until every name server of Route 53 has a change.
    pub async fn await_in_sync(&self, change: &ChangeId) -> Result<(), Failure> {
        let what = "the change is not on every name server";
        let mut wait = SYNC.begin("route53:GetChange", PLACE, what);
        loop {
            self.limiter.turn().await;
            let asked = self.route53.get_change().id(&change.0).send();
            let answer = match asked.await.map_err(failure("route53:GetChange", PLACE)) {
                Ok(answer) => answer,
                Err(failed) => {
                    wait.outlast(failed).await?;
                    continue;
                }
            };
            let is_in_sync = answer
                .change_info()
                .is_some_and(|info| *info.status() == ChangeStatus::Insync);
            if is_in_sync {
                return Ok(());
            }
            wait.pause().await?;
        }
    }
}

/// Whether records are as a batch would leave them.
fn leads_to(batch: &ChangeBatch, present: &[RecordSet]) -> bool {
    batch.changes.iter().all(|change| match change.action {
        ChangeAction::Create | ChangeAction::Upsert => present.contains(&change.record),
        ChangeAction::Delete => {
            let is_remade = batch.changes.iter().any(|other| {
                other.action != ChangeAction::Delete && other.record.key() == change.record.key()
            });
            is_remade || !present.contains(&change.record)
        }
    })
}

fn is_refusal(error: &SdkError<ChangeResourceRecordSetsError>) -> bool {
    error
        .as_service_error()
        .is_some_and(ChangeResourceRecordSetsError::is_invalid_change_batch)
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
    Failure::new(CALL, PLACE, FailureKind::RecordsRefused(messages))
}

fn wire_batch(batch: &ChangeBatch) -> Batch {
    let changes = batch
        .changes
        .iter()
        .map(|change| wire_change(change.action, &change.record))
        .collect();
    Batch::builder()
        .set_changes(Some(changes))
        .comment("dsline")
        .build()
        .expect("the changes are set")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::RecordChange;
    use crate::line::{RecordType, RecordValue, Routing};

    fn record(address: &str) -> RecordSet {
        RecordSet {
            name: "llm.example.com".to_owned(),
            kind: RecordType::A,
            set_identifier: Some("dsline/home/x".to_owned()),
            routing: Routing::Weighted(100),
            value: RecordValue::Values {
                ttl: 60,
                values: vec![address.to_owned()],
            },
            health_check: None,
        }
    }

    fn change(action: ChangeAction, address: &str) -> RecordChange {
        RecordChange {
            action,
            record: record(address),
        }
    }

    #[test]
    fn a_lost_answer_is_told_from_a_refusal_by_the_records() {
        let replace = ChangeBatch {
            changes: vec![
                change(ChangeAction::Delete, "198.51.100.7"),
                change(ChangeAction::Create, "198.51.100.8"),
            ],
        };
        assert!(leads_to(&replace, &[record("198.51.100.8")]));
        assert!(!leads_to(&replace, &[record("198.51.100.7")]));
        let remove = ChangeBatch {
            changes: vec![change(ChangeAction::Delete, "198.51.100.7")],
        };
        assert!(leads_to(&remove, &[]));
        assert!(!leads_to(&remove, &[record("198.51.100.7")]));
    }

    #[test]
    fn a_refusal_tells_all_of_route_53s_messages() {
        use aws_sdk_route53::types::error::InvalidChangeBatch;
        let batch = InvalidChangeBatch::builder()
            .messages("one is wrong")
            .messages("so is two")
            .build();
        let status = 400.try_into().unwrap();
        let raw = aws_sdk_route53::config::http::HttpResponse::new(status, "".into());
        let error = ChangeResourceRecordSetsError::InvalidChangeBatch(batch);
        let failure = refused(&SdkError::service_error(error, raw));
        assert_eq!(
            failure.to_string(),
            "Route 53: the records were refused: one is wrong; so is two"
        );
    }
}
