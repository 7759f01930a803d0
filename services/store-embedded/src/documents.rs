//! Documents: the [`DocumentStore`] over the log and the tables.

use async_trait::async_trait;
use statesync_core::{
    Append, Document, DocumentId, DocumentStore, ListQuery, Page, Since, Snapshot, StoreError,
    Stored, Version,
};

use crate::error::Refusal;
use crate::queue::Reads;
use crate::rows::Rows;
use crate::store::{EmbeddedStore, REQUEST_BYTES_MAX};

mod change;
mod description;
mod head;
mod key;
mod list;
mod load;
mod record;
mod snapshot;

use description::Description;
use snapshot::Progress;

/// Records whose removal is one commit: enough to make it rare, few enough not to keep the
/// committer from others for more than some milliseconds.
const PRUNED_PER_COMMIT: u64 = 4096;

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
        self.shared
            .readers
            .read(move |tables| load::stored(&tables.now(), id))
            .await
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        let prepared = change::Prepared::new(&append)?;
        let bytes = checked_size(prepared.bytes())?;
        self.shared
            .write(bytes, |reads, rows| prepared.decide(reads, rows))
            .await
    }

    async fn since(
        &self,
        id: DocumentId,
        after: Version,
        limit: usize,
    ) -> Result<Since, StoreError> {
        self.shared
            .readers
            .read(move |tables| load::since(&tables.now(), id, after, limit))
            .await
    }

    async fn save_snapshot(
        &self,
        id: DocumentId,
        snapshot: Snapshot,
        prune_through: Version,
    ) -> Result<(), StoreError> {
        let bytes = checked_size(snapshot.content.len())?;
        let decide = move |reads: &Reads<'_>, rows: &mut Rows| {
            snapshot::save(reads, rows, id, &snapshot, prune_through, PRUNED_PER_COMMIT)
        };
        let mut progress = self.shared.write(bytes, decide).await?;
        // What an error or a cancellation leaves is pruned with the next snapshot.
        while progress == Progress::MoreToPrune {
            let decide = move |reads: &Reads<'_>, rows: &mut Rows| {
                snapshot::prune(reads, rows, id, prune_through, PRUNED_PER_COMMIT)
            };
            progress = self.shared.write(0, decide).await?;
        }
        Ok(())
    }

    async fn list(&self, query: ListQuery) -> Result<Page, StoreError> {
        self.shared
            .readers
            .read(move |tables| list::page(&tables.now(), &query))
            .await
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
