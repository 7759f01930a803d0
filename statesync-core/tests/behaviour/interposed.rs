//! A store that a test stands in front of: everything goes to a memory store, but for what the test
//! does otherwise.

use std::ops::Deref;

use async_trait::async_trait;
use statesync_core::{
    Append, AuditEntry, Conflict, ConflictId, ConflictQuery, Document, DocumentId, DocumentStore,
    ListQuery, Lock, LockId, LockRequest, MemoryStore, NamedSnapshot, OperationId, Page, Record,
    Since, Snapshot, StoreError, Stored, Version,
};

/// What a test may do otherwise.
#[async_trait]
pub(crate) trait Interposer: Send + Sync + 'static {
    fn inner(&self) -> &MemoryStore;

    async fn load(&self, id: DocumentId) -> Result<Stored, StoreError> {
        self.inner().load(id).await
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        self.inner().append(append).await
    }

    async fn save_snapshot(
        &self,
        id: DocumentId,
        snapshot: Snapshot,
        prune_through: Version,
    ) -> Result<(), StoreError> {
        let inner = self.inner();
        inner.save_snapshot(id, snapshot, prune_through).await
    }
}

/// The store with the test in front of it.
#[derive(Default)]
pub(crate) struct Interposed<I>(pub(crate) I);

impl<I> Deref for Interposed<I> {
    type Target = I;

    fn deref(&self) -> &I {
        &self.0
    }
}

#[async_trait]
impl<I: Interposer> DocumentStore for Interposed<I> {
    async fn create(&self, document: &Document) -> Result<(), StoreError> {
        self.inner().create(document).await
    }

    async fn head(&self, id: DocumentId) -> Result<Document, StoreError> {
        self.inner().head(id).await
    }

    async fn load(&self, id: DocumentId) -> Result<Stored, StoreError> {
        self.0.load(id).await
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        self.0.append(append).await
    }

    async fn operation(
        &self,
        id: DocumentId,
        operation: OperationId,
    ) -> Result<Option<Record>, StoreError> {
        self.inner().operation(id, operation).await
    }

    async fn versions(&self, ids: &[DocumentId]) -> Result<Vec<(DocumentId, Version)>, StoreError> {
        self.inner().versions(ids).await
    }

    async fn since(
        &self,
        id: DocumentId,
        after: Version,
        limit: usize,
    ) -> Result<Since, StoreError> {
        self.inner().since(id, after, limit).await
    }

    async fn save_snapshot(
        &self,
        id: DocumentId,
        snapshot: Snapshot,
        prune_through: Version,
    ) -> Result<(), StoreError> {
        self.0.save_snapshot(id, snapshot, prune_through).await
    }

    async fn name_snapshot(&self, id: DocumentId, named: NamedSnapshot) -> Result<(), StoreError> {
        self.inner().name_snapshot(id, named).await
    }

    async fn named_snapshots(&self, id: DocumentId) -> Result<Vec<NamedSnapshot>, StoreError> {
        self.inner().named_snapshots(id).await
    }

    async fn snapshot_before(
        &self,
        id: DocumentId,
        version: Version,
    ) -> Result<Option<Snapshot>, StoreError> {
        self.inner().snapshot_before(id, version).await
    }

    async fn acquire_lock(&self, request: LockRequest) -> Result<Lock, StoreError> {
        self.inner().acquire_lock(request).await
    }

    async fn renew_lock(
        &self,
        id: DocumentId,
        lock: LockId,
        lease_ms: u64,
    ) -> Result<Lock, StoreError> {
        self.inner().renew_lock(id, lock, lease_ms).await
    }

    async fn release_lock(&self, id: DocumentId, lock: LockId) -> Result<bool, StoreError> {
        self.inner().release_lock(id, lock).await
    }

    async fn locks(&self, id: DocumentId) -> Result<Vec<Lock>, StoreError> {
        self.inner().locks(id).await
    }

    async fn conflicts(&self, query: ConflictQuery) -> Result<Vec<Conflict>, StoreError> {
        self.inner().conflicts(query).await
    }

    async fn conflict(
        &self,
        id: DocumentId,
        conflict: ConflictId,
    ) -> Result<Option<Conflict>, StoreError> {
        self.inner().conflict(id, conflict).await
    }

    async fn audit(
        &self,
        id: DocumentId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.inner().audit(id, after, limit).await
    }

    async fn list(&self, query: ListQuery) -> Result<Page, StoreError> {
        self.inner().list(query).await
    }
}
