//! All documents of one process: which are open, who may open one, and when one is put away.

mod history;
mod locks;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use event_listener::Event;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use guuid::Clock;
use parking_lot::Mutex;

use crate::audit::genesis;
use crate::budget::Budget;
use crate::bus::{Bus, Hint, NoBus};
use crate::decide::checked_name;
use crate::document::{Document, DocumentState, DocumentType, Metadata, PublicAccess};
use crate::error::{Closed, EditError, OpenError};
use crate::hub::Hub;
use crate::identity::{DocumentId, IdSource, Timestamp, UserId, Version};
use crate::limits::Limits;
use crate::open::OpenDocument;
use crate::owner::{Inbox, Owner, Surroundings};
use crate::policy::Policies;
use crate::store::{DocumentStore, ListQuery, Page, StoreError};

pub use locks::LockError;

/// Runs tasks on whatever executor the application has: the owner of each open document, and each
/// snapshot that is saved.
pub trait Spawner: Send + Sync + 'static {
    /// Lets `task` run until it ends.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

impl<F: Fn(BoxFuture<'static, ()>) + Send + Sync + 'static> Spawner for F {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self(task);
    }
}

/// All documents of one process.
pub struct Library {
    pub(crate) shared: Arc<Shelf>,
}

/// What loading tasks and callers share.
pub(crate) struct Shelf {
    pub(crate) store: Arc<dyn DocumentStore>,
    bus: Arc<dyn Bus>,
    policies: Policies,
    pub(crate) clock: Arc<dyn Clock + Send + Sync>,
    pub(crate) ids: IdSource,
    spawner: Arc<dyn Spawner>,
    pub(crate) limits: Arc<Limits>,
    budget: Budget,
    slots: Mutex<HashMap<DocumentId, Slot>>,
    owners: AtomicUsize,
    owner_left: Event,
    closing: AtomicBool,
}

type Loading = Shared<BoxFuture<'static, Result<Arc<OpenDocument>, OpenError>>>;

enum Slot {
    Loading(Loading),
    Open(Arc<OpenDocument>),
}

/// A document that somebody wants made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDocument {
    /// What people will call it.
    pub name: String,
    /// What kind of content it holds.
    pub kind: DocumentType,
    /// Who makes and owns it.
    pub owner: UserId,
    /// What everybody else may do.
    pub public: PublicAccess,
}

/// Figures about a library, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LibraryStatistics {
    /// Documents in memory.
    pub open_documents: usize,
    /// Estimated memory that they take, in bytes.
    pub memory_bytes: usize,
}

impl Library {
    /// A library over `store`. Time comes from `clock`, names from `ids`, and tasks run on
    /// `spawner`.
    #[must_use]
    pub fn new(
        store: Arc<dyn DocumentStore>,
        clock: Arc<dyn Clock + Send + Sync>,
        ids: IdSource,
        spawner: Arc<dyn Spawner>,
        limits: Limits,
    ) -> Self {
        let shelf = Shelf {
            policies: Policies::default(),
            bus: Arc::new(NoBus),
            store,
            clock,
            ids,
            spawner,
            limits: Arc::new(limits),
            budget: Budget::default(),
            slots: Mutex::new(HashMap::new()),
            owners: AtomicUsize::new(0),
            owner_left: Event::new(),
            closing: AtomicBool::new(false),
        };
        Self {
            shared: Arc::new(shelf),
        }
    }

    /// The same library with policies of the application. To be called before anything is opened.
    #[must_use]
    pub fn with_policies(self, policies: Policies) -> Self {
        self.remade(|shelf| shelf.policies = policies)
    }

    /// The same library, of which other processes hear over `bus`. To be called before anything is
    /// opened.
    #[must_use]
    pub fn with_bus(self, bus: Arc<dyn Bus>) -> Self {
        self.remade(|shelf| shelf.bus = bus)
    }

    fn remade(mut self, change: impl FnOnce(&mut Shelf)) -> Self {
        // Nobody else has it: nothing is open yet.
        if let Some(shelf) = Arc::get_mut(&mut self.shared) {
            change(shelf);
        }
        self
    }

    /// The bounds that it holds its documents to.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Makes a document. It is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`CreateError::Invalid`] for a name that cannot be used; [`CreateError::Store`].
    pub async fn create(&self, new: NewDocument) -> Result<Document, CreateError> {
        let shelf = &self.shared;
        let now = Timestamp(shelf.clock.unix_ms());
        let mut metadata = Metadata::owned_by(new.owner.clone());
        metadata.permissions.public = new.public;
        let document = Document {
            id: DocumentId((shelf.ids)()),
            name: checked_name(&new.name, &shelf.limits)?,
            kind: new.kind,
            state: DocumentState::Active,
            version: Version::ZERO,
            created_by: new.owner.clone(),
            created_at: now,
            updated_by: new.owner,
            updated_at: now,
            metadata,
            policy: new.kind.usual_policy(),
            audit: genesis(),
        };
        shelf.store.create(&document).await?;
        Ok(document)
    }

