//! From a batch of edits to one append, and what to do when the store has reasons against it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::accept::Considered;
use super::{Accepted, Asked, Owner, describe};
use crate::audit::AuditEntry;
use crate::bus::Hint;
use crate::conflict::Conflict;
use crate::decide::{Accepting, Refusal};
use crate::document::Document;
use crate::error::{Closed, EditError};
use crate::hub::News;
use crate::identity::{OperationId, Version};
use crate::record::Status;
use crate::store::{Append, StoreError};

/// Edits that were accepted and are not stored yet.
#[derive(Default)]
struct Batch {
    accepted: Vec<Decided>,
    head_changed: bool,
}

/// An edit, and what goes with its record; `None` when nothing of it is new.
type Decided = (Asked, Option<Accepting>);

impl Owner {
    /// Decides about all of these and makes durable what is accepted. Each is answered.
    pub(super) async fn decide_all(&mut self, edits: Vec<Asked>) -> Result<(), Closed> {
        let mut waiting = VecDeque::from(edits);
        let mut attempts = 0;
        while !waiting.is_empty() {
            let batch = self.gather(&mut waiting).await?;
            match self.commit(batch).await? {
                Committed::Done => attempts = 0,
                Committed::Again(again, some_answered) => {
                    again
                        .into_iter()
                        .rev()
                        .for_each(|asked| waiting.push_front(asked));
                    // Only what nobody gained by counts: the others are fewer with each attempt.
                    attempts = if some_answered { 0 } else { attempts + 1 };
                }
            }
            if attempts >= self.around.limits.append_attempts_max {
                for asked in waiting.drain(..) {
                    drop(asked.answer.send(Err(EditError::Busy)));
                }
            }
        }
        Ok(())
    }

    /// Decides about edits until one needs everything before it to be stored.
    async fn gather(&mut self, waiting: &mut VecDeque<Asked>) -> Result<Batch, Closed> {
        let mut batch = Batch::default();
        while let Some(mut asked) = waiting.pop_front() {
            if batch.has_named(&asked) {
                waiting.push_front(asked);
                break;
            }
            let all_stored = !batch.has_news();
            match self.accept(&mut asked, all_stored).await {
                Ok(Considered::AfterTheStored) => {
                    waiting.push_front(asked);
                    break;
                }
                Ok(Considered::Known) => batch.accepted.push((asked, None)),
                Ok(Considered::New(accepting)) => {
                    batch.head_changed |= accepting.document.is_some();
                    batch.accepted.push((asked, Some(accepting)));
                }
                Err(Refusal::Clean(error)) if !all_stored && error.depends_on_the_document() => {
                    // Those before it first: then it is known what the store has.
                    waiting.push_front(asked);
                    break;
                }
                Err(Refusal::Clean(error)) => self.refuse_or_retry(asked, error, waiting).await?,
                Err(Refusal::Dirty(error)) => {
                    // Those before it are decided about anew, with what is stored.
                    let again = batch.accepted.drain(..).map(|(asked, _)| asked);
                    again.rev().for_each(|asked| waiting.push_front(asked));
                    self.reload().await?;
                    drop(asked.answer.send(Err(error)));
                    batch = Batch::default();
                }
            }
        }
        Ok(batch)
    }

    /// An edit that cannot be done here may be possible with what another process has written.
    async fn refuse_or_retry(
        &mut self,
        asked: Asked,
        error: EditError,
        waiting: &mut VecDeque<Asked>,
    ) -> Result<(), Closed> {
        let before = self.document.version;
        if error.depends_on_the_document() {
            self.catch_up().await?;
        }
        if self.document.version == before {
            self.refuse(asked, error).await;
        } else {
            waiting.push_front(asked);
        }
        Ok(())
    }

    /// An edit that cannot be done may have been done before.
    async fn refuse(&self, asked: Asked, error: EditError) {
        let known = self.known_answer(&asked).await;
        drop(asked.answer.send(known.unwrap_or(Err(error))));
    }

    /// Makes everything accepted durable, then tells the subscribers and the authors.
    async fn commit(&mut self, batch: Batch) -> Result<Committed, Closed> {
        let Some(append) = self.append_of(&batch) else {
            self.answer_batch(batch);
            return Ok(Committed::Done);
        };
        match self.around.store.append(append).await {
            Ok(()) => {
                self.publish(batch);
                Ok(Committed::Done)
            }
            Err(error) => self.on_refused(batch, error).await,
        }
    }

