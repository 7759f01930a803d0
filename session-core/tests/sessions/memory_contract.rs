//! The memory store keeps the contract of every store.

use std::num::NonZeroUsize;
use std::sync::Arc;

use futures::executor::block_on;
use session_core::testkit::{self, record, strict};
use session_core::{MemoryStore, SessionStore, StoreError};

#[test]
fn memory_store_keeps_every_promise() {
    block_on(testkit::run_all(|| async {
        Arc::new(MemoryStore::new()) as Arc<dyn SessionStore>
    }));
}

#[test]
fn every_promise_is_named_once() {
    let mut names: Vec<&str> = testkit::PROMISES
        .iter()
        .map(|promise| promise.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), testkit::PROMISES.len());
}

#[test]
fn handles_of_one_memory_store_share_their_sessions() {
    let store = MemoryStore::default();
    let reopen = || async { Arc::new(store.clone()) as Arc<dyn SessionStore> };
    block_on(testkit::sessions_survive_reopening(reopen));
    assert_eq!(store.len(), 1);
}

#[test]
fn full_memory_store_is_unavailable_until_there_is_room() {
    block_on(async {
        let store = MemoryStore::with_sessions_max(NonZeroUsize::MIN);
        assert!(store.is_empty());
        let (first, second) = (record("alice", 1), record("bob", 2));
        store.create(&first, strict(1)).await.unwrap();
        let refused = store.create(&second, strict(1)).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{refused:?}"
        );
        store.remove(first.session.session_id, None).await.unwrap();
        store.create(&second, strict(1)).await.unwrap();
    });
}