    /// A document's head, without opening the document.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotFound`], [`OpenError::Store`].
    pub async fn head(&self, id: DocumentId) -> Result<Arc<Document>, OpenError> {
        if let Some(open) = self.opened(id) {
            return Ok(open.document());
        }
        Ok(Arc::new(self.shared.store.head(id).await?))
    }

    /// The document if it is open already.
    #[must_use]
    pub fn opened(&self, id: DocumentId) -> Option<Arc<OpenDocument>> {
        match self.shared.slots.lock().get(&id) {
            Some(Slot::Open(open)) if open.hub().closed().is_none() => Some(Arc::clone(open)),
            _ => None,
        }
    }

    /// Documents in the order of their ids, newest first.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn list(&self, query: ListQuery) -> Result<Page, StoreError> {
        self.shared.store.list(query).await
    }

    /// Opens a document, loading it unless it is open. Many callers at once load it once.
    ///
    /// Cancel safety: safe; a load that was begun is finished by the next caller.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub async fn open(&self, id: DocumentId) -> Result<Arc<OpenDocument>, OpenError> {
        let loading = match self.slot(id)? {
            Slot::Open(open) => return Ok(open),
            Slot::Loading(loading) => loading,
        };
        let outcome = loading.clone().await;
        let mut slots = self.shared.slots.lock();
        let is_this = matches!(
            slots.get(&id),
            Some(Slot::Loading(present)) if present.ptr_eq(&loading)
        );
        if is_this {
            match &outcome {
                Ok(open) => slots.insert(id, Slot::Open(Arc::clone(open))),
                Err(_) => slots.remove(&id),
            };
        } else if self.shared.closing.load(Ordering::SeqCst) {
            // `close` took the slot away before it could know this document.
            if let Ok(open) = &outcome {
                open.hub().close(Closed::ShuttingDown);
            }
            return Err(OpenError::ShuttingDown);
        }
        outcome
    }

    /// The slot of a document that is open or being loaded; begins to load it if need be.
    fn slot(&self, id: DocumentId) -> Result<Slot, OpenError> {
        let shelf = &self.shared;
        let mut slots = shelf.slots.lock();
        match slots.get(&id) {
            Some(Slot::Open(open)) if open.hub().closed().is_none() => {
                return Ok(Slot::Open(Arc::clone(open)));
            }
            Some(Slot::Loading(loading)) => return Ok(Slot::Loading(loading.clone())),
            _ => {}
        }
        if shelf.closing.load(Ordering::SeqCst) {
            return Err(OpenError::ShuttingDown);
        }
        if shelf.budget.bytes() >= shelf.limits.memory_bytes_max {
            put_away(&mut slots, 0);
            if shelf.budget.bytes() >= shelf.limits.memory_bytes_max {
                return Err(OpenError::Overloaded(
                    "memory for open documents is used up",
                ));
            }
        }
        let occupied = Occupied::new(Arc::clone(shelf));
        let loading = Arc::clone(shelf).load(id, occupied).boxed().shared();
        slots.insert(id, Slot::Loading(loading.clone()));
        Ok(Slot::Loading(loading))
    }

    /// Puts away documents that nobody has used for the idle time, and takes away presence that
    /// was not renewed. To be called every few seconds.
    pub fn sweep(&self) {
        let mut slots = self.shared.slots.lock();
        put_away(&mut slots, self.shared.limits.idle_ms);
        let hubs: Vec<_> = slots
            .values()
            .filter_map(|slot| match slot {
                Slot::Open(open) => Some(Arc::clone(open.hub())),
                Slot::Loading(_) => None,
            })
            .collect();
        drop(slots);
        for hub in hubs {
            hub.expire_presence();
        }
    }

    /// A hint of another process: if the document is open here and not as far, its owner looks into the
    /// store.
    pub fn on_hint(&self, hint: Hint) {
        if let Some(open) = self.opened(hint.document_id)
            && open.document().version < hint.version
        {
            open.refresh();
        }
    }

    /// Asks the store how far the open documents are, in one query, and has those refreshed that are
    /// behind. Hints make it faster; this makes it certain. As often as it is called, so old is at most what
    /// subscribers are told when no hints come.
    ///
    /// Cancel safety: safe.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn poll(&self) -> Result<(), StoreError> {
        let ids: Vec<_> = self.shared.slots.lock().keys().copied().collect();
        if ids.is_empty() {
            return Ok(());
        }
        for (document_id, version) in self.shared.store.versions(&ids).await? {
            self.on_hint(Hint {
                document_id,
                version,
            });
        }
        Ok(())
    }

    /// How much is open.
    #[must_use]
    pub fn statistics(&self) -> LibraryStatistics {
        let slots = self.shared.slots.lock();
        LibraryStatistics {
            open_documents: slots.len(),
            memory_bytes: self.shared.budget.bytes(),
        }
    }

    /// Closes every document, and waits until their owners have answered everything and saved
    /// what they save on leaving. Callers must let go of their documents for this to end.
    ///
    /// Cancel safety: safe; nothing is opened any more from the first poll on, and a further call
    /// waits on.
    pub async fn close(&self) {
        let shelf = &self.shared;
        shelf.closing.store(true, Ordering::SeqCst);
        let slots = std::mem::take(&mut *shelf.slots.lock());
        for slot in slots.into_values() {
            if let Slot::Open(open) = slot {
                open.hub().close(Closed::ShuttingDown);
            }
        }
        loop {
            let left = shelf.owner_left.listen();
            if shelf.owners.load(Ordering::SeqCst) == 0 {
                return;
            }
            left.await;
        }
    }
}

