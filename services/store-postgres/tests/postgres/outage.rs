//! The server goes away and comes back.

use statesync_core::{DocumentStore as _, StoreError, testkit};

use store_postgres::testkit::Cluster;

fn assert_unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(
        matches!(answer, Err(StoreError::Unavailable { .. })),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_is_unavailable_and_then_used_again() {
    let cluster = Cluster::start();
    let store = cluster.store("outage").await;
    let mut document = testkit::new_document("alice");
    store.create(&document).await.unwrap();
    for _ in 0..2 {
        store
            .append(testkit::append_to(&mut document, &[b"kept"]))
            .await
            .unwrap();
        // Several connections, all of which will be dead.
        let heads = (0..8).map(|_| store.head(document.id));
        futures::future::join_all(heads).await;
        cluster.stop();
        assert_unavailable(store.head(document.id).await);
        let lost = testkit::append_to(&mut document.clone(), &[b"lost"]);
        assert_unavailable(store.append(lost).await);
        assert_unavailable(store.create(&testkit::new_document("alice")).await);
        cluster.resume();
        let stored = store.load(document.id).await.unwrap();
        assert_eq!(stored.document, document);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_died_unnoticed_do_not_show() {
    let cluster = Cluster::start();
    let store = cluster.store("restart").await;
    let mut document = testkit::new_document("alice");
    store.create(&document).await.unwrap();
    for _ in 0..3 {
        let heads = (0..8).map(|_| store.head(document.id));
        futures::future::join_all(heads).await;
        cluster.stop();
        cluster.resume();
        store
            .append(testkit::append_to(&mut document, &[b"kept"]))
            .await
            .unwrap();
    }
    assert_eq!(store.load(document.id).await.unwrap().document, document);
}
