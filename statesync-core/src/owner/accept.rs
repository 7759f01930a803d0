//! Decisions about the edits of a batch, with what they need beside the present document.

use std::sync::Arc;

use super::{Accepted, Asked, Owner, describe};
use crate::content::Content;
use crate::decide::{Accepting, Decision, Evidence, Need, Refusal, Situation, decide};
use crate::document::Document;
use crate::error::EditError;
use crate::history::{HistoryError, content_at};
use crate::identity::{OperationId, Version};
use crate::record::{Effect, Record, Status};
use crate::store::Since;

/// What the owner knows of an edit after it has decided.
pub(super) enum Considered {
    /// Its record is to be appended.
    New(Accepting),
    /// The log has all of it.
    Known,
    /// It can only be compared with what is stored: what is not, is to be stored first.
    AfterTheStored,
}

impl Owner {
    /// Decides about one edit; what it accepts is in the content and the head afterwards. `all_stored`:
    /// nothing else is that the store does not have.
    pub(super) async fn accept(
        &mut self,
        asked: &mut Asked,
        all_stored: bool,
    ) -> Result<Considered, Refusal> {
        let mut evidence = Evidence::default();
        loop {
            let draft = self.draft(&mut asked.record);
            let situation = Situation {
                document: &self.document,
                content: &mut self.content,
                open: &self.open,
                limits: &self.around.limits,
                policies: &self.around.policies,
                ids: &self.around.ids,
                evidence: &evidence,
            };
            match decide(situation, draft)? {
                Decision::Known => return Ok(Considered::Known),
                Decision::Append(accepting) => {
                    self.adopt(&asked.record, &accepting);
                    return Ok(Considered::New(accepting));
                }
                Decision::Needs(_) if !all_stored => return Ok(Considered::AfterTheStored),
                Decision::Needs(need) => self.bring(need, &mut evidence).await?,
            }
        }
    }

    /// The record as it is asked for, whatever an attempt before has made of it.
    fn draft<'a>(&self, record: &'a mut Arc<Record>) -> &'a mut Record {
        let draft = Arc::make_mut(record);
        let named = draft.terms.operation_id;
        draft.operation_id = named.unwrap_or_else(|| OperationId((self.around.ids)()));
        draft.version = self.document.version.next();
        draft.timestamp = self.around.hub.now();
        draft.status = Status::Applied;
        draft.effect = Effect::AsAsked;
        draft.conflict = None;
        draft
    }

    /// The head and the open conflicts as they are with this.
    fn adopt(&mut self, record: &Record, accepting: &Accepting) {
        if let Some(document) = &accepting.document {
            self.document = Document::clone(document);
        }
        self.document.version = record.version;
        self.document.updated_by = record.author.user_id.clone();
        self.document.updated_at = record.timestamp;
        for conflict in &accepting.conflicts {
            if conflict.is_open() {
                self.open.insert(conflict.id, conflict.clone());
            } else {
                self.open.remove(&conflict.id);
            }
        }
    }

    /// Reads what a decision lacks.
    async fn bring(&self, need: Need, evidence: &mut Evidence) -> Result<(), EditError> {
        match need {
            Need::RecordsSince(version) => {
                evidence.since = Some((version, self.records_since(version).await?));
            }
            Need::ContentAt(version) => {
                evidence.earlier = Some((version, self.content_at(version).await?));
            }
        }
        Ok(())
    }

    async fn records_since(&self, version: Version) -> Result<Vec<Arc<Record>>, EditError> {
        let (id, limit) = (self.document.id, self.around.limits.unseen_records_max);
        let since = self.around.store.since(id, version, limit).await;
        match since.map_err(|error| EditError::Unavailable(describe(&error)))? {
            Since::Records(mut records) => {
                // Another process may have written more: what that is to this edit shows when it is
                // appended.
                records.retain(|record| record.version <= self.document.version);
                Ok(records)
            }
            Since::Pruned { .. } => Err(self.stale(version)),
        }
    }

    /// The content at an earlier version: the newest snapshot that is not newer, and what follows.
    async fn content_at(&self, version: Version) -> Result<Content, EditError> {
        let store = self.around.store.as_ref();
        content_at(store, &self.document, version)
            .await
            .map_err(|error| match error {
                HistoryError::Gone { .. } => self.stale(version),
                other => EditError::Unavailable(describe(&other)),
            })
    }

    fn stale(&self, base: Version) -> EditError {
        EditError::Stale {
            base,
            current: self.document.version,
        }
    }

    /// The answer to an edit that is in the log already under the name that its author gave it, if it
    /// is.
    pub(super) async fn known_answer(&self, asked: &Asked) -> Option<Result<Accepted, EditError>> {
        let operation = asked.record.terms.operation_id?;
        let found = self
            .around
            .store
            .operation(self.document.id, operation)
            .await;
        let record = match found {
            Ok(record) => record?,
            Err(error) => return Some(Err(EditError::Unavailable(describe(&error)))),
        };
        let same = record.change == asked.record.change
            && record.author.user_id == asked.record.author.user_id;
        Some(if same {
            Ok(Accepted::of(&record))
        } else {
            Err(EditError::OperationReused(operation))
        })
    }
}

impl Accepted {
    /// The answer for what became this record.
    pub(super) fn of(record: &Record) -> Self {
        Self {
            version: record.version,
            operation_id: Some(record.operation_id),
            status: record.status,
            conflict: record.conflict,
        }
    }
}
