//! Documents: the [`DocumentStore`] over the log and the tables.

use async_trait::async_trait;
use statesync_core::{
    Append, AuditEntry, Conflict, ConflictId, ConflictQuery, Document, DocumentId, DocumentStore,
    ListQuery, Lock, LockId, LockRequest, NamedSnapshot, OperationId, Page, Record, Since,
    Snapshot, StoreError, Stored, Version,
};

use crate::error::Refusal;
use crate::queue::Reads;
use crate::rows::Rows;
use crate::store::{EmbeddedStore, REQUEST_BYTES_MAX};
use crate::tables::View;

mod audit;
mod change;
mod conflict;
mod description;
mod head;
mod key;
mod list;
mod load;
mod lock;
mod named;
mod operation;
mod record;
mod snapshot;

use description::Description;
use snapshot::{Progress, Prune};

pub(crate) use key::is_never_decided_upon;

/// Records whose removal is one commit: enough to make it rare, few enough not to keep the
/// committer from others for more than some milliseconds.
const PRUNED_PER_COMMIT: u64 = 4096;

impl EmbeddedStore {
    /// Reads, at one moment, in a thread that is there for that.
    async fn read<Answer: Send + 'static>(
        &self,
        read: impl FnOnce(&View<'_>) -> Result<Answer, StoreError> + Send + 'static,
    ) -> Result<Answer, StoreError> {
        let read = move |tables: &crate::tables::Tables| read(&tables.now());
        self.shared.readers.read(read).await
    }

    /// The next portion of records to prune.
    async fn portion(
        &self,
        id: DocumentId,
        saved: Version,
        readable_from: Version,
    ) -> Result<Prune, StoreError> {
        let find =
            move |view: &View<'_>| Prune::find(view, id, saved, readable_from, PRUNED_PER_COMMIT);
        self.read(find).await
    }
}

