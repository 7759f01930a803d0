//! Nobody hears of an edit before it is stored, and what was acknowledged is there afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::FutureExt;
use statesync_core::{
    Append, Change, Closed, DocumentId, DocumentStore, EditError, Limits, MemoryStore, Since,
    Snapshot, StoreError, Version,
};

use crate::interposed::{Interposed, Interposer};
use crate::world::{Typist, World, edit};

/// A store that can be told to wait, to fail, and to count.
#[derive(Default)]
struct Moody {
    inner: MemoryStore,
    appends: AtomicUsize,
    /// An append waits for one message on this channel, if there is one.
    gate: Option<async_channel::Receiver<()>>,
    /// The append of this number fails: before or after it was written.
    failing: Option<(usize, Fault)>,
    snapshots_fail: bool,
    /// A snapshot waits for one message on this channel, if there is one.
    snapshot_gate: Option<async_channel::Receiver<()>>,
    snapshots: AtomicUsize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Before,
    After,
}

#[async_trait]
impl Interposer for Moody {
    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        let number = self.appends.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            gate.recv().await.map_err(|_| unavailable())?;
        }
        let fault = self
            .failing
            .filter(|(nth, _)| *nth == number)
            .map(|(_, fault)| fault);
        if fault == Some(Fault::Before) {
            return Err(unavailable());
        }
        self.inner.append(append).await?;
        if fault == Some(Fault::After) {
            Err(unavailable())
        } else {
            Ok(())
        }
    }

    async fn save_snapshot(
        &self,
        id: DocumentId,
        snapshot: Snapshot,
        prune_through: Version,
    ) -> Result<(), StoreError> {
        self.snapshots.fetch_add(1, Ordering::SeqCst);
        if self.snapshots_fail {
            return Err(unavailable());
        }
        if let Some(gate) = &self.snapshot_gate {
            gate.recv().await.map_err(|_| unavailable())?;
        }
        self.inner.save_snapshot(id, snapshot, prune_through).await
    }
}

/// The version of the stored snapshot, if there is one.
fn saved(store: &MemoryStore, id: DocumentId) -> Option<Version> {
    let stored = store.load(id).now_or_never().unwrap().unwrap();
    stored.snapshot.map(|snapshot| snapshot.version)
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        reason: "the test says so".to_owned(),
    }
}

#[test]
fn nobody_hears_of_an_edit_before_it_is_stored() {
    let (open_gate, gate) = async_channel::unbounded();
    let store = Interposed(Moody {
        gate: Some(gate),
        ..Moody::default()
    });
    let mut world = World::new(Arc::new(store), Limits::default());
    let id = world.create();
    let open = world.open(id);
    let mut reader = world.subscribe(&open, "alice");
    let submitting = open.submit(edit("alice", Typist::new().types("secret")), None);
    let receipt = world.run(submitting).unwrap();
    let mut answer = Box::pin(receipt.answer());
    let mut difference = Box::pin(open.difference(vec![0].into()));

    assert!(world.poll(&mut answer).is_none(), "the author");
    assert!(world.poll(&mut difference).is_none(), "somebody who asks");
    assert!(reader.try_next().is_none(), "a subscriber");
    assert_eq!(open.document().version, Version::ZERO, "the head");

    open_gate.try_send(()).unwrap();
    assert_eq!(world.run(answer).unwrap().version, Version(1));
    assert!(world.run(difference).unwrap().len() > 6);
    assert_eq!(reader.try_next().unwrap().records.len(), 1);
}

#[test]
fn edits_that_wait_for_a_commit_share_the_next_one() {
    let (open_gate, gate) = async_channel::unbounded();
    let store = Arc::new(Interposed(Moody {
        gate: Some(gate),
        ..Moody::default()
    }));
    let mut world = World::new(store.clone(), Limits::default());
    let id = world.create();
    let open = world.open(id);
    let typist = Typist::new();
    let mut receipts = Vec::new();
    for letter in ["a", "b", "c", "d", "e"] {
        let submitting = open.submit(edit("alice", typist.types(letter)), None);
        receipts.push(world.run(submitting).unwrap());
        world.settle();
    }
    open_gate.try_send(()).unwrap();
    open_gate.try_send(()).unwrap();
    let versions = receipts
        .into_iter()
        .map(|receipt| world.run(receipt.answer()).unwrap().version);
    assert_eq!(versions.collect::<Vec<_>>(), [1, 2, 3, 4, 5].map(Version));
    assert_eq!(
        store.appends.load(Ordering::SeqCst),
        2,
        "the first one, and all that waited"
    );
}

