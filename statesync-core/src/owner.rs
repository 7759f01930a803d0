//! The owner of one open document: where concurrency ends.
//!
//! One task for each open document takes requests in order. It gathers the edits that wait,
//! decides about each, appends what is new in one atomic write, and only when the store has said
//! yes answers the authors and hands the records to the subscribers. Readers are answered after
//! that, so what they see is durable too.

use std::sync::Arc;

use bytes::Bytes;
use futures::channel::oneshot;

use crate::content::{Content, Reading};
use crate::decide::{Decision, Refusal, decide};
use crate::document::Document;
use crate::error::{Closed, EditError};
use crate::hub::{Hub, News, Pending};
use crate::identity::{IdSource, OperationId, Version};
use crate::limits::Limits;
use crate::presence::ConnectionId;
use crate::rebuild::{SnapshotState, rebuild};
use crate::record::{Edit, Record, Snapshot};
use crate::store::{Append, DocumentStore, StoreError, Stored};

/// The answer to an accepted edit. It is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The version of the document that has the edit in it.
    pub version: Version,
    /// The name of its record; `None` when the log had all of it already and nothing was added.
    pub operation_id: Option<OperationId>,
}

/// One thing that the owner is asked, and a mark that somebody waits for the answer.
pub(crate) struct Request {
    pub(crate) body: RequestBody,
    pub(crate) pending: Pending,
}

/// Where the author of an edit waits.
pub(crate) type AnswerTo = oneshot::Sender<Result<Accepted, EditError>>;

pub(crate) enum RequestBody {
    Edit(Edit, Option<ConnectionId>, AnswerTo),
    Read(Query, oneshot::Sender<Result<Answer, EditError>>),
}

/// What a reader asks for.
pub(crate) enum Query {
    /// What a peer with this state vector lacks.
    Difference(Bytes),
    /// The encoded state vector.
    StateVector,
    /// The content for readers without Yjs.
    Reading,
}

/// What a reader is told.
pub(crate) enum Answer {
    Bytes(Bytes),
    Reading(Version, Reading),
}

/// What an owner is made of, but for the document itself.
pub(crate) struct Surroundings {
    pub(crate) store: Arc<dyn DocumentStore>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) ids: IdSource,
    pub(crate) limits: Arc<Limits>,
    pub(crate) inbox: Inbox,
}

/// Where an owner takes its requests from.
pub(crate) struct Inbox(pub(crate) async_channel::Receiver<Request>);

impl Drop for Inbox {
    /// Those who still wait learn that nobody will answer. A channel keeps what is in it for as
    /// long as somebody could send more.
    fn drop(&mut self) {
        self.0.close();
        while self.0.try_recv().is_ok() {}
    }
}

pub(crate) struct Owner {
    around: Surroundings,
    /// The head with everything accepted, also what is not stored yet.
    document: Document,
    content: Content,
    snapshot: SnapshotState,
}

/// Edits that were accepted and are not stored yet.
#[derive(Default)]
struct Accepting {
    news: Vec<News>,
    bytes: usize,
    head_changed: bool,
    answers: Vec<(Accepted, AnswerTo, Pending)>,
}

impl Owner {
    /// Takes over a document as it was loaded.
    pub(crate) fn new(stored: Stored, around: Surroundings) -> Result<Self, StoreError> {
        let snapshot = SnapshotState::of(&stored);
        let (document, content) = rebuild(stored)?;
        around.hub.set_content_bytes(content.memory_bytes());
        Ok(Self {
            around,
            document,
            content,
            snapshot,
        })
    }

    /// Serves requests until nobody can send any more, or the store fails.
    pub(crate) async fn run(mut self) {
        while let Ok(first) = self.around.inbox.0.recv().await {
            if let Err(reason) = self.serve(first).await {
                tracing::error!(document = %self.document.id, ?reason, "document closed");
                self.around.hub.close(reason);
                return;
            }
            if self.snapshot.is_due(&self.around.limits) {
                self.save_snapshot().await;
            }
        }
        if self.snapshot.is_worth_leaving() {
            self.save_snapshot().await;
        }
    }

    /// Serves one request and those that wait behind it, as one batch.
    async fn serve(&mut self, first: Request) -> Result<(), Closed> {
        let limits = Arc::clone(&self.around.limits);
        let mut accepting = Accepting::default();
        let mut readers = Vec::new();
        let mut next = Some(first);
        let mut served = 0;
        while let Some(Request { body, pending }) = next {
            match body {
                RequestBody::Read(query, answer) => readers.push((query, answer, pending)),
                RequestBody::Edit(edit, origin, answer) => {
                    match self.accept(edit, origin, &mut accepting) {
                        Ok(accepted) => accepting.answers.push((accepted, answer, pending)),
                        Err(Refusal::Clean(error)) => drop(answer.send(Err(error))),
                        Err(Refusal::Dirty(error)) => {
                            self.commit(std::mem::take(&mut accepting)).await?;
                            self.reload().await?;
                            drop(answer.send(Err(error)));
                        }
                    }
                }
            }
            // All requests count, also those that add nothing: the others wait for the batch.
            served += 1;
            let full =
                served >= limits.batch_edits_max || accepting.bytes >= limits.batch_bytes_max;
            next = if full {
                None
            } else {
                self.around.inbox.0.try_recv().ok()
            };
        }
        self.commit(accepting).await?;
        for (query, answer, _pending) in readers {
            drop(answer.send(self.answer(query)));
        }
        Ok(())
    }

