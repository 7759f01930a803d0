//! A library whose tasks run only when a test says so, one step at a time, in one thread.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::executor::LocalPool;
use futures::future::BoxFuture;
use futures::task::{LocalSpawnExt, noop_waker};
use guuid::{Guuid, ManualClock};
use parking_lot::Mutex;
use statesync_core::{
    Accepted, Author, Change, Conflict, ConflictQuery, DocumentId, DocumentStore, DocumentType,
    Edit, EditError, FieldName, Library, Limits, NewDocument, ObjectId, OpenDocument, Operation,
    Participant, Policies, PolicyName, PropertiesChange, PublicAccess, Subscription, Terms,
    TextEdit, UserId, Value, Version, Write,
};
use yrs::{Doc, Text, Transact};

/// A library, its clock, and the executor that its tasks wait for.
pub(crate) struct World {
    pub(crate) library: Library,
    pub(crate) clock: Arc<ManualClock>,
    pool: LocalPool,
    spawned: Arc<Mutex<Vec<BoxFuture<'static, ()>>>>,
}

impl World {
    pub(crate) fn new(store: Arc<dyn DocumentStore>, limits: Limits) -> Self {
        let spawned = Arc::<Mutex<Vec<_>>>::default();
        let clock = Arc::new(ManualClock::new(Duration::from_secs(1_800_000_000)));
        let tasks = Arc::clone(&spawned);
        let library = Library::new(
            store,
            clock.clone(),
            Arc::new(Guuid::now),
            Arc::new(move |task| tasks.lock().push(task)),
            limits,
        );
        Self {
            library,
            clock,
            pool: LocalPool::new(),
            spawned,
        }
    }

    /// Lets every task run until it waits for something.
    pub(crate) fn settle(&mut self) {
        loop {
            let spawned = std::mem::take(&mut *self.spawned.lock());
            if spawned.is_empty() {
                break;
            }
            for task in spawned {
                self.pool.spawner().spawn_local(task).unwrap();
            }
        }
        self.pool.run_until_stalled();
    }

    /// Runs everything until `future` is done.
    pub(crate) fn run<T>(&mut self, future: impl Future<Output = T>) -> T {
        self.poll(future)
            .expect("everything waits for something that never comes")
    }