/// A world that saves a snapshot for every second record, each of which waits for one message.
fn snapshots_that_wait() -> (async_channel::Sender<()>, Arc<Interposed<Moody>>, World) {
    let (open_gate, gate) = async_channel::unbounded();
    let store = Arc::new(Interposed(Moody {
        snapshot_gate: Some(gate),
        ..Moody::default()
    }));
    let mut limits = Limits::default();
    limits.snapshot_records = 2;
    let world = World::new(store.clone(), limits);
    (open_gate, store, world)
}

#[test]
fn no_edit_waits_for_a_snapshot_and_there_is_one_at_a_time() {
    let (open_gate, store, mut world) = snapshots_that_wait();
    let id = world.create();
    let open = world.open(id);
    let typist = Typist::new();
    for version in 1..=9 {
        let accepted = world.ask(&open, edit("alice", typist.types("a")));
        assert_eq!(accepted.unwrap().version, Version(version));
    }
    assert_eq!(store.snapshots.load(Ordering::SeqCst), 1);
    assert_eq!(saved(&store.inner, id), None);

    open_gate.try_send(()).unwrap();
    world.settle();
    assert_eq!(saved(&store.inner, id), Some(Version(2)));
    world.ask(&open, edit("alice", typist.types("a"))).unwrap();
    world.settle();
    assert_eq!(store.snapshots.load(Ordering::SeqCst), 2, "the next one");
}

#[test]
fn a_document_that_is_put_away_waits_for_the_snapshot_on_its_way_and_leaves_the_last() {
    let (open_gate, store, mut world) = snapshots_that_wait();
    let id = world.create();
    let open = world.open(id);
    let typist = Typist::new();
    for _ in 0..80 {
        world.ask(&open, edit("alice", typist.types("a"))).unwrap();
    }
    drop(open);
    for on_its_way in ["the first", "the last"] {
        assert!(world.library.close().now_or_never().is_none());
        (0..3).for_each(|_| world.settle());
        assert!(
            world.library.close().now_or_never().is_none(),
            "{on_its_way}"
        );
        open_gate.try_send(()).unwrap();
    }
    (0..3).for_each(|_| world.settle());
    assert!(world.library.close().now_or_never().is_some());
    assert_eq!(saved(&store.inner, id), Some(Version(80)));
}

#[test]
fn whatever_append_fails_what_was_acknowledged_is_there_exactly_once() {
    const EDITS: usize = 6;
    for fault in [Fault::Before, Fault::After] {
        for failing in 0..EDITS {
            a_failing_append(failing, fault, EDITS);
        }
    }
}

fn a_failing_append(failing: usize, fault: Fault, edits: usize) {
    let store = Interposed(Moody {
        failing: Some((failing, fault)),
        ..Moody::default()
    });
    let mut world = World::new(Arc::new(store), Limits::default());
    let id = world.create();
    let typist = Typist::new();
    let letters: Vec<String> = ('a'..).take(edits).map(String::from).collect();
    let mut open = world.open(id);
    let mut reader = world.subscribe(&open, "alice");
    let mut told = 0;
    for letter in &letters {
        let change = typist.types(letter);
        let outcome = world.edit(&open, "alice", change.clone());
        told += reader.try_next().map_or(0, |batch| batch.records.len());
        if outcome.is_ok() {
            continue;
        }
        assert!(
            matches!(outcome, Err(EditError::Unavailable(_))),
            "{outcome:?}"
        );
        let last = reader.try_next().unwrap();
        assert!(
            matches!(last.closed, Some(Closed::StoreFailed(_))),
            "{last:?}"
        );
        // What a client does: it comes back, and sends again what was not acknowledged.
        open = world.open(id);
        reader = world.subscribe(&open, "alice");
        let accepted = world.edit(&open, "alice", change).unwrap();
        let known_already = accepted.operation_id.is_none();
        assert_eq!(known_already, fault == Fault::After);
        told += reader
            .try_next()
            .map_or(usize::from(known_already), |b| b.records.len());
    }
    assert_eq!(world.text(&open), letters.concat(), "{fault:?} {failing}");
    assert_eq!(open.document().version.0 as usize, edits);
    assert_eq!(told, edits, "each edit is told once");
}

