//! Documents leave memory when nobody needs them, and only then.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use statesync_core::{
    DocumentId, DocumentStore, Library, Limits, MemoryStore, OpenError, StoreError, Stored, Version,
};

use crate::interposed::{Interposed, Interposer};
use crate::world::{Typist, World, edit};

/// A store that counts loads, and lets them wait.
#[derive(Default)]
struct Slow {
    inner: MemoryStore,
    loads: AtomicUsize,
    gate: Option<async_channel::Receiver<()>>,
}

#[async_trait]
impl Interposer for Slow {
    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    async fn load(&self, id: DocumentId) -> Result<Stored, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            let _opened = gate.recv().await;
        }
        self.inner.load(id).await
    }
}

fn world() -> World {
    World::new(Arc::new(MemoryStore::new()), Limits::default())
}

fn open_documents(library: &Library) -> usize {
    library.statistics().open_documents
}

#[test]
fn an_idle_document_is_put_away_and_comes_back_equal() {
    let mut world = world();
    let id = world.create();
    let open = world.open(id);
    world
        .edit(&open, "alice", Typist::new().types("hello"))
        .unwrap();
    drop(open);
    world.library.sweep();
    assert_eq!(
        open_documents(&world.library),
        1,
        "it is not idle for long enough"
    );
    world.clock.advance(Duration::from_secs(60));
    world.library.sweep();
    assert_eq!(open_documents(&world.library), 0);
    assert_eq!(world.library.statistics().memory_bytes, 0);
    let open = world.open(id);
    assert_eq!(world.text(&open), "hello");
}

#[test]
fn a_document_that_somebody_holds_stays() {
    let mut world = world();
    let id = world.create();
    let open = world.open(id);
    let subscription = world.subscribe(&open, "alice");
    drop(open);
    world.clock.advance(Duration::from_secs(3_600));
    world.library.sweep();
    assert_eq!(open_documents(&world.library), 1);
    drop(subscription);
    world.library.sweep();
    assert_eq!(open_documents(&world.library), 1, "it became idle just now");
    world.clock.advance(Duration::from_secs(60));
    world.library.sweep();
    assert_eq!(open_documents(&world.library), 0);
}

#[test]
fn a_document_with_an_unanswered_edit_stays_until_it_is_answered() {
    let mut world = world();
    let id = world.create();
    let open = world.open(id);
    // The owner's task is not run, so the edit waits.
    let submitting = open.submit(edit("alice", Typist::new().types("x")), None);
    let receipt = futures::executor::block_on(submitting).unwrap();
    drop(open);
    world.clock.advance(Duration::from_secs(3_600));
    world.library.sweep();
    assert_eq!(open_documents(&world.library), 1);
    assert_eq!(world.run(receipt.answer()).unwrap().version, Version(1));
    world.clock.advance(Duration::from_secs(60));
    world.library.sweep();
    assert_eq!(open_documents(&world.library), 0);
}

#[test]
fn ten_thousand_documents_touched_once_leave_nothing() {
    let mut world = world();
    for _ in 0..10_000 {
        let id = world.create();
        drop(world.open(id));
    }
    world.settle();
    assert_eq!(open_documents(&world.library), 10_000);
    world.clock.advance(Duration::from_secs(60));
    world.library.sweep();
    assert_eq!(open_documents(&world.library), 0);
    assert_eq!(world.library.statistics().memory_bytes, 0);
    let closed = world.library.close();
    assert!(
        futures::FutureExt::now_or_never(closed).is_none(),
        "owners are still leaving"
    );
    world.settle();
    assert!(futures::FutureExt::now_or_never(world.library.close()).is_some());
}

#[test]
fn beyond_the_memory_budget_idle_documents_leave_and_then_nobody_comes_in() {
    let mut limits = Limits::default();
    limits.memory_bytes_max = 100 * 1024;
    let mut world = World::new(Arc::new(MemoryStore::new()), limits);
    let ids = [world.create(), world.create(), world.create()];
    let large = Typist::new().types(&"x".repeat(9_000));
    let first = world.open(ids[0]);
    world.edit(&first, "alice", large).unwrap();
    let second = futures::executor::block_on(world.library.open(ids[1]));
    assert!(
        matches!(second, Err(OpenError::Overloaded(_))),
        "the first one is in use"
    );
    drop(first);
    assert!(
        futures::executor::block_on(world.library.open(ids[1])).is_ok(),
        "now it is idle"
    );
    let first = world.open(ids[0]);
    assert_eq!(world.text(&first).len(), 9_000);
}

#[test]
fn many_who_open_at_once_load_once() {
    let (open_gate, gate) = async_channel::unbounded();
    let store = Arc::new(Interposed(Slow {
        gate: Some(gate),
        ..Slow::default()
    }));
    let world = World::new(store.clone(), Limits::default());
    let mut world = world;
    let id = world.create();
    let mut openings: Vec<_> = (0..50).map(|_| Box::pin(world.library.open(id))).collect();
    for opening in &mut openings {
        assert!(futures::FutureExt::now_or_never(opening.as_mut()).is_none());
    }
    open_gate.try_send(()).unwrap();
    let opened = futures::executor::block_on(futures::future::join_all(openings));
    let first = opened[0].as_ref().unwrap();
    assert!(
        opened
            .iter()
            .all(|open| Arc::ptr_eq(open.as_ref().unwrap(), first))
    );
    assert_eq!(store.loads.load(Ordering::SeqCst), 1);
}

#[test]
fn a_load_that_was_given_up_is_finished_by_the_next_caller() {
    let (open_gate, gate) = async_channel::unbounded();
    let store = Arc::new(Interposed(Slow {
        gate: Some(gate),
        ..Slow::default()
    }));
    let mut world = World::new(store.clone(), Limits::default());
    let id = world.create();
    let mut given_up = Box::pin(world.library.open(id));
    assert!(futures::FutureExt::now_or_never(given_up.as_mut()).is_none());
    drop(given_up);
    open_gate.try_send(()).unwrap();
    assert!(futures::executor::block_on(world.library.open(id)).is_ok());
    assert_eq!(store.loads.load(Ordering::SeqCst), 1);
}

#[test]
fn a_failed_load_is_told_to_all_and_tried_again_by_the_next() {
    let mut world = world();
    let id = world.create();
    let unknown = DocumentId(guuid::Guuid::now());
    for _ in 0..2 {
        let refused = futures::executor::block_on(world.library.open(unknown));
        assert!(matches!(refused, Err(OpenError::NotFound(named)) if named == unknown));
    }
    assert_eq!(open_documents(&world.library), 0);
    world.open(id);
}

#[test]
fn a_library_that_closes_answers_what_was_asked_and_opens_nothing() {
    let mut world = world();
    let id = world.create();
    let open = world.open(id);
    let mut reader = world.subscribe(&open, "alice");
    let submitting = open.submit(edit("alice", Typist::new().types("last words")), None);
    let receipt = futures::executor::block_on(submitting).unwrap();
    assert!(futures::FutureExt::now_or_never(world.library.close()).is_none());
    let refused = futures::executor::block_on(world.library.open(id));
    assert!(matches!(refused, Err(OpenError::ShuttingDown)));
    assert!(world.run(receipt.answer()).is_ok());
    let batch = reader.try_next().unwrap();
    assert_eq!((batch.records.len(), batch.closed.is_some()), (1, true));
    drop((open, reader));
    world.settle();
    assert!(futures::FutureExt::now_or_never(world.library.close()).is_some());
}
