//! The contract of a place that keeps documents.
//!
//! A store keeps, for each document, a head, a log of records with contiguous versions and their
//! audit entries, conflicts, locks, the newest snapshot, those that its history needs, and those that
//! somebody named. It decides
//! nothing but who gets a lock: that takes a clock that all writers share, and the store's is the
//! only one. What it must promise is written as code in `testkit` (a feature of this crate), and every
//! store runs it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::audit::AuditEntry;
use crate::conflict::{Conflict, ConflictId, ConflictQuery};
use crate::document::{Document, DocumentState};
use crate::history::NamedSnapshot;
use crate::identity::{DocumentId, OperationId, UserId, Version};
use crate::lock::{GuardViolation, Lock, LockId, LockRequest};
use crate::record::{Record, Snapshot, Status};

/// Keeps documents. Implementations are shared between tasks.
///
/// Cancel safety: dropping the future of a writing method leaves it unknown whether the write
/// happens; it happens as a whole or not at all.
#[async_trait]
pub trait DocumentStore: Send + Sync + 'static {
    /// Makes a new, empty document of this head, durably. Its version must be zero.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when the id is taken.
    async fn create(&self, document: &Document) -> Result<(), StoreError>;

    /// The head alone.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is no such document.
    async fn head(&self, id: DocumentId) -> Result<Document, StoreError>;

    /// Everything needed to go on editing: head, snapshot, and every record after it, all of one
    /// moment.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`]; [`StoreError::Corrupt`] when something is missing or damaged: a
    /// store never answers with less than what was acknowledged.
    async fn load(&self, id: DocumentId) -> Result<Stored, StoreError>;

    /// Adds records with their audit entries, replaces the head, writes conflicts and settles waiting
    /// records, in one atomic step. When this returns `Ok`, all of it survives a crash of the process
    /// and of the machine.
    ///
    /// The records' versions follow `expected` without a hole, and `append.document.version` is
    /// that of the last record.
    ///
    /// # Errors
    ///
    /// Nothing is written, and in this order of precedence: [`StoreError::NotFound`];
    /// [`StoreError::Duplicate`] when the log has one of the operations that their authors named
    /// ([`Terms::operation_id`](crate::Terms)); [`StoreError::Conflict`] when the log does not end at
    /// `append.expected`; [`StoreError::Guarded`] when a live lock forbids one of the records
    /// ([`Record::violation`]). [`StoreError::Unavailable`] when it is unknown whether it was written.
    async fn append(&self, append: Append) -> Result<(), StoreError>;

    /// The record of an operation that its author named, if the log has it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is no such document.
    async fn operation(
        &self,
        id: DocumentId,
        operation: OperationId,
    ) -> Result<Option<Record>, StoreError>;

    /// The versions of those of these documents that there are. Cheap: it is asked often.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] and its like.
    async fn versions(&self, ids: &[DocumentId]) -> Result<Vec<(DocumentId, Version)>, StoreError>;

    /// Up to `limit` records after `after`, in order.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`]; [`StoreError::Corrupt`] when a record is missing that was not
    /// pruned.
    async fn since(
        &self,
        id: DocumentId,
        after: Version,
        limit: usize,
    ) -> Result<Since, StoreError>;

    /// Adds a snapshot, and forgets those snapshots and records without which every version from
    /// `readable_from` on can still be read, as [`Retention`](crate::Retention) decides. A snapshot that
    /// is older than the newest one changes nothing, and one of the same version replaces it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    async fn save_snapshot(
        &self,
        id: DocumentId,
        snapshot: Snapshot,
        readable_from: Version,
    ) -> Result<(), StoreError>;

    /// Keeps a snapshot under a name, beside the newest one.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`]; [`StoreError::NameTaken`].
    async fn name_snapshot(&self, id: DocumentId, named: NamedSnapshot) -> Result<(), StoreError>;

    /// All named snapshots without their contents, the oldest version first.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    async fn named_snapshots(&self, id: DocumentId) -> Result<Vec<NamedSnapshot>, StoreError>;

    /// The newest snapshot, named or not, that is not newer than `version`.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    async fn snapshot_before(
        &self,
        id: DocumentId,
        version: Version,
    ) -> Result<Option<Snapshot>, StoreError>;

    /// Grants a lock, unless a live one of somebody else overlaps it. The same holder asking again for
    /// the same target gets the lock that they have, renewed.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`]; [`StoreError::LockHeld`] with the lock that is in the way.
    async fn acquire_lock(&self, request: LockRequest) -> Result<Lock, StoreError>;

    /// Makes a live lock last for `lease_ms` from now on, or as long as it does, whichever is longer: a
    /// request that was on its way for long takes nothing from what its holder was told since.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`]; [`StoreError::LockLost`] when it is no longer live: it was released, or
    /// its lease ran out, whether or not somebody else has taken it since.
    async fn renew_lock(
        &self,
        id: DocumentId,
        lock: LockId,
        lease_ms: u64,
    ) -> Result<Lock, StoreError>;

    /// Ends a lock; whether it was live.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is no such document.
    async fn release_lock(&self, id: DocumentId, lock: LockId) -> Result<bool, StoreError>;

    /// The live locks of a document, in the order of their fences.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    async fn locks(&self, id: DocumentId) -> Result<Vec<Lock>, StoreError>;

    /// Conflicts of a document, in the order of their ids, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    async fn conflicts(&self, query: ConflictQuery) -> Result<Vec<Conflict>, StoreError>;

    /// One conflict, if there is such.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is no such document.
    async fn conflict(
        &self,
        id: DocumentId,
        conflict: ConflictId,
    ) -> Result<Option<Conflict>, StoreError>;

    /// Up to `limit` audit entries after `after`, in order. They are never pruned.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    async fn audit(
        &self,
        id: DocumentId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// Documents in the order of their ids, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] and its like.
    async fn list(&self, query: ListQuery) -> Result<Page, StoreError>;

    /// The ids of up to `limit` documents, newest first: all of them, or those with a smaller (older) id.
    /// A store that has damaged documents names them, too: it reads nothing else of any.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] and its like.
    async fn ids(
        &self,
        before: Option<DocumentId>,
        limit: usize,
    ) -> Result<Vec<DocumentId>, StoreError> {
        let query = ListQuery {
            member: None,
            state: None,
            before,
            limit,
        };
        let page = self.list(query).await?;
        Ok(page.documents.iter().map(|document| document.id).collect())
    }
}

