//! Snapshots, saved beside the owner: no edit waits for one.
//!
//! The log is true without them, so a failure is only worth a warning. There is at most one on its
//! way: a slow store has one content of a document to write, not many.

use std::sync::Arc;

use futures::channel::oneshot;
use futures::future::FutureExt as _;

use super::{Owner, describe};
use crate::content::Content;
use crate::document::DocumentType;
use crate::identity::{DocumentId, Version};
use crate::rebuild::SnapshotState;
use crate::record::Snapshot;
use crate::store::DocumentStore;

/// The snapshot that is on its way, if there is one.
#[derive(Default)]
pub(super) struct Saving(Option<oneshot::Receiver<()>>);

impl Saving {
    fn is_over(&mut self) -> bool {
        // Cancelled is over as well.
        let is_under_way = |end: &mut oneshot::Receiver<()>| matches!(end.try_recv(), Ok(None));
        !self.0.as_mut().is_some_and(is_under_way)
    }

    async fn end(&mut self) {
        if let Some(end) = self.0.take() {
            // Cancelled: the task ended without a word.
            let _ = end.await;
        }
    }
}

impl Owner {
    /// Begins to save a snapshot if one is due and the last one is saved.
    pub(super) fn save_if_due(&mut self) {
        if self.snapshot.is_due(&self.around.limits) && self.saving.is_over() {
            self.save_snapshot();
        }
    }

    /// Leaves a snapshot behind if that is worth it, and returns when nothing is on its way any more.
    pub(super) async fn save_and_leave(&mut self) {
        self.saving.end().await;
        if self.snapshot.is_worth_leaving() {
            self.save_snapshot();
            self.saving.end().await;
        }
    }

    /// Begins to save the present content, so that the log need not be read from its beginning.
    fn save_snapshot(&mut self) {
        let content = self.content.snapshot();
        let (version, bytes) = (self.document.version, content.len());
        let kept = self.around.limits.history_records;
        let job = Job {
            id: self.document.id,
            kind: self.document.kind,
            snapshot: Snapshot { version, content },
            readable_from: Version(version.0.saturating_sub(kept)),
        };
        let (over, end) = oneshot::channel();
        let store = Arc::clone(&self.around.store);
        let task = async move {
            job.save(store.as_ref()).await;
            drop(over);
        };
        self.around.spawner.spawn(task.boxed());
        self.saving = Saving(Some(end));
        // Also if it fails: the next attempt comes after as much writing again.
        self.snapshot = SnapshotState::after_snapshot(bytes);
        self.content.on_snapshot(bytes);
        let memory = self.content.memory_bytes();
        self.around.hub.set_content_bytes(memory);
    }
}

/// A snapshot to be saved, and the oldest version that must stay readable then.
struct Job {
    id: DocumentId,
    kind: DocumentType,
    snapshot: Snapshot,
    readable_from: Version,
}

impl Job {
    async fn save(self, store: &dyn DocumentStore) {
        let (id, version, bytes) = (self.id, self.snapshot.version, self.snapshot.content.len());
        if !Content::is_readable(self.kind, &self.snapshot.content) {
            // Better a long log than one whose beginning is gone and whose snapshot is of no use.
            tracing::error!(document = %id, %version, "snapshot not readable");
            return;
        }
        let saved = store.save_snapshot(id, self.snapshot, self.readable_from);
        match saved.await {
            Ok(()) => tracing::debug!(document = %id, %version, bytes, "snapshot saved"),
            Err(error) => {
                tracing::warn!(document = %id, error = describe(&error), "snapshot not saved");
            }
        }
    }
}
