//! Several replicas write to one document.

use std::collections::BTreeSet;

use std::sync::Arc;

use bytes::Bytes;
use guuid::Guuid;
use statesync_core::{
    Change, Document, DocumentStore as _, LockId, LockRequest, LockTarget, OperationId, Since,
    StoreError, Terms, Version, testkit,
};
use store_postgres::PostgresStore;

use store_postgres::testkit::{Cluster, connect};

/// Appends `count` records, one at a time, to whatever is there. The versions that were won.
async fn write(store: &PostgresStore, document: &Document, mark: u8, count: usize) -> Vec<u64> {
    let mut head = document.clone();
    let mut won = Vec::new();
    while won.len() < count {
        let mut mine = head.clone();
        let append = testkit::append_to(&mut mine, &[&[mark]]);
        match store.append(append).await {
            Ok(()) => {
                head = mine;
                won.push(head.version.0);
            }
            Err(StoreError::Conflict { .. }) => head = store.head(document.id).await.unwrap(),
            Err(other) => panic!("{other:?}"),
        }
    }
    won
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_contiguous_and_each_has_one_winner() {
    const EACH: usize = 60;
    let cluster = Cluster::shared();
    let url = cluster.database("replicas").await;
    let (one, other) = (connect(&url).await, connect(&url).await);
    let document = testkit::new_document("alice");
    one.create(&document).await.unwrap();
    let (first, second, third) = tokio::join!(
        write(&one, &document, 1, EACH),
        write(&other, &document, 2, EACH),
        write(&one, &document, 3, EACH),
    );
    let won: BTreeSet<u64> = [&first, &second, &third]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    assert!(won.into_iter().eq(1..=3 * EACH as u64));
    let stored = other.load(document.id).await.unwrap();
    for record in &stored.records {
        let Change::Yjs(mark) = &record.change else {
            panic!("{record:?}");
        };
        let winners = [&first, &second, &third][usize::from(mark[0]) - 1];
        assert!(winners.contains(&record.version.0));
    }
    let audit = one
        .audit(document.id, Version::ZERO, usize::MAX)
        .await
        .unwrap();
    let mut previous = statesync_core::genesis();
    for entry in &audit {
        assert!(entry.follows(document.id, previous));
        previous = entry.hash;
    }
    assert_eq!(stored.document.audit, previous);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_never_see_a_hole() {
    let cluster = Cluster::shared();
    let url = cluster.database("readers").await;
    let (writer, reader) = (connect(&url).await, connect(&url).await);
    let document = testkit::new_document("alice");
    writer.create(&document).await.unwrap();
    let written = write(&writer, &document, 1, 150);
    let read = async {
        let mut seen = Version::ZERO;
        while seen < Version(150) {
            let stored = reader.load(document.id).await.unwrap();
            assert_eq!(stored.records.len() as u64, stored.document.version.0);
            let since = reader.since(document.id, seen, 1_000).await.unwrap();
            let Since::Records(records) = since else {
                panic!("{since:?}");
            };
            for record in records {
                assert_eq!(record.version, seen.next());
                seen = record.version;
            }
        }
    };
    tokio::join!(written, read);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_is_asked_for_at_two_replicas_is_stored_once() {
    let cluster = Cluster::shared();
    let url = cluster.database("twice").await;
    let (one, other) = (connect(&url).await, connect(&url).await);
    let mut document = testkit::new_document("alice");
    one.create(&document).await.unwrap();
    for _ in 0..20 {
        let name = OperationId(Guuid::now());
        let append = || {
            let mut head = document.clone();
            let mut append = testkit::append_to(&mut head, &[b"x"]);
            let record = Arc::make_mut(&mut append.records[0]);
            record.operation_id = name;
            record.terms = Terms {
                operation_id: Some(name),
                ..Terms::default()
            };
            (append, head)
        };
        let ((first, next), (second, _)) = (append(), append());
        let outcomes = tokio::join!(one.append(first), other.append(second));
        match outcomes {
            (Ok(()), Err(refused)) | (Err(refused), Ok(())) => {
                let known =
                    matches!(refused, StoreError::Duplicate { operation, .. } if operation == name);
                assert!(known, "{refused:?}");
            }
            outcomes => panic!("{outcomes:?}"),
        }
        document = one.head(document.id).await.unwrap();
        assert_eq!(document.version, next.version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_one_gets_the_lock() {
    let cluster = Cluster::shared();
    let url = cluster.database("locks").await;
    let (one, other) = (connect(&url).await, connect(&url).await);
    let document = testkit::new_document("alice");
    one.create(&document).await.unwrap();
    for _ in 0..20 {
        let request = |user: &str| LockRequest {
            id: LockId(Guuid::now()),
            document_id: document.id,
            target: LockTarget::Document,
            holder: statesync_core::Author {
                user_id: statesync_core::UserId::new(user).unwrap(),
                session_id: "s\0".into(),
            },
            // Longer than all time that the database knows.
            lease_ms: u64::MAX,
        };
        let (first, second) = tokio::join!(
            one.acquire_lock(request("alice")),
            other.acquire_lock(request("bob")),
        );
        let lock = match (first, second) {
            (Ok(lock), Err(StoreError::LockHeld(held)))
            | (Err(StoreError::LockHeld(held)), Ok(lock)) => {
                assert_eq!(*held, lock);
                lock
            }
            outcomes => panic!("{outcomes:?}"),
        };
        let mut head = document.clone();
        let mut append = testkit::append_to(&mut head, &[b"x"]);
        Arc::make_mut(&mut append.records[0]).author.user_id =
            statesync_core::UserId::new("carol").unwrap();
        Arc::make_mut(&mut append.records[0]).change = Change::Yjs(Bytes::new());
        let refused = other.append(append).await;
        assert!(
            matches!(refused, Err(StoreError::Guarded { .. })),
            "{refused:?}"
        );
        assert!(other.release_lock(document.id, lock.id).await.unwrap());
        assert!(!one.release_lock(document.id, lock.id).await.unwrap());
    }
}
