//! What an operator sees and does in the database.

use std::sync::Arc;

use bytes::Bytes;
use guuid::Guuid;
use statesync_core::{
    Conflict, ConflictId, Document, DocumentStore as _, OperationId, Outcome, PolicyName, Since,
    Snapshot, Status, StoreError, Timestamp, Version, testkit,
};
use tokio_postgres::error::SqlState;

use store_postgres::testkit::{Cluster, client, connect};

#[tokio::test(flavor = "multi_thread")]
async fn the_usual_questions_have_answers() {
    let cluster = Cluster::shared();
    let url = cluster.database("questions").await;
    let store = connect(&url).await;
    let mut document = testkit::new_document("alice");
    document.name = "Minutes".to_owned();
    store.create(&document).await.unwrap();
    let mut append = testkit::append_to(&mut document, &[b"1", b"2"]);
    Arc::make_mut(&mut append.records[1]).status = Status::Conflict;
    let conflict = |outcome| Conflict {
        id: ConflictId(Guuid::now()),
        document_id: document.id,
        detected_at: Timestamp(1),
        about: Vec::new(),
        operations: append.records.clone(),
        policy: PolicyName::Lww,
        outcome,
    };
    let outcome = |resolved_by| Outcome {
        resolved_by,
        resolved_operation: None,
        resolved_at: Timestamp(1_700_000_000_123),
        version: Version(1),
    };
    let open = conflict(None);
    let by_policy = conflict(Some(outcome(None)));
    let by_hand = conflict(Some(outcome(Some(document.created_by.clone()))));
    append.conflicts = vec![open.clone(), by_policy.clone(), by_hand.clone()];
    store.append(append).await.unwrap();

    let client = client(&url).await;
    let ask = async |sql: &str| client.query(sql, &[]).await.unwrap();
    let documents =
        ask("SELECT id, name, type, version FROM documents WHERE state = 'active'").await;
    let [row] = documents.as_slice() else {
        panic!("{documents:?}");
    };
    assert_eq!(row.get::<_, uuid::Uuid>("id"), document.id.0.to_uuid());
    assert_eq!(row.get::<_, &str>("name"), "Minutes");
    assert_eq!(row.get::<_, &str>("type"), "text");
    assert_eq!(row.get::<_, i64>("version"), 2);

    let newest =
        "SELECT id, type, version, status FROM operations ORDER BY timestamp DESC LIMIT 10";
    let operations = ask(newest).await;
    let statuses: Vec<(i64, &str)> = operations
        .iter()
        .map(|row| (row.get("version"), row.get("status")))
        .collect();
    assert_eq!(statuses, [(2, "conflict"), (1, "applied")]);

    let waiting = "SELECT id, resolution, resolved_at FROM conflicts WHERE resolved_at IS NULL";
    let waiting = ask(waiting).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].get::<_, uuid::Uuid>("id"), open.id.0.to_uuid());
    assert_eq!(waiting[0].get::<_, Option<&str>>("resolution"), None);
    let settled = "SELECT id, resolution FROM conflicts WHERE resolved_at = \
         timestamptz '2023-11-14 22:13:20.123+00' ORDER BY id";
    let settled = ask(settled).await;
    let resolutions: Vec<&str> = settled.iter().map(|row| row.get("resolution")).collect();
    assert_eq!(resolutions, ["lww", "manual"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_cannot_be_changed() {
    let cluster = Cluster::shared();
    let url = cluster.database("audit").await;
    let store = connect(&url).await;
    let mut document = testkit::new_document("alice");
    store.create(&document).await.unwrap();
    let append = testkit::append_to(&mut document, &[b"1"]);
    let entries = append.audit.clone();
    store.append(append).await.unwrap();
    let client = client(&url).await;
    for change in [
        "UPDATE audit SET user_id = 'mallory'",
        "DELETE FROM audit",
        "TRUNCATE audit",
    ] {
        let refused = client.execute(change, &[]).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
    }
    let kept = store.audit(document.id, Version::ZERO, 10).await.unwrap();
    assert_eq!(kept, entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn pruned_records_leave_the_table_and_their_audit_entries_stay() {
    let cluster = Cluster::shared();
    let url = cluster.database("pruning").await;
    let store = connect(&url).await;
    let mut document = testkit::new_document("alice");
    store.create(&document).await.unwrap();
    let payloads = [b"x".as_slice(); 2_500];
    store
        .append(testkit::append_to(&mut document, &payloads))
        .await
        .unwrap();
    for (version, readable_from) in [(2_490, 0), (2_499, 2_490)] {
        let snapshot = Snapshot {
            version: Version(version),
            content: Bytes::from_static(b"all"),
        };
        let saved = store.save_snapshot(document.id, snapshot, Version(readable_from));
        saved.await.unwrap();
    }
    let client = client(&url).await;
    let rows = async |table: &str| {
        let count = format!("SELECT count(*) FROM {table}");
        client
            .query_one(&count, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
    };
    assert_eq!(rows("operations").await, 10);
    assert_eq!(rows("audit").await, 2_500);
    assert_eq!(store.load(document.id).await.unwrap().records.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_may_have_any_character() {
    let cluster = Cluster::shared();
    let store = cluster.store("texts").await;
    let odd = "\0 \u{1a} \u{1f600} \\ \" \u{7f}".to_owned();
    let mut document = testkit::new_document("alice");
    document.name.clone_from(&odd);
    document.policy = PolicyName::Custom(odd.clone());
    document.metadata.tags.insert(odd.clone());
    document
        .metadata
        .properties
        .insert(odd.clone(), odd.clone());
    store.create(&document).await.unwrap();
    let mut append = testkit::append_to(&mut document, &[b"1"]);
    Arc::make_mut(&mut append.records[0]).author.session_id = odd.as_str().into();
    Arc::make_mut(&mut append.records[0]).terms.client_id = odd;
    let records = append.records.clone();
    store.append(append).await.unwrap();
    let stored = store.load(document.id).await.unwrap();
    assert_eq!((stored.document, stored.records), (document, records));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_pruned_records_that_are_still_there_are_in_nobodys_way() {
    let cluster = Cluster::shared();
    let url = cluster.database("leftovers").await;
    let store = connect(&url).await;
    let mut document = testkit::new_document("alice");
    store.create(&document).await.unwrap();
    let name = OperationId(Guuid::now());
    let named = |document: &mut Document| {
        let mut append = testkit::append_to(document, &[b"x"]);
        Arc::make_mut(&mut append.records[0]).operation_id = name;
        Arc::make_mut(&mut append.records[0]).terms.operation_id = Some(name);
        append
    };
    store.append(named(&mut document)).await.unwrap();
    let client = client(&url).await;
    let copy = "CREATE TABLE leftovers AS SELECT * FROM operations";
    client.batch_execute(copy).await.unwrap();
    let snapshot = Snapshot {
        version: Version(1),
        content: Bytes::from_static(b"x"),
    };
    let id = document.id;
    store
        .save_snapshot(id, snapshot.clone(), Version(1))
        .await
        .unwrap();
    // As if the process had died before it deleted them.
    let back = "INSERT INTO operations SELECT * FROM leftovers";
    client.batch_execute(back).await.unwrap();
    assert_eq!(store.operation(id, name).await.unwrap(), None);
    let since = store.since(id, Version::ZERO, 10).await.unwrap();
    assert_eq!(since, Since::Pruned { oldest: Version(2) });
    store.append(named(&mut document)).await.unwrap();
    let stored = store.load(id).await.unwrap();
    assert_eq!((stored.snapshot, stored.records.len()), (Some(snapshot), 1));
    let again = store.append(named(&mut document)).await;
    assert!(
        matches!(again, Err(StoreError::Duplicate { .. })),
        "{again:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_column_cannot_have_is_refused_as_a_whole() {
    let cluster = Cluster::shared();
    let store = cluster.store("beyond").await;
    let mut document = testkit::new_document("alice");
    store.create(&document).await.unwrap();
    let mut append = testkit::append_to(&mut document.clone(), &[b"1", b"2"]);
    Arc::make_mut(&mut append.records[1]).timestamp = Timestamp(u64::MAX);
    let refused = store.append(append).await;
    assert!(
        matches!(refused, Err(StoreError::Backend(_))),
        "{refused:?}"
    );
    let stored = store.load(document.id).await.unwrap();
    assert_eq!(
        (stored.document, stored.records),
        (document.clone(), vec![])
    );
    assert_eq!(
        store.audit(document.id, Version::ZERO, 9).await.unwrap(),
        []
    );
    // The store goes on.
    let append = testkit::append_to(&mut document, &[b"1"]);
    store.append(append).await.unwrap();
}
