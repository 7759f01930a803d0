//! What a document was at an earlier version, and at which versions somebody gave it a name.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::document::Document;
use crate::error::OpenError;
use crate::identity::{DocumentId, Timestamp, UserId, Version};
use crate::record::Snapshot;
use crate::store::{DocumentStore, Since, StoreError};

mod retention;

pub use retention::Retention;

/// A version that somebody gave a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedSnapshot {
    /// What they call it; unique in its document.
    pub name: String,
    /// Who.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// The version, and the content at it (empty in lists).
    pub snapshot: Snapshot,
}

impl NamedSnapshot {
    /// The same for a list.
    #[must_use]
    pub fn without_content(&self) -> Self {
        Self {
            snapshot: Snapshot {
                version: self.snapshot.version,
                content: bytes::Bytes::new(),
            },
            ..self.clone()
        }
    }
}

/// An earlier version could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The caller's fault: the document has not come that far.
    #[error("the document is at version {current}, not yet at {wanted}")]
    NotYet {
        /// What was asked for.
        wanted: Version,
        /// What there is.
        current: Version,
    },
    /// Nobody's fault: that version is beyond what is kept.
    #[error("version {wanted} is no longer kept")]
    Gone {
        /// What was asked for.
        wanted: Version,
    },
    /// The caller's fault: the name or the number of snapshots is not possible.
    #[error("{0}")]
    Invalid(String),
    /// The caller's fault: there is a snapshot of this name.
    #[error("there is a snapshot of this name: {0}")]
    NameTaken(String),
    /// The caller's fault: there is no such document, or not for them.
    #[error("no document {0}")]
    NotFound(DocumentId),
    /// Nobody's fault: the document cannot be had at present. Ask again.
    #[error("the document is not available: {0}")]
    Unavailable(String),
    /// The store's fault.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

impl From<OpenError> for HistoryError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotFound(id) => Self::NotFound(id),
            OpenError::Store(error) => Self::Store(error),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<StoreError> for HistoryError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(id) => Self::NotFound(id),
            StoreError::NameTaken(name) => Self::NameTaken(name),
            other => Self::Store(Arc::new(other)),
        }
    }
}

/// Records that are read at a time.
const PORTION: usize = 1_024;

/// The content of a document at an earlier version: the newest snapshot that is not newer, and the
/// records from there on.
///
/// # Errors
///
/// See [`HistoryError`].
pub(crate) async fn content_at(
    store: &dyn DocumentStore,
    document: &Document,
    wanted: Version,
) -> Result<Content, HistoryError> {
    let (id, current) = (document.id, document.version);
    if wanted > current {
        return Err(HistoryError::NotYet { wanted, current });
    }
    let corrupt = |lost: String| StoreError::Corrupt { id, lost };
    let mut content = Content::empty(document.kind);
    let mut version = Version::ZERO;
    if let Some(snapshot) = store.snapshot_before(id, wanted).await? {
        version = snapshot.version;
        let restored = content.restored(&snapshot.content);
        let lost = |error| corrupt(format!("snapshot at version {version}: {error}"));
        content = restored.map_err(lost)?;
    }
    while version < wanted {
        let left = usize::try_from(wanted.0 - version.0).unwrap_or(usize::MAX);
        let records = match store.since(id, version, left.min(PORTION)).await? {
            Since::Records(records) => records,
            Since::Pruned { .. } => return Err(HistoryError::Gone { wanted }),
        };
        if records.is_empty() {
            return Err(corrupt(format!("records after version {version}")).into());
        }
        for record in &records {
            let replayed = content.replay(record);
            let lost = |error| corrupt(format!("record {}: {error}", record.version));
            replayed.map_err(lost)?;
            version = record.version;
        }
    }
    Ok(content)
}

/// The version that a document had at a point in time: the last one that is not later, by the clocks of
/// those who wrote.
///
/// # Errors
///
/// See [`HistoryError`].
pub(crate) async fn version_at(
    store: &dyn DocumentStore,
    document: &Document,
    at: Timestamp,
) -> Result<Version, HistoryError> {
    let (mut low, mut high) = (Version::ZERO, document.version);
    // The audit log has the time of each record, also of those that are no longer kept.
    while low < high {
        let middle = Version(low.0 + (high.0 - low.0).div_ceil(2));
        let before = Version(middle.0 - 1);
        let entry = store.audit(document.id, before, 1).await?.pop();
        if entry.is_some_and(|entry| entry.timestamp <= at) {
            low = middle;
        } else {
            high = before;
        }
    }
    Ok(low)
}