/// What [`DocumentStore::load`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The head.
    pub document: Document,
    /// The newest snapshot, if one was ever saved.
    pub snapshot: Option<Snapshot>,
    /// Every record after the snapshot (from version 1 without one), up to the head's version.
    pub records: Vec<Arc<Record>>,
    /// All conflicts that wait, in the order of their ids.
    pub open_conflicts: Vec<Conflict>,
}

/// One atomic write to one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The version that the log must end at.
    pub expected: Version,
    /// At least one record, contiguous from `expected + 1`. Shared with those who are told of them.
    pub records: Vec<Arc<Record>>,
    /// One for each record.
    pub audit: Vec<AuditEntry>,
    /// New conflicts, and known ones as they are now.
    pub conflicts: Vec<Conflict>,
    /// Records that waited, and what became of them. They may be of this append.
    pub settled: Vec<(Version, Status)>,
    /// The head after them.
    pub document: Document,
}

/// What [`DocumentStore::since`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// The records asked for; fewer than the limit means that these are all.
    Records(Vec<Arc<Record>>),
    /// Some of them were pruned: start from the snapshot instead.
    Pruned {
        /// The oldest version whose record is still there, or the next one to come.
        oldest: Version,
    },
}

/// Which documents [`DocumentStore::list`] is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Only those that name this user as owner, editor or viewer.
    pub member: Option<UserId>,
    /// Only those in this state.
    pub state: Option<DocumentState>,
    /// Only those with a smaller (older) id: where the last page ended.
    pub before: Option<DocumentId>,
    /// At most so many.
    pub limit: usize,
}

/// One page of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Newest first.
    pub documents: Vec<Document>,
    /// Whether there are older ones.
    pub more: bool,
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The caller named a document that is not there.
    #[error("no document {0}")]
    NotFound(DocumentId),
    /// Somebody else wrote first; read again and decide again.
    #[error("the log of {id} is at version {actual}, not {expected}")]
    Conflict {
        /// The document.
        id: DocumentId,
        /// What the caller expected.
        expected: Version,
        /// What it is.
        actual: Version,
    },
    /// The log has this operation already: somebody asks again.
    #[error("operation {operation} of {id} is in the log already")]
    Duplicate {
        /// The document.
        id: DocumentId,
        /// The operation.
        operation: OperationId,
    },
    /// A lock forbids one of the records.
    #[error("record {record} of the append to {id} is locked out: {violation:?}")]
    Guarded {
        /// The document.
        id: DocumentId,
        /// Index of the record in the append.
        record: usize,
        /// Which lock, and why.
        violation: GuardViolation,
    },
    /// Somebody else holds a lock that overlaps the one asked for.
    #[error("{} holds a lock of {} until {}", .0.holder.user_id, .0.document_id, .0.expires_at.0)]
    LockHeld(Box<Lock>),
    /// The lock is no longer the caller's.
    #[error("lock {0} was released or has expired")]
    LockLost(LockId),
    /// The document has a snapshot of this name.
    #[error("there is a snapshot of this name: {0}")]
    NameTaken(String),
    /// The store cannot answer now. A write may or may not have happened.
    #[error("the document store is unavailable: {reason}")]
    Unavailable {
        /// Why, for the operator.
        reason: String,
    },
    /// Stored data is damaged or missing. Nothing of the document is served.
    #[error("document {id} is damaged: {lost}")]
    Corrupt {
        /// The document.
        id: DocumentId,
        /// What is lost, as exactly as it is known.
        lost: String,
    },
    /// The engine below failed in its own way.
    #[error("the document store failed")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
}
