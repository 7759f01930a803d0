//! The contract of a place that keeps documents.
//!
//! A store keeps, for each document, a head, a log of records with contiguous versions, and at
//! most one snapshot. It decides nothing. What it must promise is written as code in
//! `testkit` (a feature of this crate), and every store runs it.

use async_trait::async_trait;

use crate::document::{Document, DocumentState};
use crate::identity::{DocumentId, UserId, Version};
use crate::record::{Record, Snapshot};

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

    /// Adds records and replaces the head, in one atomic step. When this returns `Ok`, all of it
    /// survives a crash of the process and of the machine.
    ///
    /// The records' versions follow `expected` without a hole, and `append.document.version` is
    /// that of the last record.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] when the log does not end at
    /// `append.expected` (nothing is written); [`StoreError::Unavailable`] when it is unknown
    /// whether it was written.
    async fn append(&self, append: Append) -> Result<(), StoreError>;

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

    /// Replaces the snapshot, and forgets the records up to and including `prune_through` (never
    /// more than the snapshot covers). An older snapshot than the present one changes nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    async fn save_snapshot(
        &self,
        id: DocumentId,
        snapshot: Snapshot,
        prune_through: Version,
    ) -> Result<(), StoreError>;

    /// Documents in the order of their ids, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] and its like.
    async fn list(&self, query: ListQuery) -> Result<Page, StoreError>;
}

/// What [`DocumentStore::load`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The head.
    pub document: Document,
    /// The newest snapshot, if one was ever saved.
    pub snapshot: Option<Snapshot>,
    /// Every record after the snapshot (from version 1 without one), up to the head's version.
    pub records: Vec<Record>,
}

/// One atomic write to one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The version that the log must end at.
    pub expected: Version,
    /// At least one record, contiguous from `expected + 1`.
    pub records: Vec<Record>,
    /// The head after them.
    pub document: Document,
}

/// What [`DocumentStore::since`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// The records asked for; fewer than the limit means that these are all.
    Records(Vec<Record>),
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

/// Why a store could not do what it was asked. There are five meanings and no more.
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
