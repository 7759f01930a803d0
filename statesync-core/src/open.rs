//! An open document, as its users hold it.

use std::sync::Arc;

use bytes::Bytes;
use futures::channel::oneshot;

use crate::content::Reading;
use crate::document::{Document, Role};
use crate::error::{EditError, OpenError};
use crate::hub::{Batch, Cursor, Hub, Participant};
use crate::identity::{DocumentId, Version};
use crate::owner::{Accepted, Answer, Query, Request, RequestBody};
use crate::presence::{ConnectionId, PresenceEntry, PresenceError};
use crate::record::{Edit, Record, Snapshot};

/// A document in memory. It stays there for as long as somebody holds this.
pub struct OpenDocument {
    id: DocumentId,
    hub: Arc<Hub>,
    inbox: async_channel::Sender<Request>,
}

/// An edit on its way. Await it for the answer; dropping it does not take the edit back.
#[must_use = "the answer says whether the edit was accepted"]
pub struct Receipt(oneshot::Receiver<Result<Accepted, EditError>>);

impl OpenDocument {
    pub(crate) fn new(
        id: DocumentId,
        hub: Arc<Hub>,
        inbox: async_channel::Sender<Request>,
    ) -> Self {
        Self { id, hub, inbox }
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Which document this is.
    #[must_use]
    pub fn id(&self) -> DocumentId {
        self.id
    }

    /// The head as of the newest durable edit.
    #[must_use]
    pub fn document(&self) -> Arc<Document> {
        self.hub.document()
    }

    /// Everybody who has it open, each user once, in the order of their ids.
    #[must_use]
    pub fn participants(&self) -> Vec<Participant> {
        self.hub.participants()
    }

    /// Hands in an edit; waits only for a place in the queue. Edits of one caller are decided in
    /// the order in which these calls end.
    ///
    /// Cancel safety: if the future is dropped, the edit was not handed in.
    ///
    /// # Errors
    ///
    /// [`EditError::Unavailable`] when the document was closed.
    pub async fn submit(
        &self,
        edit: Edit,
        origin: Option<ConnectionId>,
    ) -> Result<Receipt, EditError> {
        let (answer, receipt) = oneshot::channel();
        let record = Arc::new(Record::draft(edit));
        self.request(RequestBody::Edit(record, origin, answer))
            .await?;
        Ok(Receipt(receipt))
    }

    /// Everything that a peer with this encoded Yjs state vector lacks, as one update. Whatever
    /// was submitted before is durable by then, and part of it.
    ///
    /// # Errors
    ///
    /// [`EditError::Malformed`], [`EditError::Unavailable`].
    pub async fn difference(&self, state_vector: Bytes) -> Result<Bytes, EditError> {
        match self.read(Query::Difference(state_vector)).await? {
            Answer::Bytes(update) => Ok(update),
            _ => Err(closed()),
        }
    }

    /// What this document has, as an encoded Yjs state vector.
    ///
    /// # Errors
    ///
    /// [`EditError::Unavailable`].
    pub async fn state_vector(&self) -> Result<Bytes, EditError> {
        match self.read(Query::StateVector).await? {
            Answer::Bytes(state_vector) => Ok(state_vector),
            _ => Err(closed()),
        }
    }

    /// The content for readers without Yjs, and its version.
    ///
    /// # Errors
    ///
    /// [`EditError::Unavailable`].
    pub async fn reading(&self) -> Result<(Version, Reading), EditError> {
        match self.read(Query::Reading).await? {
            Answer::Reading(version, reading) => Ok((version, reading)),
            _ => Err(closed()),
        }
    }

    /// All of the content, as it is now.
    ///
    /// # Errors
    ///
    /// [`EditError::Unavailable`].
    pub async fn snapshot(&self) -> Result<Snapshot, EditError> {
        match self.read(Query::Snapshot).await? {
            Answer::Snapshot(snapshot) => Ok(snapshot),
            _ => Err(closed()),
        }
    }

    /// The version that the document has, in the store: what other processes have written by now is
    /// taken in first. Whoever was told of a version elsewhere finds it here afterwards.
    ///
    /// # Errors
    ///
    /// [`EditError::Unavailable`].
    pub async fn newest(&self) -> Result<Version, EditError> {
        match self.read(Query::Newest).await? {
            Answer::Version(version) => Ok(version),
            _ => Err(closed()),
        }
    }

    /// Lets the owner look into the store: somebody else may have written. What is on its way already
    /// will do as well.
    pub(crate) fn refresh(&self) {
        let request = Request {
            body: RequestBody::Refresh,
            pending: self.hub.expect_answer(),
        };
        // A full queue is followed by an append, which finds out by itself.
        drop(self.inbox.try_send(request));
    }

    async fn read(&self, query: Query) -> Result<Answer, EditError> {
        // Readers keep a document in memory like editors do.
        self.hub.touch();
        let (answer, answered) = oneshot::channel();
        self.request(RequestBody::Read(query, answer)).await?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    async fn request(&self, body: RequestBody) -> Result<(), EditError> {
        let request = Request {
            body,
            pending: self.hub.expect_answer(),
        };
        self.inbox.send(request).await.map_err(|_| closed())
    }

    /// Comes in as a subscriber, who sees all news from this moment on: subscribe first, read
    /// then, and nothing is missed.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotFound`] when the participant has no right to see the document;
    /// [`OpenError::Overloaded`] when there are too many.
    pub fn subscribe(
        self: &Arc<Self>,
        participant: Participant,
    ) -> Result<Subscription, OpenError> {
        let (connection, cursor, role) = self.hub.enter(participant)?;
        Ok(Subscription {
            document: Arc::clone(self),
            connection,
            cursor,
            role,
        })
    }
}

impl Receipt {
    /// The answer: the edit is durable, or it was refused.
    ///
    /// # Errors
    ///
    /// See [`EditError`].
    pub async fn answer(self) -> Result<Accepted, EditError> {
        self.0.await.unwrap_or_else(|_| Err(closed()))
    }
}

/// Somebody's place in an open document. Dropping it is leaving.
pub struct Subscription {
    document: Arc<OpenDocument>,
    connection: ConnectionId,
    cursor: Cursor,
    role: Role,
}

impl Subscription {
    /// The document.
    #[must_use]
    pub fn document(&self) -> &Arc<OpenDocument> {
        &self.document
    }

    /// The name of this connection: origin of its edits, owner of its presence.
    #[must_use]
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// What the participant could do when they came in.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Tells the others about clients of this connection.
    ///
    /// # Errors
    ///
    /// [`PresenceError`], when the rules are broken; earlier entries of the same call hold.
    pub fn announce(&self, entries: Vec<PresenceEntry>) -> Result<(), PresenceError> {
        self.document.hub.announce(self.connection, entries)
    }

    /// Makes the next batch tell everybody's presence, not only what changed.
    pub fn forget_presence(&mut self) {
        self.cursor.forget_presence();
    }

    /// Everything new since the last call, as soon as there is something. A caller that comes
    /// late gets everything at once.
    ///
    /// Cancel safety: safe; nothing is taken before this returns.
    pub async fn next(&mut self) -> Batch {
        self.next_portion(usize::MAX).await
    }

    /// The same, but a caller that comes late gets about `bytes_max` bytes of records at a time, and what
    /// else there is after the last of them: until it asks for more, the rest costs nothing.
    ///
    /// Cancel safety: safe; nothing is taken before this returns.
    pub async fn next_portion(&mut self, bytes_max: usize) -> Batch {
        loop {
            if let Some(batch) = self.take(bytes_max) {
                return batch;
            }
            let changed = self.document.hub.listen();
            // It may have come before we listened.
            if let Some(batch) = self.take(bytes_max) {
                return batch;
            }
            changed.await;
        }
    }

    /// Everything new since the last call, if there is something.
    pub fn try_next(&mut self) -> Option<Batch> {
        self.take(usize::MAX)
    }

    fn take(&mut self, bytes_max: usize) -> Option<Batch> {
        let hub = &self.document.hub;
        hub.take(self.connection, &mut self.cursor, bytes_max)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.document.hub.leave(self.connection);
    }
}

fn closed() -> EditError {
    EditError::Unavailable("the document was closed".to_owned())
}
