//! Promises about locks. Leases are either an hour, which no test outlives, or a millisecond, after
//! which the store itself is asked whether it is over.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]

use guuid::Guuid;

use super::{append_edits, author, created};
use crate::document::Document;
use crate::identity::DocumentId;
use crate::lock::{Fence, GuardViolation, Lock, LockId, LockRequest, LockTarget};
use crate::operation::Operation;
use crate::record::{Author, Change, Edit, Terms};
use crate::store::{Append, DocumentStore, StoreError};
use crate::value::ObjectId;

const HOUR_MS: u64 = 3_600_000;

pub(super) async fn run_all(store: &dyn DocumentStore) {
    a_lock_keeps_others_out_until_it_is_released(store).await;
    locks_of_different_objects_do_not_meet(store).await;
    fences_rise(store).await;
    a_lock_that_has_expired_is_nobodys(store).await;
    a_lock_that_is_renewed_lasts(store).await;
    a_renewal_takes_nothing_from_a_lease(store).await;
    others_cannot_write_under_a_lock(store).await;
    a_write_under_a_lock_that_is_over_is_refused(store).await;
    of_many_who_ask_at_once_one_gets_it(store).await;
}

fn request(id: DocumentId, holder: &str, target: LockTarget, lease_ms: u64) -> LockRequest {
    LockRequest {
        id: LockId(Guuid::now()),
        document_id: id,
        target,
        holder: author(holder),
        lease_ms,
    }
}

fn object(name: &str) -> LockTarget {
    LockTarget::Object(ObjectId::new(name).unwrap())
}

/// Takes a lock that is over at once, and waits until the store agrees.
async fn expired(store: &dyn DocumentStore, id: DocumentId, holder: &str) -> Lock {
    let asked = request(id, holder, LockTarget::Document, 1);
    let lock = store.acquire_lock(asked).await.unwrap();
    while !store.locks(id).await.unwrap().is_empty() {
        // The lease runs by the store's clock, and everybody else waits for it, too.
        std::thread::yield_now();
    }
    lock
}

fn delete(who: Author, name: &str, fence: Option<Fence>) -> Edit {
    let object = ObjectId::new(name).unwrap();
    let terms = Terms {
        fence,
        ..Terms::default()
    };
    Edit::new(who, Change::Operation(Operation::Delete { object })).with_terms(terms)
}

fn append(document: &Document, edits: Vec<Edit>) -> Append {
    append_edits(&mut document.clone(), edits)
}