    /// Decides about one edit and gives it its place in the log.
    fn accept(
        &mut self,
        edit: Edit,
        origin: Option<ConnectionId>,
        accepting: &mut Accepting,
    ) -> Result<Accepted, Refusal> {
        match decide(
            &self.document,
            &mut self.content,
            &edit,
            &self.around.limits,
        )? {
            Decision::Known => {
                return Ok(Accepted {
                    version: self.document.version,
                    operation_id: None,
                });
            }
            Decision::Append => {}
            Decision::AppendWithHead(document) => {
                self.document = *document;
                accepting.head_changed = true;
            }
        }
        let record = Record {
            version: self.document.version.next(),
            operation_id: OperationId((self.around.ids)()),
            author: edit.author,
            timestamp: self.around.hub.now(),
            change: edit.change,
        };
        self.document.version = record.version;
        self.document.updated_by = record.author.user_id.clone();
        self.document.updated_at = record.timestamp;
        let accepted = Accepted {
            version: record.version,
            operation_id: Some(record.operation_id),
        };
        accepting.bytes += record.change.weight();
        accepting.news.push(News { record, origin });
        Ok(accepted)
    }

    /// Makes everything accepted durable, then tells the subscribers and the authors.
    async fn commit(&mut self, accepting: Accepting) -> Result<(), Closed> {
        let Accepting {
            news,
            bytes,
            head_changed,
            answers,
        } = accepting;
        if !news.is_empty() {
            let append = Append {
                expected: Version(self.document.version.0 - news.len() as u64),
                records: news.iter().map(|item| item.record.clone()).collect(),
                document: self.document.clone(),
            };
            if let Err(error) = self.around.store.append(append).await {
                let reason = describe(&error);
                for (_, answer, _pending) in answers {
                    drop(answer.send(Err(EditError::Unavailable(reason.clone()))));
                }
                return Err(Closed::StoreFailed(reason));
            }
            self.snapshot.on_append(news.len(), bytes);
            self.around
                .hub
                .set_content_bytes(self.content.memory_bytes());
            self.around.hub.publish(&self.document, news, head_changed);
        }
        for (accepted, answer, _pending) in answers {
            drop(answer.send(Ok(accepted)));
        }
        Ok(())
    }

    /// Replaces what is in memory by what is stored.
    async fn reload(&mut self) -> Result<(), Closed> {
        let stored = self.around.store.load(self.document.id).await;
        let rebuilt = stored.and_then(rebuild);
        let (document, content) = rebuilt.map_err(|error| Closed::StoreFailed(describe(&error)))?;
        if document.version != self.document.version {
            // Somebody else writes to it: the subscribers have not seen all of that.
            let (found, expected) = (document.version, self.document.version);
            let reason = format!("the log is at version {found}, not {expected}");
            return Err(Closed::StoreFailed(reason));
        }
        (self.document, self.content) = (document, content);
        Ok(())
    }

    fn answer(&self, query: Query) -> Result<Answer, EditError> {
        Ok(match query {
            Query::Difference(state_vector) => {
                Answer::Bytes(self.content.difference(&state_vector)?)
            }
            Query::StateVector => Answer::Bytes(self.content.state_vector()),
            Query::Reading => {
                Answer::Reading(self.document.version, self.content.read(self.document.kind))
            }
        })
    }

    /// Saves the present content, so that the log need not be read from its beginning. The log
    /// stays true without it, so a failure is only worth a warning.
    async fn save_snapshot(&mut self) {
        let content = self.content.snapshot();
        let (version, bytes) = (self.document.version, content.len());
        if !Content::is_readable(&content) {
            // Better a long log than one whose beginning is gone and whose snapshot is of no use.
            tracing::error!(document = %self.document.id, %version, "snapshot not readable");
            self.snapshot = SnapshotState::after_snapshot(bytes);
            return;
        }
        let prune_through = Version(version.0.saturating_sub(self.around.limits.history_records));
        let snapshot = Snapshot { version, content };
        let saved = self
            .around
            .store
            .save_snapshot(self.document.id, snapshot, prune_through)
            .await;
        match saved {
            Ok(()) => {
                self.content.on_snapshot(bytes);
                self.around
                    .hub
                    .set_content_bytes(self.content.memory_bytes());
                tracing::debug!(document = %self.document.id, %version, bytes, "snapshot saved");
            }
            Err(error) => {
                let id = self.document.id;
                tracing::warn!(document = %id, error = describe(&error), "snapshot not saved");
            }
        }
        // Also after a failure: the next attempt comes after as much writing again.
        self.snapshot = SnapshotState::after_snapshot(bytes);
    }
}

/// An error with its causes, in one line.
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
