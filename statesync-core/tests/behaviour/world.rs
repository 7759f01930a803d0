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
    Accepted, Author, Change, DocumentId, DocumentStore, DocumentType, Edit, EditError, Library,
    Limits, NewDocument, OpenDocument, Participant, PropertiesChange, PublicAccess, Subscription,
    UserId,
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
        let new = NewDocument {
            name: "Notes".to_owned(),
            kind: DocumentType::Text,
            owner: user("alice"),
            public: PublicAccess::None,
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
        session_id: "session".to_owned(),
    };
    Edit { author, change }
}

pub(crate) fn properties(change: PropertiesChange) -> Change {
    Change::Properties(change)
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