impl Drop for Library {
    /// Owners hold the shelf, and the shelf holds what keeps owners at work: one has to let go.
    fn drop(&mut self) {
        let slots = std::mem::take(&mut *self.shared.slots.lock());
        drop(slots);
    }
}

impl Shelf {
    async fn load(
        self: Arc<Self>,
        id: DocumentId,
        occupied: Occupied,
    ) -> Result<Arc<OpenDocument>, OpenError> {
        let stored = self.store.load(id).await?;
        if self.closing.load(Ordering::SeqCst) {
            return Err(OpenError::ShuttingDown);
        }
        let (inbox, requests) = async_channel::bounded(self.limits.inbox_edits_max);
        let hub = Hub::new(
            stored.document.clone(),
            Arc::clone(&self.clock),
            Arc::clone(&self.limits),
            &self.budget,
        );
        let hub = Arc::new(hub);
        let surroundings = Surroundings {
            store: Arc::clone(&self.store),
            hub: Arc::clone(&hub),
            bus: Arc::clone(&self.bus),
            spawner: Arc::clone(&self.spawner),
            policies: self.policies.clone(),
            ids: Arc::clone(&self.ids),
            limits: Arc::clone(&self.limits),
            inbox: Inbox(requests),
        };
        let owner = Owner::new(stored, surroundings)?;
        let last = LastWord(Arc::clone(&hub));
        let task = async move {
            owner.run().await;
            drop(last);
            drop(occupied);
        };
        self.spawner.spawn(task.boxed());
        Ok(Arc::new(OpenDocument::new(id, hub, inbox)))
    }
}

/// Counts an owner, from the moment when its document is being loaded, also when its task is
/// dropped half-way.
struct Occupied(Arc<Shelf>);

impl Occupied {
    fn new(shelf: Arc<Shelf>) -> Self {
        shelf.owners.fetch_add(1, Ordering::SeqCst);
        Self(shelf)
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.0.owners.fetch_sub(1, Ordering::SeqCst);
        self.0.owner_left.notify(usize::MAX);
    }
}

/// Closes a document whose owner ends without a word: it panicked, or its executor dropped it.
struct LastWord(Arc<Hub>);

impl Drop for LastWord {
    fn drop(&mut self) {
        let reason = "the task of the document's owner ended".to_owned();
        self.0.close(Closed::StoreFailed(reason));
    }
}

/// Lets go of documents that only this map holds, that have nothing to answer, and that nobody
/// has used for `idle_ms`. Their owners end when they see that no request can come any more. Also
/// of loads that nobody waits for any more.
fn put_away(slots: &mut HashMap<DocumentId, Slot>, idle_ms: u64) {
    slots.retain(|_, slot| match slot {
        Slot::Loading(loading) => loading.strong_count() != Some(1),
        Slot::Open(open) => {
            let held = Arc::strong_count(open) > 1 || open.hub().is_waiting();
            let closed = open.hub().closed().is_some();
            let stays = !closed && (held || open.hub().idle_ms() < idle_ms);
            if !stays {
                // Its owner ends a little later.
                open.hub().release_memory();
            }
            stays
        }
    });
    // A map never becomes smaller by itself, and this one may have been large for a moment.
    if slots.len() < slots.capacity() / 4 {
        slots.shrink_to(slots.len() * 2);
    }
}

/// A document could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The caller's fault: a value cannot be used.
    #[error(transparent)]
    Invalid(#[from] EditError),
    /// The store's fault.
    #[error(transparent)]
    Store(#[from] StoreError),
}