/// While one holds it, others are told who does.
pub async fn a_lock_keeps_others_out_until_it_is_released(store: &dyn DocumentStore) {
    let id = created(store).await.id;
    let asked = request(id, "alice", LockTarget::Document, HOUR_MS);
    let lock = store.acquire_lock(asked.clone()).await.unwrap();
    assert_eq!((lock.id, &lock.holder), (asked.id, &asked.holder));
    assert!(lock.acquired_at < lock.expires_at);
    for target in [LockTarget::Document, object("a")] {
        let refused = store
            .acquire_lock(request(id, "bob", target, HOUR_MS))
            .await;
        let Err(StoreError::LockHeld(held)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(*held, lock);
    }
    assert_eq!(store.locks(id).await.unwrap(), std::slice::from_ref(&lock));
    assert!(store.release_lock(id, lock.id).await.unwrap());
    assert!(!store.release_lock(id, lock.id).await.unwrap());
    assert_eq!(store.locks(id).await.unwrap(), []);
    let asked = request(id, "bob", LockTarget::Document, HOUR_MS);
    assert!(store.acquire_lock(asked).await.is_ok());
}

/// Objects are locked one by one, and a lock of the document waits for all of them.
pub async fn locks_of_different_objects_do_not_meet(store: &dyn DocumentStore) {
    let id = created(store).await.id;
    let first = store
        .acquire_lock(request(id, "alice", object("a"), HOUR_MS))
        .await
        .unwrap();
    let second = store
        .acquire_lock(request(id, "bob", object("b"), HOUR_MS))
        .await
        .unwrap();
    assert_eq!(store.locks(id).await.unwrap(), [first, second]);
    let whole = request(id, "alice", LockTarget::Document, HOUR_MS);
    let refused = store.acquire_lock(whole).await;
    assert!(
        matches!(refused, Err(StoreError::LockHeld(_))),
        "{refused:?}"
    );
}

/// Each grant of a document has a larger fence than the one before; a renewal keeps it.
pub async fn fences_rise(store: &dyn DocumentStore) {
    let id = created(store).await.id;
    let mut last = Fence(0);
    for holder in ["alice", "bob", "alice"] {
        let asked = request(id, holder, object("a"), HOUR_MS);
        let lock = store.acquire_lock(asked.clone()).await.unwrap();
        assert!(lock.fence > last);
        last = lock.fence;
        let again = LockRequest {
            id: LockId(Guuid::now()),
            ..asked
        };
        let again = store.acquire_lock(again).await.unwrap();
        assert_eq!((again.id, again.fence), (lock.id, lock.fence));
        store.release_lock(id, lock.id).await.unwrap();
    }
}

/// After its lease, a lock is not listed, cannot be renewed, and another can be had.
pub async fn a_lock_that_has_expired_is_nobodys(store: &dyn DocumentStore) {
    let id = created(store).await.id;
    let lock = expired(store, id, "alice").await;
    let renewed = store.renew_lock(id, lock.id, HOUR_MS).await;
    assert!(
        matches!(renewed, Err(StoreError::LockLost(_))),
        "{renewed:?}"
    );
    let asked = request(id, "bob", LockTarget::Document, HOUR_MS);
    let next = store.acquire_lock(asked).await.unwrap();
    assert!(next.fence > lock.fence);
}

/// A renewal counts from now.
pub async fn a_lock_that_is_renewed_lasts(store: &dyn DocumentStore) {
    let id = created(store).await.id;
    let asked = request(id, "alice", LockTarget::Document, HOUR_MS);
    let lock = store.acquire_lock(asked).await.unwrap();
    let renewed = store.renew_lock(id, lock.id, 2 * HOUR_MS).await.unwrap();
    assert!(renewed.expires_at > lock.expires_at);
    assert_eq!(store.locks(id).await.unwrap(), [renewed]);
}

/// A renewal that comes late, by name or by asking again, leaves the longer lease as it is.
pub async fn a_renewal_takes_nothing_from_a_lease(store: &dyn DocumentStore) {
    let id = created(store).await.id;
    let asked = request(id, "alice", LockTarget::Document, 2 * HOUR_MS);
    let lock = store.acquire_lock(asked).await.unwrap();
    let late = store.renew_lock(id, lock.id, HOUR_MS).await.unwrap();
    assert_eq!(late, lock);
    let again = request(id, "alice", LockTarget::Document, HOUR_MS);
    assert_eq!(store.acquire_lock(again).await.unwrap(), lock);
    assert_eq!(store.locks(id).await.unwrap(), [lock]);
}

/// A write of somebody else is refused as a whole, and says which record and whose lock.
pub async fn others_cannot_write_under_a_lock(store: &dyn DocumentStore) {
    let document = created(store).await;
    let id = document.id;
    let asked = request(id, "alice", object("a"), HOUR_MS);
    let lock = store.acquire_lock(asked).await.unwrap();
    let edits = vec![
        delete(author("bob"), "b", None),
        delete(author("bob"), "a", None),
    ];
    let refused = store.append(append(&document, edits)).await;
    let Err(StoreError::Guarded {
        record, violation, ..
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(record, 1);
    assert_eq!(violation, GuardViolation::Locked(Box::new(lock.clone())));
    assert_eq!(store.head(id).await.unwrap(), document);
    let edits = vec![
        delete(author("bob"), "b", None),
        delete(author("alice"), "a", Some(lock.fence)),
    ];
    store.append(append(&document, edits)).await.unwrap();
}

/// Whoever was away for longer than the lease learns of it, also when nobody took the lock since.
pub async fn a_write_under_a_lock_that_is_over_is_refused(store: &dyn DocumentStore) {
    let document = created(store).await;
    let lock = expired(store, document.id, "alice").await;
    let stale = || {
        append(
            &document,
            vec![delete(author("alice"), "a", Some(lock.fence))],
        )
    };
    let fenced = |refused: Result<(), StoreError>| {
        let violation = match refused {
            Err(StoreError::Guarded { violation, .. }) => violation,
            other => panic!("{other:?}"),
        };
        assert_eq!(violation, GuardViolation::Fenced(lock.fence));
    };
    fenced(store.append(stale()).await);
    let asked = request(document.id, "bob", LockTarget::Document, HOUR_MS);
    store.acquire_lock(asked).await.unwrap();
    fenced(store.append(stale()).await);
    assert_eq!(store.head(document.id).await.unwrap(), document);
}

/// One of them, and all others are told who.
pub async fn of_many_who_ask_at_once_one_gets_it(store: &dyn DocumentStore) {
    let id = created(store).await.id;
    let asked = ["ann", "bea", "cid", "dan", "eve", "fay"]
        .map(|holder| store.acquire_lock(request(id, holder, LockTarget::Document, HOUR_MS)));
    let outcomes = futures::future::join_all(asked).await;
    let granted: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().ok())
        .collect();
    assert_eq!(granted.len(), 1, "{outcomes:?}");
    for outcome in &outcomes {
        match outcome {
            Ok(_) => {}
            Err(StoreError::LockHeld(held)) => assert_eq!(**held, *granted[0]),
            Err(other) => panic!("{other:?}"),
        }
    }
}
