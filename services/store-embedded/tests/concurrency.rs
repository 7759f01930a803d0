//! Many writers at once: they share syncs, wait for room, and see one order.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use futures::executor::block_on;
use futures::future::join_all;
use statesync_core::{DocumentStore, Version, testkit};
use store_embedded::{EmbeddedStore, Options};

#[test]
fn many_writers_share_one_sync() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(&Options::new(directory.path())).unwrap();
    let documents: Vec<_> = (0..64).map(|_| testkit::new_document("alice")).collect();
    let creations = documents
        .iter()
        .map(|document| DocumentStore::create(&store, document));
    block_on(join_all(creations))
        .into_iter()
        .collect::<Result<Vec<()>, _>>()
        .unwrap();
    let before = store.stats();
    let appends = documents
        .into_iter()
        .map(|mut document| store.append(testkit::append_to(&mut document, &[b"edit"])));
    block_on(join_all(appends))
        .into_iter()
        .collect::<Result<Vec<()>, _>>()
        .unwrap();
    let after = store.stats();
    let (requests, syncs) = (after.requests - before.requests, after.syncs - before.syncs);
    assert_eq!(requests, 64);
    assert!(
        syncs < requests / 2,
        "{syncs} syncs for {requests} requests"
    );
}

#[test]
fn more_than_the_queue_holds_is_written_in_turns() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(&Options::new(directory.path())).unwrap();
    let payload = vec![7; 1024 * 1024];
    let writers = (0..40).map(async |_| {
        let mut document = testkit::new_document("alice");
        DocumentStore::create(&store, &document).await.unwrap();
        store
            .append(testkit::append_to(&mut document, &[&payload]))
            .await
            .unwrap();
        document.id
    });
    for id in block_on(join_all(writers)) {
        let stored = block_on(DocumentStore::load(&store, id)).unwrap();
        assert_eq!(stored.document.version, Version(1));
    }
}

#[test]
fn what_waits_when_the_store_is_closed_is_written_first() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new(directory.path());
    let store = EmbeddedStore::open(&options).unwrap();
    let documents: Vec<_> = (0..100).map(|_| testkit::new_document("alice")).collect();
    let mut creations: Vec<_> = documents
        .iter()
        .map(|document| DocumentStore::create(&store, document))
        .collect();
    // Each future is polled once, so that its request waits in the queue.
    for creation in &mut creations {
        let _ = futures::FutureExt::now_or_never(creation);
    }
    drop(creations);
    store.close();
    let refused = block_on(DocumentStore::create(
        &store,
        &testkit::new_document("alice"),
    ));
    assert!(refused.is_err(), "a closed store takes nothing");
    drop(store);
    let store = EmbeddedStore::open(&options).unwrap();
    for document in documents {
        block_on(store.head(document.id)).unwrap();
    }
}
