use bytes::Bytes;
use statesync_core::{Document, MemoryStore, Snapshot, testkit};

use super::*;

/// A document of this many records in a store of its own.
async fn written(records: usize) -> (MemoryStore, Document) {
    let store = MemoryStore::new();
    let mut document = testkit::new_document("alice");
    store.create(&document).await.unwrap();
    for _ in 0..records {
        let append = testkit::append_to(&mut document, &[b"an edit"]);
        store.append(append).await.unwrap();
    }
    (store, document)
}

fn whole(document: &Document) -> Finding {
    Finding::Whole(document.version, document.audit)
}

#[tokio::test]
async fn logs_of_any_length_are_followed_to_their_end() {
    for length in [0, 1, PORTION - 1, PORTION, PORTION + 1, 3 * PORTION] {
        let (store, document) = written(length).await;
        let found = verify(&store, document.id, Kept::new()).await.unwrap();
        assert_eq!(found, whole(&document), "{length}");
    }
}

#[tokio::test]
async fn records_that_are_gone_are_not_missed_and_those_after_them_are_looked_at() {
    let (store, document) = written(3 * PORTION).await;
    for pruned in [1, PORTION, PORTION + 7, 3 * PORTION] {
        let version = Version(pruned as u64);
        let snapshot = Snapshot {
            version,
            content: Bytes::from_static(b"content"),
        };
        let saved = store.save_snapshot(document.id, snapshot, version);
        saved.await.unwrap();
        let found = verify(&store, document.id, Kept::new()).await.unwrap();
        assert_eq!(found, whole(&document), "{pruned}");
        let kept = records(&store, document.id, Version::ZERO, document.version);
        let kept = kept.await.unwrap();
        assert_eq!(kept.len(), 3 * PORTION - pruned);
    }
}

#[tokio::test]
async fn a_head_that_was_never_written_does_not_fit() {
    let (store, mut document) = written(2).await;
    let mut append = testkit::append_to(&mut document, &[b"an edit"]);
    append.document.audit = Digest([7; 32]);
    store.append(append).await.unwrap();
    let found = verify(&store, document.id, Kept::new()).await.unwrap();
    assert_eq!(
        found,
        Finding::Broken(AuditFault::Head(Version(3)).to_string())
    );
}

#[tokio::test]
async fn an_unknown_document_is_no_finding_unless_somebody_knew_it() {
    let (store, document) = written(1).await;
    let unknown = testkit::new_document("alice").id;
    let kept = Kept::from([(document.version, document.audit)]);
    let missing = verify(&store, unknown, Kept::new()).await;
    assert!(matches!(missing, Err(StoreError::NotFound(id)) if id == unknown));
    let gone = verify(&store, unknown, kept.clone()).await.unwrap();
    assert!(matches!(gone, Finding::Broken(what) if what.contains("is gone")));
    let there = verify(&store, document.id, kept).await.unwrap();
    assert_eq!(there, whole(&document));
}
