//! What surrounds the log of a document is there after reopening: locks, conflicts, what became of
//! records that waited, names, the audit log.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::executor::block_on;
use guuid::{Guuid, ManualClock};
use statesync_core::{
    Author, Document, DocumentStore, Fence, GuardViolation, Lock, LockId, LockRequest, LockTarget,
    NamedSnapshot, Snapshot, Status, StoreError, Timestamp, Version, genesis, testkit,
};
use store_embedded::{EmbeddedStore, Options};
use support::{about, append, document, rich_append};

const HOUR: Duration = Duration::from_secs(3_600);

fn open(directory: &Path) -> EmbeddedStore {
    EmbeddedStore::open(&Options::new(directory)).unwrap()
}

fn open_at(directory: &Path, clock: &Arc<ManualClock>) -> EmbeddedStore {
    EmbeddedStore::open_with_clock(&Options::new(directory), clock.clone()).unwrap()
}

fn request(document: &Document, user: &str) -> LockRequest {
    LockRequest {
        id: LockId(Guuid::now()),
        document_id: document.id,
        target: LockTarget::Document,
        holder: author(user),
        lease_ms: u64::try_from(HOUR.as_millis()).unwrap(),
    }
}

fn author(user: &str) -> Author {
    Author {
        user_id: statesync_core::UserId::new(user).unwrap(),
        session_id: format!("session of {user}").into(),
    }
}

/// An append of alice that relies on a lock.
fn under(document: &Document, fence: Fence) -> statesync_core::Append {
    let mut append = testkit::append_to(&mut document.clone(), &[b"under a lock"]);
    Arc::make_mut(&mut append.records[0]).terms.fence = Some(fence);
    append
}

fn locked(store: &EmbeddedStore, document: &Document, user: &str) -> Lock {
    block_on(store.acquire_lock(request(document, user))).unwrap()
}

#[test]
fn locks_and_fences_are_there() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let document = document(&store, "alice", 1);
    let lock = locked(&store, &document, "alice");
    drop(store);

    let store = open(directory.path());
    assert_eq!(
        block_on(store.locks(document.id)).unwrap(),
        std::slice::from_ref(&lock)
    );
    let refused = block_on(store.acquire_lock(request(&document, "bob")));
    assert!(
        matches!(&refused, Err(StoreError::LockHeld(held)) if **held == lock),
        "{refused:?}"
    );
    block_on(store.append(under(&document, lock.fence))).unwrap();
    assert!(block_on(store.release_lock(document.id, lock.id)).unwrap());
    drop(store);

    let store = open(directory.path());
    assert_eq!(block_on(store.locks(document.id)).unwrap(), []);
    let next = locked(&store, &document, "bob");
    assert!(next.fence > lock.fence, "no fence is given twice");
}

#[test]
fn a_lease_that_was_over_stays_over_when_the_clock_is_set_back() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(HOUR * 1_000));
    let store = open_at(directory.path(), &clock);
    let document = document(&store, "alice", 0);
    let lock = locked(&store, &document, "alice");
    clock.advance(HOUR * 2);
    let next = locked(&store, &document, "bob");
    assert!(block_on(store.release_lock(document.id, next.id)).unwrap());
    let last = locked(&store, &document, "carol");
    clock.rewind(HOUR * 2);
    let held = block_on(store.acquire_lock(request(&document, "alice")));
    assert!(
        matches!(held, Err(StoreError::LockHeld(_))),
        "carol's goes on"
    );
    drop(store);

    // The store does not know how long it was closed, but it cannot have been before.
    let store = open_at(directory.path(), &clock);
    let stale = block_on(store.append(under(&document, lock.fence)));
    assert!(
        matches!(
            stale,
            Err(StoreError::Guarded {
                violation: GuardViolation::Fenced(_),
                ..
            })
        ),
        "{stale:?}"
    );
    let renewed = block_on(store.renew_lock(document.id, last.id, 1_000)).unwrap();
    assert!(renewed.expires_at > Timestamp(u64::try_from((HOUR * 1_002).as_millis()).unwrap()));
}