#[async_trait]
impl DocumentStore for EmbeddedStore {
    async fn create(&self, document: &Document) -> Result<(), StoreError> {
        if document.version != Version::ZERO {
            return Err(refused("a new document is at version zero"));
        }
        let description = Description::of(document).encode(document.id)?;
        let bytes = checked_size(description.bytes.len())?;
        let document = document.clone();
        let decide = move |reads: &Reads<'_>, rows: &mut Rows| {
            change::create(reads, rows, &document, &description)
        };
        self.shared.write(bytes, decide).await
    }

    async fn head(&self, id: DocumentId) -> Result<Document, StoreError> {
        Ok(load::document(&self.shared.tables.now(), id)?.0)
    }

    async fn load(&self, id: DocumentId) -> Result<Stored, StoreError> {
        self.read(move |view| load::stored(view, id)).await
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        let prepared = change::Prepared::new(append)?;
        let bytes = checked_size(prepared.bytes())?;
        let clock = self.shared.leases.clone();
        let decide = move |reads: &Reads<'_>, rows: &mut Rows| {
            prepared.decide(reads, rows, &clock)?;
            // Back to who made it: memory is freed most cheaply by the thread that asked for it, and the
            // committer has others to serve.
            Ok(prepared)
        };
        self.shared.write(bytes, decide).await.map(drop)
    }

    async fn operation(
        &self,
        id: DocumentId,
        operation: OperationId,
    ) -> Result<Option<Record>, StoreError> {
        operation::record(&self.shared.tables.now(), id, operation)
    }

    async fn versions(&self, ids: &[DocumentId]) -> Result<Vec<(DocumentId, Version)>, StoreError> {
        let ids = ids.to_vec();
        self.read(move |view| load::versions(view, &ids)).await
    }

    async fn since(
        &self,
        id: DocumentId,
        after: Version,
        limit: usize,
    ) -> Result<Since, StoreError> {
        self.read(move |view| load::since(view, id, after, limit))
            .await
    }

    async fn save_snapshot(
        &self,
        id: DocumentId,
        snapshot: Snapshot,
        readable_from: Version,
    ) -> Result<(), StoreError> {
        let bytes = checked_size(snapshot.content.len())?;
        let saved = snapshot.version;
        let portion = self.portion(id, saved, readable_from).await?;
        let decide = move |reads: &Reads<'_>, rows: &mut Rows| {
            snapshot::save(reads, rows, id, &snapshot, &portion)
        };
        let mut progress = self.shared.write(bytes, decide).await?;
        // What an error or a cancellation leaves is pruned with the next snapshot.
        while progress == Progress::MoreToPrune {
            let portion = self.portion(id, saved, readable_from).await?;
            let decide = move |reads: &Reads<'_>, rows: &mut Rows| {
                snapshot::prune(reads, rows, id, &portion)
            };
            progress = self.shared.write(0, decide).await?;
        }
        Ok(())
    }

    async fn name_snapshot(&self, id: DocumentId, named: NamedSnapshot) -> Result<(), StoreError> {
        if named.name.len() > key::NAME_BYTES_MAX {
            return Err(refused("the name of the snapshot is too long"));
        }
        let bytes = checked_size(named.snapshot.content.len())?;
        let decide = move |reads: &Reads<'_>, rows: &mut Rows| named::add(reads, rows, id, &named);
        self.shared.write(bytes, decide).await
    }

    async fn named_snapshots(&self, id: DocumentId) -> Result<Vec<NamedSnapshot>, StoreError> {
        self.read(move |view| named::list(view, id)).await
    }

    async fn snapshot_before(
        &self,
        id: DocumentId,
        version: Version,
    ) -> Result<Option<Snapshot>, StoreError> {
        self.read(move |view| named::newest_before(view, id, version))
            .await
    }

    async fn acquire_lock(&self, request: LockRequest) -> Result<Lock, StoreError> {
        let clock = self.shared.leases.clone();
        let decide =
            move |reads: &Reads<'_>, rows: &mut Rows| lock::acquire(reads, rows, request, &clock);
        self.shared.write(0, decide).await
    }

    async fn renew_lock(
        &self,
        id: DocumentId,
        lock: LockId,
        lease_ms: u64,
    ) -> Result<Lock, StoreError> {
        let clock = self.shared.leases.clone();
        let decide = move |reads: &Reads<'_>, rows: &mut Rows| {
            lock::renew(reads, rows, id, lock, lease_ms, &clock)
        };
        self.shared.write(0, decide).await
    }

    async fn release_lock(&self, id: DocumentId, lock: LockId) -> Result<bool, StoreError> {
        let clock = self.shared.leases.clone();
        let decide =
            move |reads: &Reads<'_>, rows: &mut Rows| lock::release(reads, rows, id, lock, &clock);
        self.shared.write(0, decide).await
    }

    async fn locks(&self, id: DocumentId) -> Result<Vec<Lock>, StoreError> {
        lock::live(&self.shared.tables.now(), id, &self.shared.leases)
    }

    async fn conflicts(&self, query: ConflictQuery) -> Result<Vec<Conflict>, StoreError> {
        self.read(move |view| conflict::page(view, &query)).await
    }

    async fn conflict(
        &self,
        id: DocumentId,
        conflict: ConflictId,
    ) -> Result<Option<Conflict>, StoreError> {
        conflict::one(&self.shared.tables.now(), id, conflict)
    }

    async fn audit(
        &self,
        id: DocumentId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(move |view| audit::page(view, id, after, limit))
            .await
    }

    async fn list(&self, query: ListQuery) -> Result<Page, StoreError> {
        self.read(move |view| list::page(view, &query)).await
    }

    async fn ids(
        &self,
        before: Option<DocumentId>,
        limit: usize,
    ) -> Result<Vec<DocumentId>, StoreError> {
        self.read(move |view| list::ids(view, before, limit)).await
    }
}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> Self {
        Self::Unavailable {
            reason: refusal.to_string(),
        }
    }
}

fn corrupt(id: DocumentId, lost: impl ToString) -> StoreError {
    let lost = lost.to_string();
    tracing::error!(document = %id, lost, "a stored document is damaged");
    StoreError::Corrupt { id, lost }
}

/// What the caller asks for cannot be done by any store.
fn refused(why: &'static str) -> StoreError {
    StoreError::Backend(why.into())
}

fn checked_size(bytes: usize) -> Result<usize, StoreError> {
    if bytes <= REQUEST_BYTES_MAX {
        return Ok(bytes);
    }
    let why = format!("{bytes} bytes in one write; at most {REQUEST_BYTES_MAX} are possible");
    Err(StoreError::Backend(why.into()))
}

#[cfg(test)]
mod tests;
