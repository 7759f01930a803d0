//! The tables are made once, whoever starts when.

use bytes::Bytes;
use statesync_core::{DocumentStore as _, Snapshot, Version, testkit};
use store_postgres::{ConnectError, PostgresStore};

use store_postgres::testkit::{Cluster, client, connect, options};

fn snapshot(version: u64) -> Snapshot {
    Snapshot {
        version: Version(version),
        content: Bytes::from_static(b"content"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_start_at_once_make_the_tables_once() {
    let cluster = Cluster::shared();
    let url = cluster.database("together").await;
    let starts = (0..6).map(|_| connect(&url));
    let stores = futures::future::join_all(starts).await;
    let document = testkit::new_document("alice");
    stores[0].create(&document).await.unwrap();
    // And once more on the tables that are there.
    let later = connect(&url).await;
    assert_eq!(later.head(document.id).await.unwrap(), document);
    let client = client(&url).await;
    let applied = "SELECT number FROM schema_migrations ORDER BY number";
    let applied = client.query(applied, &[]).await.unwrap();
    let numbers: Vec<i32> = applied.iter().map(|row| row.get(0)).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_was_changed_is_refused() {
    let cluster = Cluster::shared();
    let url = cluster.database("changed").await;
    drop(connect(&url).await);
    let change = "UPDATE schema_migrations SET checksum = 'another' WHERE number = 1";
    client(&url).await.execute(change, &[]).await.unwrap();
    let refused = PostgresStore::connect(&options(&url)).await;
    assert!(
        matches!(
            refused,
            Err(ConnectError::MigrationChanged { number: 1, .. })
        ),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_database_is_refused() {
    let cluster = Cluster::shared();
    let url = cluster.database("newer").await;
    drop(connect(&url).await);
    let newer = "INSERT INTO schema_migrations (number, name, checksum) VALUES (1000, 'x', 'x')";
    client(&url).await.execute(newer, &[]).await.unwrap();
    let refused = PostgresStore::connect(&options(&url)).await;
    assert!(
        matches!(refused, Err(ConnectError::NewerSchema { found: 1_000, .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_before_anything_is_asked() {
    let url = "postgres://nobody:secret@127.0.0.1:1/none";
    let refused = PostgresStore::connect(&options(url).connections(0)).await;
    assert!(
        matches!(refused, Err(ConnectError::InvalidOption { .. })),
        "{refused:?}"
    );
    let refused = PostgresStore::connect(&options("postgres://[")).await;
    assert!(
        matches!(refused, Err(ConnectError::InvalidUrl(_))),
        "{refused:?}"
    );
    let refused = PostgresStore::connect(&options(url)).await;
    let Err(error @ ConnectError::Unreachable { .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(!error.to_string().contains("secret"), "{error}");
    assert!(!format!("{:?}", options(url)).contains("secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_the_version_before_go_on_where_they_were() {
    let cluster = Cluster::shared();
    let url = cluster.database("before").await;
    let mut document = testkit::new_document("alice");
    {
        let store = connect(&url).await;
        store.create(&document).await.unwrap();
        let append = testkit::append_to(&mut document, &[b"one", b"two"]);
        store.append(append).await.unwrap();
        let saved = store.save_snapshot(document.id, snapshot(1), Version::ZERO);
        saved.await.unwrap();
    }
    // All that the third and the fourth migration make.
    let back = "DROP FUNCTION append_usual; \
        ALTER TABLE snapshots DROP CONSTRAINT snapshots_pkey; \
        ALTER TABLE snapshots ADD PRIMARY KEY (document_id); \
        DELETE FROM schema_migrations WHERE number > 2";
    client(&url).await.batch_execute(back).await.unwrap();
    let looking = options(&url).migrate(false);
    let refused = PostgresStore::connect(&looking).await;
    assert!(
        matches!(
            refused,
            Err(ConnectError::OlderSchema { found: 2, known: 4 })
        ),
        "{refused:?}"
    );
    let store = connect(&url).await;
    for payload in [b"three", b"later"] {
        let append = testkit::append_to(&mut document, &[payload]);
        store.append(append).await.unwrap();
    }
    let id = document.id;
    store
        .save_snapshot(id, snapshot(3), Version(2))
        .await
        .unwrap();
    let stored = store.load(id).await.unwrap();
    assert_eq!((stored.document, stored.records.len()), (document, 1));
    let old = store.snapshot_before(id, Version(2)).await.unwrap();
    assert_eq!(old, Some(snapshot(1)));
}