#[test]
fn an_append_after_a_lease_takes_the_lock_away() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(HOUR * 1_000));
    let store = open_at(directory.path(), &clock);
    let mut document = document(&store, "alice", 0);
    let lock = locked(&store, &document, "bob");
    let refused = block_on(store.append(testkit::append_to(&mut document.clone(), &[b"early"])));
    assert!(
        matches!(refused, Err(StoreError::Guarded { .. })),
        "{refused:?}"
    );
    clock.advance(HOUR * 2);
    append(&store, &mut document, &[b"late"]);
    drop(store);
    clock.rewind(HOUR * 2);
    let store = open_at(directory.path(), &clock);
    assert_eq!(block_on(store.locks(document.id)).unwrap(), []);
    let renewed = block_on(store.renew_lock(document.id, lock.id, 1_000));
    assert!(
        matches!(renewed, Err(StoreError::LockLost(_))),
        "{renewed:?}"
    );
}

#[test]
fn conflicts_and_what_became_of_their_records_are_there() {
    for memory_bytes in [1, 1 << 25] {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::new(directory.path()).memory_bytes(memory_bytes);
        let store = EmbeddedStore::open(&options).unwrap();
        let mut document = document(&store, "alice", 1);
        let rich = rich_append(&mut document, b"waits");
        let (waiting, conflict) = (rich.records[0].clone(), rich.conflicts[0].clone());
        block_on(store.append(rich.clone())).unwrap();
        append(&store, &mut document, &[b"after it"]);
        drop(store);

        let store = EmbeddedStore::open(&options).unwrap();
        let stored = block_on(DocumentStore::load(&store, document.id)).unwrap();
        assert_eq!(stored.open_conflicts, std::slice::from_ref(&conflict));
        assert_eq!(stored.records[1], waiting);
        let settling = support::settling_append(&mut document, b"settles it", &rich);
        let settled = settling.conflicts[0].clone();
        block_on(store.append(settling)).unwrap();
        drop(store);

        let store = EmbeddedStore::open(&options).unwrap();
        append(&store, &mut document, &[b"the log goes on"]);
        let stored = block_on(DocumentStore::load(&store, document.id)).unwrap();
        assert_eq!(stored.open_conflicts, []);
        assert_eq!(stored.records.len(), 5);
        assert_eq!(stored.records[1].status, Status::Resolved);
        let found = block_on(store.conflict(document.id, conflict.id)).unwrap();
        assert_eq!(found, Some(settled));
        // Also from a snapshot in the middle on.
        support::compact(&store, &document, 2);
        let stored = block_on(DocumentStore::load(&store, document.id)).unwrap();
        assert_eq!(stored.records.len(), 3);
    }
}

#[test]
fn names_named_snapshots_and_the_audit_log_are_there() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let mut document = document(&store, "alice", 2);
    let rich = rich_append(&mut document, b"named");
    block_on(store.append(rich.clone())).unwrap();
    let named = NamedSnapshot {
        name: "before lunch".to_owned(),
        created_by: document.created_by.clone(),
        created_at: Timestamp(5),
        snapshot: Snapshot {
            version: Version(2),
            content: Bytes::from_static(b"12"),
        },
    };
    block_on(store.name_snapshot(document.id, named.clone())).unwrap();
    let before = about(&store, document.id).unwrap();
    drop(store);

    let store = open(directory.path());
    assert_eq!(about(&store, document.id).unwrap(), before);
    let operation = rich.records[0].operation_id;
    let found = block_on(store.operation(document.id, operation)).unwrap();
    assert_eq!(found.as_ref(), Some(&*rich.records[0]));
    let again = block_on(store.append(rich));
    assert!(
        matches!(again, Err(StoreError::Duplicate { .. })),
        "{again:?}"
    );
    let taken = block_on(store.name_snapshot(document.id, named.clone()));
    assert!(matches!(taken, Err(StoreError::NameTaken(_))), "{taken:?}");
    let newest = block_on(store.snapshot_before(document.id, Version(3))).unwrap();
    assert_eq!(newest, Some(named.snapshot));
    let entries = block_on(store.audit(document.id, Version::ZERO, 9)).unwrap();
    let mut hash = genesis();
    for entry in &entries {
        assert!(entry.follows(document.id, hash));
        hash = entry.hash;
    }
    assert_eq!((entries.len(), hash), (3, document.audit));
}