#[test]
fn edits_behind_a_failed_one_are_answered_too() {
    let (open_gate, gate) = async_channel::unbounded();
    let store = Interposed(Moody {
        gate: Some(gate),
        failing: Some((0, Fault::Before)),
        ..Moody::default()
    });
    let mut world = World::new(Arc::new(store), Limits::default());
    let id = world.create();
    let open = world.open(id);
    let typist = Typist::new();
    let mut answers = Vec::new();
    for letter in ["a", "b", "c"] {
        let submitting = open.submit(edit("alice", typist.types(letter)), None);
        answers.push(world.run(submitting).unwrap().answer().boxed());
        world.settle();
    }
    let mut asked = Box::pin(open.state_vector());
    assert!(world.poll(&mut asked).is_none());
    open_gate.try_send(()).unwrap();
    for answer in answers {
        assert!(matches!(world.run(answer), Err(EditError::Unavailable(_))));
    }
    assert!(matches!(world.run(asked), Err(EditError::Unavailable(_))));
    let late = world.run(open.submit(edit("alice", typist.types("d")), None));
    assert!(matches!(late, Err(EditError::Unavailable(_))));
}

#[test]
fn a_snapshot_that_cannot_be_saved_loses_nothing() {
    let limits = || {
        let mut limits = Limits::default();
        limits.snapshot_records = 3;
        limits
    };
    let store = Arc::new(Interposed(Moody {
        snapshots_fail: true,
        ..Moody::default()
    }));
    let mut world = World::new(store.clone(), limits());
    let id = world.create();
    let open = world.open(id);
    let typist = Typist::new();
    for letter in ["a", "b", "c", "d", "e", "f", "g"] {
        world.edit(&open, "alice", typist.types(letter)).unwrap();
    }
    drop(open);
    let mut later = World::new(store, limits());
    let open = later.open(id);
    assert_eq!(later.text(&open), "abcdefg");
}

#[test]
fn what_snapshots_and_pruning_leave_is_the_same_document() {
    let mut limits = Limits::default();
    (limits.snapshot_records, limits.history_records) = (4, 2);
    let store = Arc::new(MemoryStore::new());
    let mut world = World::new(store.clone(), limits);
    let id = world.create();
    let open = world.open(id);
    let typist = Typist::new();
    for _ in 0..21 {
        world.edit(&open, "alice", typist.types("x")).unwrap();
    }
    drop(open);
    let stored = futures::executor::block_on(store.load(id)).unwrap();
    assert_eq!(stored.snapshot.unwrap().version, Version(20));
    assert_eq!(stored.records.len(), 1);
    let pruned = futures::executor::block_on(store.since(id, Version(15), 10)).unwrap();
    assert_eq!(
        pruned,
        Since::Pruned {
            oldest: Version(17)
        }
    );
    let mut later = World::new(store, Limits::default());
    let open = later.open(id);
    assert_eq!(later.text(&open), "x".repeat(21));
}

#[test]
fn an_edit_that_does_not_fit_harms_no_other_one() {
    let mut world = World::new(Arc::new(MemoryStore::new()), Limits::default());
    let id = world.create();
    let open = world.open(id);
    let typist = Typist::new();
    let good = [typist.types("a"), typist.types("b")];
    let bad = Change::Yjs(b"\xff\xff\xff\xff\xff".to_vec().into());
    let receipts = [good[0].clone(), bad, good[1].clone()]
        .map(|change| world.run(open.submit(edit("alice", change), None)).unwrap());
    let answers = receipts.map(|receipt| world.run(receipt.answer()));
    assert!(matches!(
        answers,
        [Ok(_), Err(EditError::Malformed(_)), Ok(_)]
    ));
    assert_eq!(world.text(&open), "ab");
}
