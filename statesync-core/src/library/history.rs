//! Earlier versions and named snapshots, as users ask for them.

use std::sync::Arc;

use crate::audit::AuditEntry;
use crate::conflict::{Conflict, ConflictId, ConflictQuery};
use crate::content::Reading;
use crate::error::{EditError, OpenError};
use crate::history::{HistoryError, NamedSnapshot, content_at, version_at};
use crate::identity::{DocumentId, Timestamp, UserId, Version};
use crate::library::Library;
use crate::record::Record;
use crate::store::Since;

impl Library {
    /// The content as it was at an earlier version, for readers.
    ///
    /// # Errors
    ///
    /// See [`HistoryError`].
    pub async fn reading_at(
        &self,
        id: DocumentId,
        version: Version,
    ) -> Result<Reading, HistoryError> {
        let store = self.shared.store.as_ref();
        let document = store.head(id).await?;
        let content = content_at(store, &document, version).await?;
        Ok(content.read(document.kind))
    }

    /// The version that the document had at a point in time: the last one that is not later, by the
    /// clocks of those who wrote.
    ///
    /// # Errors
    ///
    /// See [`HistoryError`].
    pub async fn version_at(&self, id: DocumentId, at: Timestamp) -> Result<Version, HistoryError> {
        let store = self.shared.store.as_ref();
        version_at(store, &store.head(id).await?, at).await
    }

    /// Up to `limit` records after a version, in order.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Gone`] when some of them are no longer kept; [`HistoryError::NotFound`],
    /// [`HistoryError::Store`].
    pub async fn records_after(
        &self,
        id: DocumentId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, HistoryError> {
        match self.shared.store.since(id, after, limit).await? {
            Since::Records(records) => Ok(records),
            Since::Pruned { .. } => Err(HistoryError::Gone {
                wanted: after.next(),
            }),
        }
    }

    /// Keeps the present content under a name, for ever. Its version.
    ///
    /// # Errors
    ///
    /// See [`HistoryError`].
    pub async fn name_snapshot(
        &self,
        id: DocumentId,
        name: &str,
        created_by: UserId,
    ) -> Result<NamedSnapshot, HistoryError> {
        let limits = &self.shared.limits;
        let name = crate::decide::checked_name(name, limits);
        let name = name.map_err(|error| HistoryError::Invalid(error.to_string()))?;
        let known = self.shared.store.named_snapshots(id).await?;
        if known.len() >= limits.named_snapshots_max {
            let reason = format!("at most {} snapshots", limits.named_snapshots_max);
            return Err(HistoryError::Invalid(reason));
        }
        let open = self.open(id).await?;
        let snapshot = open.snapshot().await;
        let snapshot =
            snapshot.map_err(|error: EditError| HistoryError::Unavailable(error.to_string()))?;
        let named = NamedSnapshot {
            name,
            created_by,
            created_at: Timestamp(self.shared.clock.unix_ms()),
            snapshot,
        };
        let without_content = named.without_content();
        self.shared.store.name_snapshot(id, named).await?;
        Ok(without_content)
    }

    /// All named snapshots, the oldest version first, without their contents.
    ///
    /// # Errors
    ///
    /// [`HistoryError::NotFound`], [`HistoryError::Store`].
    pub async fn named_snapshots(
        &self,
        id: DocumentId,
    ) -> Result<Vec<NamedSnapshot>, HistoryError> {
        Ok(self.shared.store.named_snapshots(id).await?)
    }

    /// Conflicts of a document, oldest first.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotFound`], [`OpenError::Store`].
    pub async fn conflicts(&self, query: ConflictQuery) -> Result<Vec<Conflict>, OpenError> {
        Ok(self.shared.store.conflicts(query).await?)
    }

    /// One conflict of a document, if there is such.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotFound`], [`OpenError::Store`].
    pub async fn conflict(
        &self,
        id: DocumentId,
        conflict: ConflictId,
    ) -> Result<Option<Conflict>, OpenError> {
        Ok(self.shared.store.conflict(id, conflict).await?)
    }

    /// Up to `limit` entries of a document's audit log after a version, in order.
    ///
    /// # Errors
    ///
    /// [`HistoryError::NotFound`], [`HistoryError::Store`].
    pub async fn audit_after(
        &self,
        id: DocumentId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, HistoryError> {
        Ok(self.shared.store.audit(id, after, limit).await?)
    }
}
