//! What happens at the edges: loads that end late or are given up, owners that vanish, edits that
//! spoil the content, floods.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use guuid::{Guuid, SystemClock};
use statesync_core::{
    Append, Change, DocumentId, DocumentStore, EditError, Library, Limits, MemoryStore,
    NewDocument, OpenError, Participant, PresenceEntry, PresenceError, PropertiesChange,
    PublicAccess, StoreError, Stored,
};

use crate::interposed::{Interposed, Interposer};
use crate::world::{Typist, World, edit, properties, user};

/// A store that counts appends, and lets loads wait for a message each.
#[derive(Default)]
struct Gated {
    inner: MemoryStore,
    appends: AtomicUsize,
    loads: Option<async_channel::Receiver<()>>,
}

#[async_trait]
impl Interposer for Gated {
    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    async fn load(&self, id: DocumentId) -> Result<Stored, StoreError> {
        if let Some(gate) = &self.loads {
            let _opened = gate.recv().await;
        }
        self.inner.load(id).await
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        self.appends.fetch_add(1, Ordering::SeqCst);
        self.inner.append(append).await
    }
}

/// A letter inside of a letter: well-formed, but there is no place for it. The first edit of
/// client 7 has to be a letter.
fn misplaced() -> Change {
    Change::Yjs(Bytes::from_static(&[1, 1, 7, 1, 4, 0, 7, 0, 1, b'x', 0]))
}

fn letter_of_seven() -> Change {
    Change::Yjs(Bytes::from_static(&[
        1, 1, 7, 0, 4, 1, 7, b'c', b'o', b'n', b't', b'e', b'n', b't', 1, b'a', 0,
    ]))
}

#[test]
fn a_load_that_ends_after_the_library_was_closed_serves_nobody() {
    let (open_gate, gate) = async_channel::unbounded();
    let store = Arc::new(Interposed(Gated {
        loads: Some(gate),
        ..Gated::default()
    }));
    let mut world = World::new(store.clone(), Limits::default());
    let id = world.create();
    let mut opening = Box::pin(world.library.open(id));
    assert!(opening.as_mut().now_or_never().is_none());
    let mut closing = Box::pin(world.library.close());
    assert!(closing.as_mut().now_or_never().is_none(), "somebody loads");
    open_gate.try_send(()).unwrap();
    let refused = opening.now_or_never().unwrap();
    assert!(matches!(refused, Err(OpenError::ShuttingDown)));
    assert!(closing.now_or_never().is_some(), "nothing is left");
}

#[test]
fn a_load_that_was_given_up_does_not_keep_the_library_from_closing() {
    let (_never_sent, gate) = async_channel::unbounded();
    let store = Arc::new(Interposed(Gated {
        loads: Some(gate),
        ..Gated::default()
    }));
    let mut world = World::new(store.clone(), Limits::default());
    let id = world.create();
    assert!(world.library.open(id).now_or_never().is_none());
    assert_eq!(world.library.statistics().open_documents, 1);
    assert!(world.library.close().now_or_never().is_some());
}

#[test]
fn a_load_that_nobody_waits_for_is_forgotten() {
    let (_never_sent, gate) = async_channel::unbounded();
    let store = Arc::new(Interposed(Gated {
        loads: Some(gate),
        ..Gated::default()
    }));
    let mut world = World::new(store.clone(), Limits::default());
    let id = world.create();
    let mut waiting = Box::pin(world.library.open(id));
    assert!(waiting.as_mut().now_or_never().is_none());
    world.library.sweep();
    assert_eq!(world.library.statistics().open_documents, 1, "one waits");
    drop(waiting);
    world.library.sweep();
    assert_eq!(world.library.statistics().open_documents, 0);
}

#[test]
fn a_document_whose_owner_vanishes_is_closed_and_can_be_opened_again() {
    let store = Arc::new(MemoryStore::new());
    // An executor that drops what it is given, as one does that is shut down.
    let library = Library::new(
        store,
        Arc::new(SystemClock),
        Arc::new(Guuid::now),
        Arc::new(drop),
        Limits::default(),
    );
    let new = NewDocument {
        name: "Notes".to_owned(),
        kind: statesync_core::DocumentType::Text,
        owner: user("alice"),
        public: PublicAccess::None,
    };
    let id = library.create(new).now_or_never().unwrap().unwrap().id;
    let open = library.open(id).now_or_never().unwrap().unwrap();
    let participant = Participant {
        user_id: user("alice"),
        name: "Alice".to_owned(),
    };
    let refused = open.subscribe(participant).map(|_| ());
    assert!(matches!(refused, Err(OpenError::Overloaded(_))));
    let answer = open.reading().now_or_never().unwrap();
    assert!(matches!(answer, Err(EditError::Unavailable(_))));
    assert!(library.opened(id).is_none(), "the next one loads it again");
    assert!(library.close().now_or_never().is_some());
}

#[test]
fn a_library_that_is_dropped_leaves_nothing_running() {
    let store = Arc::new(MemoryStore::new());
    let mut world = World::new(store.clone(), Limits::default());
    let id = world.create();
    drop(world.open(id));
    world.settle();
    assert!(Arc::strong_count(&store) > 1);
    let World { library, .. } = &mut world;
    let other = Library::new(
        Arc::new(MemoryStore::new()),
        Arc::new(SystemClock),
        Arc::new(Guuid::now),
        Arc::new(drop),
        Limits::default(),
    );
    drop(std::mem::replace(library, other));
    world.settle();
    assert_eq!(Arc::strong_count(&store), 1);
}

