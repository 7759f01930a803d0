//! The store: which module does what.

use async_trait::async_trait;
use statesync_core::{
    Append, AuditEntry, Conflict, ConflictId, ConflictQuery, Document, DocumentId, DocumentStore,
    ListQuery, Lock, LockId, LockRequest, NamedSnapshot, OperationId, Page, Record, Since,
    Snapshot, StoreError, Stored, Version,
};

use crate::append::Gathering;
use crate::error::ConnectError;
use crate::failure::Tries;
use crate::options::Options;
use crate::transaction::Transactions;
use crate::{append, audit, conflicts, connect, create, list, load, locks, migrate, snapshots};

/// Documents on PostgreSQL. Any number of processes may share a database.
///
/// Cancel safety: as [`DocumentStore`] says. An append that was polled once is carried out; the connection
/// of any other call that is dropped halfway is closed, not used again.
pub struct PostgresStore {
    gathering: Gathering,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PostgresStore")
            .field("connections", &self.transactions().connections())
            .finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Connects, and brings the tables to what this version expects, if [`Options::migrate`] says so. To be called within a tokio
    /// runtime, as everything else of the store.
    ///
    /// Cancel safety: a migration is applied as a whole or not at all.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`]. Nothing is tried again here: whoever starts a service wants to know.
    pub async fn connect(options: &Options) -> Result<Self, ConnectError> {
        let pool = connect::pool(options)?;
        let connection = pool.get().await;
        let mut connection = connection.map_err(|error| ConnectError::Unreachable {
            reason: connect::told(&error),
        })?;
        if options.migrate {
            migrate::migrate(&mut connection).await?;
        } else {
            migrate::expect_all(&mut connection).await?;
        }
        drop(connection);
        let transactions = Transactions::new(pool, options);
        Ok(Self {
            gathering: Gathering::new(transactions, options.committing.min(options.connections)),
        })
    }

    fn transactions(&self) -> &Transactions {
        self.gathering.transactions()
    }
}

/// Tries until it is done or makes no sense any more: for what may be done twice.
macro_rules! tried {
    ($attempt:expr) => {{
        let mut tries = Tries::default();
        loop {
            match $attempt.await {
                Ok(answer) => break Ok(answer),
                Err(failure) => tries.again(failure).await?,
            }
        }
    }};
}

#[async_trait]
impl DocumentStore for PostgresStore {
    async fn create(&self, document: &Document) -> Result<(), StoreError> {
        create::create(self.transactions(), document).await
    }

    async fn head(&self, id: DocumentId) -> Result<Document, StoreError> {
        tried!(load::head(self.transactions(), id))
    }

    async fn load(&self, id: DocumentId) -> Result<Stored, StoreError> {
        tried!(load::load(self.transactions(), id))
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        append::append(&self.gathering, append).await
    }

    async fn operation(
        &self,
        id: DocumentId,
        operation: OperationId,
    ) -> Result<Option<Record>, StoreError> {
        tried!(load::operation(self.transactions(), id, operation))
    }

    async fn versions(&self, ids: &[DocumentId]) -> Result<Vec<(DocumentId, Version)>, StoreError> {
        tried!(load::versions(self.transactions(), ids))
    }

    async fn since(
        &self,
        id: DocumentId,
        after: Version,
        limit: usize,
    ) -> Result<Since, StoreError> {
        tried!(load::since(self.transactions(), id, after, limit))
    }

    async fn save_snapshot(
        &self,
        id: DocumentId,
        snapshot: Snapshot,
        readable_from: Version,
    ) -> Result<(), StoreError> {
        let save = || snapshots::save(self.transactions(), id, &snapshot, readable_from);
        let pruned: Result<Version, StoreError> = tried!(save());
        snapshots::sweep(self.transactions(), id, pruned?).await;
        Ok(())
    }

    async fn name_snapshot(&self, id: DocumentId, named: NamedSnapshot) -> Result<(), StoreError> {
        snapshots::name(self.transactions(), id, &named).await
    }

    async fn named_snapshots(&self, id: DocumentId) -> Result<Vec<NamedSnapshot>, StoreError> {
        tried!(snapshots::named(self.transactions(), id))
    }

    async fn snapshot_before(
        &self,
        id: DocumentId,
        version: Version,
    ) -> Result<Option<Snapshot>, StoreError> {
        tried!(snapshots::before(self.transactions(), id, version))
    }

    async fn acquire_lock(&self, request: LockRequest) -> Result<Lock, StoreError> {
        tried!(locks::acquire(self.transactions(), &request))
    }

    async fn renew_lock(
        &self,
        id: DocumentId,
        lock: LockId,
        lease_ms: u64,
    ) -> Result<Lock, StoreError> {
        tried!(locks::renew(self.transactions(), id, lock, lease_ms))
    }

    async fn release_lock(&self, id: DocumentId, lock: LockId) -> Result<bool, StoreError> {
        let mut was_live = false;
        let released: Result<(), StoreError> =
            tried!(locks::release(self.transactions(), id, lock, &mut was_live));
        released.map(|()| was_live)
    }

    async fn locks(&self, id: DocumentId) -> Result<Vec<Lock>, StoreError> {
        tried!(locks::live(self.transactions(), id))
    }

    async fn conflicts(&self, query: ConflictQuery) -> Result<Vec<Conflict>, StoreError> {
        tried!(conflicts::conflicts(self.transactions(), &query))
    }

    async fn conflict(
        &self,
        id: DocumentId,
        conflict: ConflictId,
    ) -> Result<Option<Conflict>, StoreError> {
        tried!(conflicts::one(self.transactions(), id, conflict))
    }

    async fn audit(
        &self,
        id: DocumentId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        tried!(audit::audit(self.transactions(), id, after, limit))
    }

    async fn list(&self, query: ListQuery) -> Result<Page, StoreError> {
        tried!(list::list(self.transactions(), &query))
    }

    async fn ids(
        &self,
        before: Option<DocumentId>,
        limit: usize,
    ) -> Result<Vec<DocumentId>, StoreError> {
        tried!(list::ids(self.transactions(), before, limit))
    }
}
