//! Rows that somebody changed, or that are gone.

use bytes::Bytes;
use statesync_core::{DocumentStore as _, Snapshot, StoreError, Version, testkit};

use store_postgres::testkit::{Cluster, client, connect};

/// What every damage here leads to, and only for the document that has it.
async fn assert_noticed(database: &str, damage: &str) {
    let cluster = Cluster::shared();
    let url = cluster.database(database).await;
    let store = connect(&url).await;
    let mut whole = testkit::new_document("alice");
    let mut document = testkit::new_document("alice");
    for document in [&mut whole, &mut document] {
        store.create(document).await.unwrap();
        let append = testkit::append_to(document, &[b"1", b"2", b"3", b"4"]);
        store.append(append).await.unwrap();
        let snapshot = Snapshot {
            version: Version(2),
            content: Bytes::from_static(b"12"),
        };
        let id = document.id;
        store.save_snapshot(id, snapshot, Version(2)).await.unwrap();
    }
    let damage = format!("{damage} AND document_id = '{}'", document.id);
    let changed = client(&url).await.execute(&damage, &[]).await.unwrap();
    assert_eq!(changed, 1, "{damage}");
    let refused = store.load(document.id).await;
    assert!(
        matches!(&refused, Err(StoreError::Corrupt { id, .. }) if *id == document.id),
        "{damage}: {refused:?}"
    );
    assert_eq!(store.load(whole.id).await.unwrap().document, whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_body_is_noticed() {
    assert_noticed(
        "body",
        "UPDATE operations SET body = set_byte(body, 1, 7) WHERE version = 4",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_author_is_noticed() {
    assert_noticed(
        "author",
        "UPDATE operations SET user_id = 'mallory' WHERE version = 3",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_record_is_noticed() {
    assert_noticed("hole", "DELETE FROM operations WHERE version = 3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_ends_too_early_is_noticed() {
    assert_noticed("tail", "DELETE FROM operations WHERE version = 4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_snapshot_is_noticed() {
    assert_noticed(
        "snapshot",
        "UPDATE snapshots SET content = 'xx' WHERE version = 2",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_snapshot_is_noticed() {
    assert_noticed("gone", "DELETE FROM snapshots WHERE version = 2").await;
}