#[test]
fn edits_that_add_nothing_do_not_keep_the_others_waiting() {
    let mut limits = Limits::default();
    limits.batch_edits_max = 4;
    let store = Arc::new(Interposed(Gated::default()));
    let mut world = World::new(store.clone(), limits);
    let id = world.create();
    let open = world.open(id);
    let typist = Typist::new();
    let first = typist.types("a");
    let known = std::iter::repeat_n(first.clone(), 3);
    let edits = std::iter::once(first.clone())
        .chain(known)
        .chain([typist.types("b")]);
    let receipts: Vec<_> = edits
        .map(|change| {
            let submitting = open.submit(edit("alice", change), None);
            submitting.now_or_never().unwrap().unwrap()
        })
        .collect();
    for receipt in receipts {
        world.run(receipt.answer()).unwrap();
    }
    assert_eq!(store.appends.load(Ordering::SeqCst), 2);
    assert_eq!(world.text(&open), "ab");
}

#[test]
fn an_edit_that_spoils_the_content_takes_nothing_with_it() {
    let mut world = World::new(Arc::new(MemoryStore::new()), Limits::default());
    let id = world.create();
    let open = world.open(id);
    let typist = Typist::new();
    let changes = [
        letter_of_seven(),
        misplaced(),
        typist.types("b"),
        letter_of_seven(),
    ];
    let receipts = changes.map(|change| {
        let submitting = open.submit(edit("alice", change), None);
        submitting.now_or_never().unwrap().unwrap()
    });
    let answers = receipts.map(|receipt| world.run(receipt.answer()));
    let versions = answers.map(|answer| answer.map(|accepted| accepted.version.0).ok());
    assert_eq!(versions, [Some(1), None, Some(2), Some(2)]);
    let mut letters: Vec<_> = world.text(&open).chars().collect();
    letters.sort_unstable();
    assert_eq!(letters, ['a', 'b']);
}

#[test]
fn what_somebody_else_wrote_is_served_also_after_an_edit_that_spoils_the_content() {
    let store = Arc::new(MemoryStore::new());
    let mut world = World::new(store.clone(), Limits::default());
    let id = world.create();
    let open = world.open(id);
    let mut reader = world.subscribe(&open, "alice");
    world.edit(&open, "alice", letter_of_seven()).unwrap();
    // Another process adds a record that this one has not seen.
    let mut other = World::new(store, Limits::default());
    let elsewhere = other.open(id);
    let theirs = Typist::new().types("b");
    other.edit(&elsewhere, "alice", theirs).unwrap();
    let refused = world.edit(&open, "alice", misplaced());
    assert!(
        matches!(refused, Err(EditError::Malformed(_))),
        "{refused:?}"
    );
    let news = reader.try_next().unwrap();
    let versions: Vec<_> = news
        .records
        .iter()
        .map(|news| news.record.version.0)
        .collect();
    assert_eq!(versions, [1, 2]);
    assert!(news.closed.is_none());
    assert_eq!(world.text(&open).len(), 2);
}

#[test]
fn presence_before_a_refused_entry_wakes_the_others() {
    let mut world = World::new(Arc::new(MemoryStore::new()), Limits::default());
    let id = world.create();
    let open = world.open(id);
    let share = PropertiesChange {
        public: Some(PublicAccess::View),
        ..PropertiesChange::default()
    };
    world.edit(&open, "alice", properties(share)).unwrap();
    let alice = world.subscribe(&open, "alice");
    let bob = world.subscribe(&open, "bob");
    let mut reader = world.subscribe(&open, "carol");
    let entry = |client| PresenceEntry {
        client,
        clock: 1,
        state: Some("{}".into()),
    };
    bob.announce(vec![entry(2)]).unwrap();
    assert_eq!(reader.try_next().unwrap().presence, [entry(2)]);
    let mut next = Box::pin(reader.next());
    let woken = counting_waker();
    let mut context = std::task::Context::from_waker(&woken.0);
    assert!(next.as_mut().poll(&mut context).is_pending());
    let stolen = PresenceEntry {
        clock: 2,
        ..entry(2)
    };
    let refused = alice.announce(vec![entry(1), stolen]);
    assert_eq!(refused, Err(PresenceError::NotYours(2)));
    assert_eq!(woken.1.load(Ordering::SeqCst), 1);
    let batch = next.now_or_never().unwrap();
    assert_eq!(batch.presence, [entry(1)]);
}

/// A waker that counts.
fn counting_waker() -> (std::task::Waker, Arc<AtomicUsize>) {
    struct Counter(Arc<AtomicUsize>);
    impl std::task::Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    (Arc::new(Counter(Arc::clone(&count))).into(), count)
}

#[test]
fn somebody_who_only_reads_keeps_a_document_in_memory() {
    let mut world = World::new(Arc::new(MemoryStore::new()), Limits::default());
    let id = world.create();
    for _ in 0..4 {
        let open = world.open(id);
        world.run(open.reading()).unwrap();
        drop(open);
        world.clock.advance(Duration::from_secs(40));
        world.library.sweep();
        assert_eq!(world.library.statistics().open_documents, 1);
    }
    world.clock.advance(Duration::from_secs(40));
    world.library.sweep();
    assert_eq!(world.library.statistics().open_documents, 0);
}
