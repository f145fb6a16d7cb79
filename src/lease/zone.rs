//! A lease as a TXT record: the swap rides in front of a batch, so whoever lost it changes no record any more.

use super::store::{Lost, SwapError};
use crate::cloud::{ChangeId, Cloud, Failure, FailureKind, Zone};
use crate::dns::{ChangeBatch, find_lease, lease_name, lease_of, lease_record, swap};
use crate::line::{Lease, LineName, RecordSet};

/// A line's lease in a hosted zone.
pub struct ZoneStore {
    cloud: Cloud,
    zone: Zone,
    line: LineName,
    seen: Option<RecordSet>,
    attempted: Option<Attempt>,
}

/// What a call whose answer never came was to leave behind: it may have.
#[derive(Clone)]
struct Attempt(Option<RecordSet>);

impl ZoneStore {
    pub(super) fn new(cloud: Cloud, zone: Zone, line: &LineName, records: &[RecordSet]) -> Self {
        let seen = find_lease(line, &zone.name, records).cloned();
        Self {
            cloud,
            zone,
            line: line.clone(),
            seen,
            attempted: None,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.zone.id
    }

    pub(super) fn seen(&self) -> Option<Lease> {
        self.seen.as_ref().map(lease_of)
    }

    pub(super) async fn look(&mut self) -> Result<Option<Lease>, Failure> {
        self.seen = self.read().await?;
        self.attempted = None;
        Ok(self.seen())
    }

    async fn read(&self) -> Result<Option<RecordSet>, Failure> {
        let name = lease_name(&self.line, &self.zone.name);
        self.cloud.text_record(&self.zone, &name).await
    }

    pub(super) async fn swap(
        &mut self,
        new: Option<&Lease>,
        batch: ChangeBatch,
    ) -> Result<Option<ChangeId>, SwapError> {
        self.resolve_doubt().await?;
        let new = new.map(|lease| lease_record(&self.line, &self.zone.name, lease));
        let mut changes = swap(self.seen.as_ref(), new.as_ref());
        changes.extend(batch.changes);
        // Until the answer is there; a caller who gives up waiting leaves it behind.
        self.attempted = Some(Attempt(new.clone()));
        match self
            .cloud
            .change_records(&self.zone, &ChangeBatch { changes })
            .await
        {
            Ok(change) => {
                self.seen = new;
                self.attempted = None;
                Ok(change)
            }
            Err(failure) if matches!(failure.kind, FailureKind::RecordsRefused(_)) => {
                // Refused for the lease's sake, or for what rode along?
                self.resolve_doubt().await?;
                Err(SwapError::Failed(failure.into()))
            }
            Err(failure) => Err(SwapError::Failed(failure.into())),
        }
    }

    /// Finds out what became of a swap without an answer.
    async fn resolve_doubt(&mut self) -> Result<(), SwapError> {
        let Some(Attempt(attempted)) = self.attempted.clone() else {
            return Ok(());
        };
        let now = self
            .read()
            .await
            .map_err(|failure| SwapError::Failed(failure.into()))?;
        if now == attempted || now == self.seen {
            self.seen = now;
            self.attempted = None;
            Ok(())
        } else {
            Err(SwapError::Lost(Lost {
                now: now.as_ref().map(lease_of),
            }))
        }
    }
}
