//! What another process has written to the document.

use std::sync::Arc;

use super::{Owner, describe, open_conflicts};
use crate::decide::writer_id;
use crate::error::Closed;
use crate::hub::News;
use crate::rebuild::rebuild;
use crate::record::{Change, Record};
use crate::store::{Since, StoreError};

impl Owner {
    /// Takes in what was appended elsewhere, if the content is that of what is published. A content
    /// that cannot take it in is loaded anew.
    pub(super) async fn catch_up(&mut self) -> Result<(), Closed> {
        let id = self.document.id;
        let head = self.around.store.head(id).await.map_err(failed)?;
        if head.version <= self.document.version {
            return Ok(());
        }
        let behind = head.version.0 - self.document.version.0;
        let Some(records) = self
            .missing(usize::try_from(behind).unwrap_or(usize::MAX))
            .await?
        else {
            return self.reload().await;
        };
        let concerns_conflicts = records.iter().any(|record| record.conflict.is_some());
        let complete = records.last().map(|record| record.version) == Some(head.version);
        let replayed = records
            .iter()
            .try_for_each(|record| self.content.replay(record));
        if concerns_conflicts || !complete || replayed.is_err() {
            return self.reload().await;
        }
        self.document = head;
        self.tell(records).await
    }

    /// Replaces what is in memory by what is stored, and tells the subscribers what they have not seen.
    pub(super) async fn reload(&mut self) -> Result<(), Closed> {
        let id = self.document.id;
        let mut stored = self.around.store.load(id).await.map_err(failed)?;
        let open = open_conflicts(&mut stored);
        let writer = writer_id((self.around.ids)());
        let (document, content) = rebuild(stored, writer).map_err(failed)?;
        let behind = document.version.0.saturating_sub(self.published.0);
        (self.document, self.content, self.open) = (document, content, open);
        match self
            .missing(usize::try_from(behind).unwrap_or(usize::MAX))
            .await?
        {
            Some(records) => self.tell(records).await,
            None => {
                self.published = self.document.version;
                self.around.hub.start_over(&self.document);
                Ok(())
            }
        }
    }

    /// The records that the subscribers have not seen; `None` when they are too many, or gone.
    async fn missing(&self, behind: usize) -> Result<Option<Vec<Arc<Record>>>, Closed> {
        if behind == 0 {
            return Ok(Some(Vec::new()));
        }
        if behind > self.around.limits.unseen_records_max {
            return Ok(None);
        }
        let store = &self.around.store;
        let since = store.since(self.document.id, self.published, behind).await;
        Ok(match since.map_err(failed)? {
            Since::Records(records) => Some(records),
            Since::Pruned { .. } => None,
        })
    }

    async fn tell(&mut self, records: Vec<Arc<Record>>) -> Result<(), Closed> {
        if records.is_empty() {
            return Ok(());
        }
        let is_head = |record: &Arc<Record>| matches!(record.change, Change::Properties(_));
        let head_changed = records.iter().any(is_head);
        let bytes = records.iter().map(|record| record.weight()).sum();
        self.snapshot.on_append(records.len(), bytes);
        let mut news = Vec::with_capacity(records.len());
        for record in records {
            let mut conflicts = Vec::new();
            if let Some(conflict) = record.conflict {
                let found = self.around.store.conflict(self.document.id, conflict).await;
                conflicts.extend(found.map_err(failed)?.map(Arc::new));
            }
            news.push(News::new(record, None, conflicts));
        }
        self.published = self.document.version;
        let hub = &self.around.hub;
        hub.set_content_bytes(self.content.memory_bytes());
        hub.publish(&self.document, news, head_changed);
        Ok(())
    }
}

fn failed(error: StoreError) -> Closed {
    Closed::StoreFailed(describe(&error))
}