    /// The append of a batch; `None` when there is nothing new in it. Moves the head's audit hash.
    fn append_of(&mut self, batch: &Batch) -> Option<Append> {
        let news = || {
            let accepted = batch.accepted.iter();
            accepted.filter_map(|(asked, new)| Some((&asked.record, new.as_ref()?)))
        };
        let (first, _) = news().next()?;
        let mut append = Append {
            expected: Version(first.version.0 - 1),
            records: Vec::with_capacity(batch.accepted.len()),
            audit: Vec::with_capacity(batch.accepted.len()),
            conflicts: Vec::new(),
            settled: Vec::new(),
            document: self.document.clone(),
        };
        for (record, accepting) in news() {
            let entry = AuditEntry::of(self.document.id, self.document.audit, record);
            self.document.audit = entry.hash;
            append.audit.push(entry);
            append.records.push(Arc::clone(record));
            append.settled.extend(&accepting.settled);
            for conflict in &accepting.conflicts {
                append
                    .conflicts
                    .retain(|known: &Conflict| known.id != conflict.id);
                append.conflicts.push(conflict.clone());
            }
        }
        append.document.audit = self.document.audit;
        Some(append)
    }

    /// Everybody hears of what is stored, the subscribers first.
    fn publish(&mut self, batch: Batch) {
        let mut news = Vec::with_capacity(batch.accepted.len());
        let mut answers = Vec::with_capacity(batch.accepted.len());
        let mut bytes = 0;
        let known = Accepted::known(&self.document);
        for (asked, accepting) in batch.accepted {
            let Some(accepting) = accepting else {
                answers.push((asked.answer, known, asked.pending));
                continue;
            };
            let accepted = Accepted::of(&asked.record);
            answers.push((asked.answer, accepted, asked.pending));
            bytes += asked.record.weight();
            let conflicts = accepting.conflicts.into_iter().map(Arc::new).collect();
            news.push(News::new(asked.record, asked.origin, conflicts));
        }
        self.snapshot.on_append(news.len(), bytes);
        self.published = self.document.version;
        let hub = &self.around.hub;
        hub.set_content_bytes(self.content.memory_bytes());
        hub.publish(&self.document, news, batch.head_changed);
        self.around.bus.announce(Hint {
            document_id: self.document.id,
            version: self.document.version,
        });
        for (answer, accepted, _pending) in answers {
            drop(answer.send(Ok(accepted)));
        }
    }

    /// Nothing in the batch is new: all of it is in the log.
    fn answer_batch(&self, batch: Batch) {
        let known = Accepted::known(&self.document);
        for (asked, _) in batch.accepted {
            drop(asked.answer.send(Ok(known)));
        }
    }

    /// The store has written nothing, or does not know. Those who can be answered are; the others are
    /// decided about again.
    async fn on_refused(&mut self, batch: Batch, error: StoreError) -> Result<Committed, Closed> {
        let mut again: Vec<_> = batch.accepted;
        let asked = again.len();
        match error {
            StoreError::Conflict { .. } => self.reload().await?,
            StoreError::Guarded {
                record, violation, ..
            } => {
                self.reload().await?;
                let mut news = (0..again.len()).filter(|index| again[*index].1.is_some());
                if let Some(index) = news.nth(record) {
                    let (asked, _) = again.remove(index);
                    drop(asked.answer.send(Err(violation.into())));
                }
            }
            StoreError::Duplicate { operation, .. } => {
                self.reload().await?;
                again = self.answer_known(again, operation).await;
            }
            error => {
                let reason = describe(&error);
                for (asked, _) in again {
                    let error = EditError::Unavailable(reason.clone());
                    drop(asked.answer.send(Err(error)));
                }
                return Err(Closed::StoreFailed(reason));
            }
        }
        let some_answered = again.len() < asked;
        let again = again.into_iter().map(|(asked, _)| asked).collect();
        Ok(Committed::Again(again, some_answered))
    }

    /// The log has this operation: answers all that are in it already, and gives back the others. Whoever
    /// sends a long queue again is answered at once, not with one attempt to append for each.
    async fn answer_known(&self, batch: Vec<Decided>, duplicate: OperationId) -> Vec<Decided> {
        let mut others = Vec::with_capacity(batch.len());
        for (asked, accepting) in batch {
            let is_it = asked.record.terms.operation_id == Some(duplicate);
            let known = self.known_answer(&asked).await;
            let reused = || is_it.then_some(Err(EditError::OperationReused(duplicate)));
            match known.or_else(reused) {
                Some(answer) => drop(asked.answer.send(answer)),
                None => others.push((asked, accepting)),
            }
        }
        others
    }
}

/// What became of a batch.
enum Committed {
    /// It is durable, and everybody knows.
    Done,
    /// These are to be decided about again; and whether others were answered.
    Again(Vec<Asked>, bool),
}

impl Batch {
    fn has_news(&self) -> bool {
        self.accepted
            .iter()
            .any(|(_, accepting)| accepting.is_some())
    }

    /// Whether an operation of the same name is among these: its answer comes from the log.
    fn has_named(&self, asked: &Asked) -> bool {
        let name = |asked: &Asked| -> Option<OperationId> { asked.record.terms.operation_id };
        let wanted = name(asked);
        wanted.is_some() && self.accepted.iter().any(|(known, _)| name(known) == wanted)
    }
}

impl Accepted {
    fn known(document: &Document) -> Self {
        Self {
            version: document.version,
            operation_id: None,
            status: Status::Applied,
            conflict: None,
        }
    }
}
