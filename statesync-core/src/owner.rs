//! The owner of one open document: where concurrency ends, in this process.
//!
//! One task for each open document takes requests in order. It gathers the edits that wait,
//! decides about each, appends what is new in one atomic write, and only when the store has said
//! yes answers the authors and hands the records to the subscribers. Readers are answered after
//! that, so what they see is durable too.
//!
//! Other processes may own the same document. Whoever appends first wins: the others read what was
//! appended (`refresh.rs`) and decide again.

mod accept;
mod commit;
mod refresh;
mod saving;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::channel::oneshot;

use self::saving::Saving;

use crate::bus::Bus;
use crate::conflict::{Conflict, ConflictId};
use crate::content::{Content, Reading};
use crate::decide::writer_id;
use crate::document::Document;
use crate::error::{Closed, EditError};
use crate::hub::{Hub, Pending};
use crate::identity::{IdSource, OperationId, Version};
use crate::library::Spawner;
use crate::limits::Limits;
use crate::policy::Policies;
use crate::presence::ConnectionId;
use crate::rebuild::{SnapshotState, rebuild};
use crate::record::{Record, Snapshot, Status};
use crate::store::{DocumentStore, StoreError, Stored};

/// The answer to an accepted edit. It is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The version of the document that has the edit in it.
    pub version: Version,
    /// The name of its record; `None` when the log had all of it already and nothing was added.
    pub operation_id: Option<OperationId>,
    /// What became of it: it holds, or waits for somebody who settles a conflict.
    pub status: Status,
    /// The conflict that it is in, or settled.
    pub conflict: Option<ConflictId>,
}

/// One thing that the owner is asked, and a mark that somebody waits for the answer.
pub(crate) struct Request {
    pub(crate) body: RequestBody,
    pub(crate) pending: Pending,
}

/// Where the author of an edit waits.
pub(crate) type AnswerTo = oneshot::Sender<Result<Accepted, EditError>>;

pub(crate) enum RequestBody {
    Edit(Arc<Record>, Option<ConnectionId>, AnswerTo),
    Read(Query, oneshot::Sender<Result<Answer, EditError>>),
    /// Another process has written to the document.
    Refresh,
}

/// What a reader asks for.
pub(crate) enum Query {
    /// What a peer with this state vector lacks.
    Difference(Bytes),
    /// The encoded state vector.
    StateVector,
    /// The content for readers without Yjs.
    Reading,
    /// All of the content, to be kept.
    Snapshot,
    /// The version, with what other processes have written.
    Newest,
}

/// What a reader is told.
pub(crate) enum Answer {
    Bytes(Bytes),
    Reading(Version, Reading),
    Snapshot(Snapshot),
    Version(Version),
}

/// What an owner is made of, but for the document itself.
pub(crate) struct Surroundings {
    pub(crate) store: Arc<dyn DocumentStore>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) spawner: Arc<dyn Spawner>,
    pub(crate) ids: IdSource,
    pub(crate) limits: Arc<Limits>,
    pub(crate) policies: Policies,
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
    /// Conflicts that wait, also those that are not stored yet.
    open: BTreeMap<ConflictId, Conflict>,
    /// The version that the subscribers know of.
    published: Version,
    snapshot: SnapshotState,
    saving: Saving,
}

/// An edit that waits for its answer.
struct Asked {
    /// The record that it is to become. Nobody else has it before it is accepted.
    record: Arc<Record>,
    origin: Option<ConnectionId>,
    answer: AnswerTo,
    pending: Pending,
}

type Reader = (Query, oneshot::Sender<Result<Answer, EditError>>, Pending);

impl Owner {
    /// Takes over a document as it was loaded.
    pub(crate) fn new(mut stored: Stored, around: Surroundings) -> Result<Self, StoreError> {
        let snapshot = SnapshotState::of(&stored);
        let open = open_conflicts(&mut stored);
        let (document, content) = rebuild(stored, writer_id((around.ids)()))?;
        around.hub.set_content_bytes(content.memory_bytes());
        Ok(Self {
            published: document.version,
            around,
            document,
            content,
            open,
            snapshot,
            saving: Saving::default(),
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
            self.save_if_due();
        }
        self.save_and_leave().await;
    }

    /// Serves one request and those that wait behind it, as one batch.
    async fn serve(&mut self, first: Request) -> Result<(), Closed> {
        let (mut edits, mut readers, mut refresh) = (Vec::new(), Vec::new(), false);
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(Request { body, pending }) = next {
            match body {
                RequestBody::Read(query, answer) => {
                    refresh |= matches!(query, Query::Newest);
                    readers.push((query, answer, pending));
                }
                RequestBody::Refresh => refresh = true,
                RequestBody::Edit(record, origin, answer) => {
                    bytes += record.change.weight();
                    edits.push(Asked {
                        record,
                        origin,
                        answer,
                        pending,
                    });
                }
            }
            let limits = &self.around.limits;
            // All requests count, also those that add nothing: the others wait for the batch.
            let served = edits.len() + readers.len();
            let full = served >= limits.batch_edits_max || bytes >= limits.batch_bytes_max;
            next = if full {
                None
            } else {
                self.around.inbox.0.try_recv().ok()
            };
        }
        if refresh {
            self.catch_up().await?;
        }
        if !edits.is_empty() {
            self.decide_all(edits).await?;
        }
        self.answer_all(readers);
        Ok(())
    }

    fn answer_all(&self, readers: Vec<Reader>) {
        for (query, answer, _pending) in readers {
            drop(answer.send(self.answer(query)));
        }
    }

    fn answer(&self, query: Query) -> Result<Answer, EditError> {
        let yjs = || {
            let reason = || "this document is not made of Yjs".to_owned();
            self.content
                .as_yjs()
                .ok_or_else(|| EditError::Impossible(reason()))
        };
        Ok(match query {
            Query::Difference(state_vector) => Answer::Bytes(yjs()?.difference(&state_vector)?),
            Query::StateVector => Answer::Bytes(yjs()?.state_vector()),
            Query::Reading => {
                Answer::Reading(self.document.version, self.content.read(self.document.kind))
            }
            Query::Snapshot => Answer::Snapshot(Snapshot {
                version: self.document.version,
                content: self.content.snapshot(),
            }),
            Query::Newest => Answer::Version(self.document.version),
        })
    }
}

fn open_conflicts(stored: &mut Stored) -> BTreeMap<ConflictId, Conflict> {
    let open = std::mem::take(&mut stored.open_conflicts);
    open.into_iter()
        .map(|conflict| (conflict.id, conflict))
        .collect()
}

/// An error with its causes, in one line.
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