    /// Runs everything until nothing moves, and gives the outcome of `future` if there is one.
    pub(crate) fn poll<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let waker = noop_waker();
        // Each round lets every task run until it waits, so a few rounds settle what can settle.
        for _ in 0..64 {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(value);
            }
            self.settle();
        }
        None
    }

    /// A new plain-text document of alice.
    pub(crate) fn create(&mut self) -> DocumentId {
        self.create_public(DocumentType::Text, PublicAccess::None)
    }

    /// A new document of alice, that everybody may edit, under this policy. It is at version 1.
    pub(crate) fn create_under(&mut self, kind: DocumentType, policy: PolicyName) -> DocumentId {
        let id = self.create_public(kind, PublicAccess::Edit);
        let open = self.open(id);
        let change = PropertiesChange {
            policy: Some(policy),
            description: Some("for a test".to_owned()),
            ..PropertiesChange::default()
        };
        self.edit(&open, "alice", properties(change)).unwrap();
        id
    }

    fn create_public(&mut self, kind: DocumentType, public: PublicAccess) -> DocumentId {
        let new = NewDocument {
            name: "Notes".to_owned(),
            kind,
            owner: user("alice"),
            public,
        };
        let created = pin!(self.library.create(new));
        // The store of these tests answers at once.
        futures::executor::block_on(created).unwrap().id
    }

    pub(crate) fn open(&mut self, id: DocumentId) -> Arc<OpenDocument> {
        let library = &self.library;
        let waker = noop_waker();
        let mut opening = Box::pin(library.open(id));
        let Poll::Ready(open) = opening.as_mut().poll(&mut Context::from_waker(&waker)) else {
            panic!("the store did not answer at once");
        };
        open.unwrap()
    }

    pub(crate) fn subscribe(&mut self, open: &Arc<OpenDocument>, who: &str) -> Subscription {
        let participant = Participant {
            user_id: user(who),
            name: who.to_owned(),
        };
        open.subscribe(participant).unwrap()
    }

    /// Submits one edit of `who` and waits for the answer.
    pub(crate) fn edit(
        &mut self,
        open: &OpenDocument,
        who: &str,
        change: Change,
    ) -> Result<Accepted, EditError> {
        self.run(async { open.submit(edit(who, change), None).await?.answer().await })
    }

    /// Submits one typed operation of `who`, who had seen `base`.
    pub(crate) fn operate(
        &mut self,
        open: &OpenDocument,
        who: &str,
        base: u64,
        operation: Operation,
    ) -> Result<Accepted, EditError> {
        let terms = Terms {
            base: Some(Version(base)),
            ..Terms::default()
        };
        self.ask(
            open,
            edit(who, Change::Operation(operation)).with_terms(terms),
        )
    }

    /// Submits one edit and waits for the answer.
    pub(crate) fn ask(&mut self, open: &OpenDocument, edit: Edit) -> Result<Accepted, EditError> {
        self.run(async { open.submit(edit, None).await?.answer().await })
    }

    /// The same library with policies of the application.
    pub(crate) fn with_policies(mut self, policies: Policies) -> Self {
        self.library = self.library.with_policies(policies);
        self
    }

    /// Runs what the library is asked, with everything else.
    pub(crate) fn run_both<'a, T, F: Future<Output = T> + 'a>(
        &'a mut self,
        ask: impl FnOnce(&'a Library) -> F,
    ) -> T {
        let spawned = Arc::clone(&self.spawned);
        let mut future = pin!(ask(&self.library));
        let waker = noop_waker();
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return value;
            }
            for task in std::mem::take(&mut *spawned.lock()) {
                self.pool.spawner().spawn_local(task).unwrap();
            }
            self.pool.run_until_stalled();
        }
    }

    /// All conflicts of a document.
    pub(crate) fn conflicts(&mut self, document_id: DocumentId) -> Vec<Conflict> {
        let query = ConflictQuery {
            document_id,
            open: None,
            after: None,
            limit: 100,
        };
        futures::executor::block_on(self.library.conflicts(query)).unwrap()
    }

    pub(crate) fn text(&mut self, open: &OpenDocument) -> String {
        self.run(open.reading()).unwrap().1.text
    }
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(crate) fn edit(who: &str, change: Change) -> Edit {
    let author = Author {
        user_id: user(who),
        session_id: "session".into(),
    };
    Edit::new(author, change)
}

pub(crate) fn properties(change: PropertiesChange) -> Change {
    Change::Properties(change)
}

pub(crate) fn object(name: &str) -> ObjectId {
    ObjectId::new(name).unwrap()
}

pub(crate) fn field(name: &str) -> FieldName {
    FieldName::new(name).unwrap()
}

/// Makes a rectangle of this fill.
pub(crate) fn rectangle(name: &str, fill: &str) -> Operation {
    Operation::Create {
        object: object(name),
        kind: "rectangle".to_owned(),
        fields: [(field("fill"), Value::Text(fill.to_owned()))].into(),
    }
}

/// Writes one field.
pub(crate) fn update(name: &str, of: &str, write: Write) -> Operation {
    Operation::Update {
        object: object(name),
        writes: [(field(of), write)].into(),
    }
}

/// Sets the fill.
pub(crate) fn fill(name: &str, fill: &str) -> Operation {
    update(name, "fill", Write::Set(Value::Text(fill.to_owned())))
}

/// Edits the document's text in one place.
pub(crate) fn text_edit(position: u32, delete: u32, insert: &str) -> Operation {
    Operation::Text {
        target: None,
        edits: vec![TextEdit {
            position,
            delete,
            insert: insert.to_owned(),
        }],
    }
}

/// An editor at which somebody types.
pub(crate) struct Typist(Doc);

impl Typist {
    pub(crate) fn new() -> Self {
        Self(Doc::new())
    }

    /// The update of typing `letters` at the end.
    pub(crate) fn types(&self, letters: &str) -> Change {
        let text = self.0.get_or_insert_text(statesync_core::TEXT_ROOT);
        let mut transaction = self.0.transact_mut();
        text.push(&mut transaction, letters);
        Change::Yjs(Bytes::from(transaction.encode_update_v1()))
    }
}
