//! A store in memory: for tests, demonstrations, and documents that need not outlive the process.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::document::Document;
use crate::identity::{DocumentId, Version};
use crate::record::{Record, Snapshot};
use crate::store::{Append, DocumentStore, ListQuery, Page, Since, StoreError, Stored};

/// Keeps documents in memory. What it acknowledges lasts as long as the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    documents: Mutex<BTreeMap<DocumentId, Kept>>,
}

#[derive(Clone, Debug)]
struct Kept {
    document: Document,
    snapshot: Option<Snapshot>,
    /// Contiguous, the last one at the head's version.
    records: Vec<Record>,
}

impl Kept {
    /// The version before the oldest record.
    fn base(&self) -> Version {
        Version(self.document.version.0 - self.records.len() as u64)
    }

    fn records_after(&self, after: Version) -> &[Record] {
        let skip = after.0.saturating_sub(self.base().0) as usize;
        self.records.get(skip..).unwrap_or_default()
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(
        &self,
        id: DocumentId,
        work: impl FnOnce(&mut Kept) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        work(
            self.documents
                .lock()
                .get_mut(&id)
                .ok_or(StoreError::NotFound(id))?,
        )
    }
}

#[async_trait]
impl DocumentStore for MemoryStore {
    async fn create(&self, document: &Document) -> Result<(), StoreError> {
        let mut documents = self.documents.lock();
        if let Some(present) = documents.get(&document.id) {
            let actual = present.document.version;
            return Err(StoreError::Conflict {
                id: document.id,
                expected: Version::ZERO,
                actual,
            });
        }
        let kept = Kept {
            document: document.clone(),
            snapshot: None,
            records: Vec::new(),
        };
        documents.insert(document.id, kept);
        Ok(())
    }

    async fn head(&self, id: DocumentId) -> Result<Document, StoreError> {
        self.with(id, |kept| Ok(kept.document.clone()))
    }

    async fn load(&self, id: DocumentId) -> Result<Stored, StoreError> {
        self.with(id, |kept| {
            let covered = kept
                .snapshot
                .as_ref()
                .map_or(Version::ZERO, |known| known.version);
            Ok(Stored {
                document: kept.document.clone(),
                snapshot: kept.snapshot.clone(),
                records: kept.records_after(covered).to_vec(),
            })
        })
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        let id = append.document.id;
        self.with(id, |kept| {
            let actual = kept.document.version;
            if actual != append.expected {
                return Err(StoreError::Conflict {
                    id,
                    expected: append.expected,
                    actual,
                });
            }
            kept.records.extend(append.records);
            kept.document = append.document;
            Ok(())
        })
    }

    async fn since(
        &self,
        id: DocumentId,
        after: Version,
        limit: usize,
    ) -> Result<Since, StoreError> {
        self.with(id, |kept| {
            if after < kept.base() {
                return Ok(Since::Pruned {
                    oldest: kept.base().next(),
                });
            }
            let records = kept.records_after(after);
            Ok(Since::Records(
                records.iter().take(limit).cloned().collect(),
            ))
        })
    }

    async fn save_snapshot(
        &self,
        id: DocumentId,
        snapshot: Snapshot,
        prune_through: Version,
    ) -> Result<(), StoreError> {
        self.with(id, |kept| {
            if kept
                .snapshot
                .as_ref()
                .is_some_and(|known| known.version > snapshot.version)
            {
                return Ok(());
            }
            let prune_through = prune_through.min(snapshot.version);
            let pruned = prune_through.0.saturating_sub(kept.base().0) as usize;
            kept.records.drain(..pruned.min(kept.records.len()));
            kept.snapshot = Some(snapshot);
            Ok(())
        })
    }

    async fn list(&self, query: ListQuery) -> Result<Page, StoreError> {
        let documents = self.documents.lock();
        let mut matching = documents
            .values()
            .rev()
            .map(|kept| &kept.document)
            .filter(|document| query.before.is_none_or(|before| document.id < before))
            .filter(|document| query.state.is_none_or(|state| document.state == state))
            .filter(|document| {
                let permissions = &document.metadata.permissions;
                query
                    .member
                    .as_ref()
                    .is_none_or(|user| permissions.members().any(|m| m == user))
            });
        let page = matching.by_ref().take(query.limit).cloned().collect();
        Ok(Page {
            documents: page,
            more: matching.next().is_some(),
        })
    }
}
