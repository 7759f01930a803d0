//! The contract of a [`DocumentStore`], as code. Every store runs [`run_all`] in its tests.
//!
//! Each function is one promise and panics when it is broken. They make their own documents, so
//! they can share one store, also one with other documents in it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]

pub mod history;
pub mod locks;
pub mod operations;

use std::sync::Arc;

use bytes::Bytes;
use guuid::Guuid;

use crate::audit::{AuditEntry, genesis};
use crate::conflict::PolicyName;
use crate::document::{Document, DocumentState, DocumentType, Metadata};
use crate::identity::{DocumentId, OperationId, Timestamp, UserId, Version};
use crate::record::{Author, Change, Edit, PropertiesChange, Record, Snapshot};
use crate::store::{Append, DocumentStore, ListQuery, Since, StoreError};

/// Runs every promise against `store`.
///
/// # Panics
///
/// When one is broken.
pub async fn run_all(store: &dyn DocumentStore) {
    what_was_created_is_there(store).await;
    a_taken_id_is_a_conflict(store).await;
    an_unknown_document_is_not_found(store).await;
    records_come_back_as_they_were_appended(store).await;
    an_append_at_the_wrong_version_changes_nothing(store).await;
    of_many_appends_at_one_version_one_wins(store).await;
    since_answers_in_order_and_in_portions(store).await;
    a_snapshot_shortens_the_load(store).await;
    pruned_records_are_said_to_be_pruned(store).await;
    a_snapshot_never_hides_records_after_it(store).await;
    an_older_snapshot_changes_nothing(store).await;
    the_list_is_newest_first_and_pages_do_not_overlap(store).await;
    the_list_follows_members_and_states(store).await;
    every_document_has_its_id_among_all_ids(store).await;
    large_and_odd_contents_come_back_unchanged(store).await;
    history::run_all(store).await;
    locks::run_all(store).await;
    operations::run_all(store).await;
}

/// A head for a new document of `owner`.
///
/// # Panics
///
/// When `owner` cannot be a user id.
#[must_use]
pub fn new_document(owner: &str) -> Document {
    let owner = UserId::new(owner).unwrap();
    Document {
        id: DocumentId(Guuid::now()),
        name: "Minutes".to_owned(),
        kind: DocumentType::Text,
        state: DocumentState::Active,
        version: Version::ZERO,
        created_by: owner.clone(),
        created_at: Timestamp(1_700_000_000_000),
        updated_by: owner.clone(),
        updated_at: Timestamp(1_700_000_000_000),
        metadata: Metadata::owned_by(owner),
        policy: PolicyName::Merge,
        audit: genesis(),
    }
}

/// An append of `payloads` to `document`, which moves along.
pub fn append_to(document: &mut Document, payloads: &[&[u8]]) -> Append {
    let changes = payloads
        .iter()
        .map(|bytes| Change::Yjs(Bytes::copy_from_slice(bytes)));
    append_changes(document, changes.collect())
}

fn append_changes(document: &mut Document, changes: Vec<Change>) -> Append {
    let author = author(document.created_by.as_str());
    let edits = changes
        .into_iter()
        .map(|change| Edit::new(author.clone(), change));
    append_edits(document, edits.collect())
}

/// Somebody, in a session of theirs.
fn author(user: &str) -> Author {
    Author {
        user_id: UserId::new(user).unwrap(),
        session_id: format!("session of {user}").into(),
    }
}

/// An append of `edits` to `document`, which moves along.
fn append_edits(document: &mut Document, edits: Vec<Edit>) -> Append {
    let expected = document.version;
    let records: Vec<_> = edits
        .into_iter()
        .enumerate()
        .map(|(index, edit)| {
            let named = edit.terms.operation_id;
            let id = named.unwrap_or_else(|| OperationId(Guuid::now()));
            let timestamp = Timestamp(1_700_000_000_001 + index as u64);
            Arc::new(Record::of(edit, expected.after(index + 1), id, timestamp))
        })
        .collect();
    let mut audit = Vec::new();
    for record in &records {
        let entry = AuditEntry::of(document.id, document.audit, record);
        document.audit = entry.hash;
        audit.push(entry);
    }
    document.version = expected.after(records.len());
    document.updated_at = Timestamp(1_700_000_000_001);
    Append {
        expected,
        records,
        audit,
        conflicts: Vec::new(),
        settled: Vec::new(),
        document: document.clone(),
    }
}

fn record_mut(append: &mut Append, index: usize) -> &mut Record {
    Arc::make_mut(&mut append.records[index])
}

async fn created(store: &dyn DocumentStore) -> Document {
    let document = new_document("alice");
    store.create(&document).await.unwrap();
    document
}

/// What [`DocumentStore::create`] took is what `head` and `load` give.
pub async fn what_was_created_is_there(store: &dyn DocumentStore) {
    let document = created(store).await;
    assert_eq!(store.head(document.id).await.unwrap(), document);
    let stored = store.load(document.id).await.unwrap();
    assert_eq!(stored.document, document);
    assert_eq!((stored.snapshot, stored.records), (None, vec![]));
}

/// A second document of the same id is refused, and the first one stays.
pub async fn a_taken_id_is_a_conflict(store: &dyn DocumentStore) {
    let document = created(store).await;
    let mut other = document.clone();
    other.name = "Another".to_owned();
    let refused = store.create(&other).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict { .. })),
        "{refused:?}"
    );
    assert_eq!(store.head(document.id).await.unwrap(), document);
}

/// Every method says [`StoreError::NotFound`] for a document that was never made.
pub async fn an_unknown_document_is_not_found(store: &dyn DocumentStore) {
    fn assert_not_found<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
        assert!(matches!(answer, Err(StoreError::NotFound(_))), "{answer:?}");
    }
    let mut document = new_document("alice");
    let id = document.id;
    assert_not_found(store.head(id).await);
    assert_not_found(store.load(id).await);
    assert_not_found(store.since(id, Version::ZERO, 10).await);
    let snapshot = Snapshot {
        version: Version(1),
        content: Bytes::new(),
    };
    assert_not_found(store.save_snapshot(id, snapshot, Version::ZERO).await);
    assert_not_found(store.append(append_to(&mut document, &[b"lost"])).await);
    assert_not_found(store.head(id).await);
}

/// Records and head come back equal to what was appended, in order.
pub async fn records_come_back_as_they_were_appended(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    let first = append_to(&mut document, &[b"one", b"two"]);
    document.name = "Renamed".to_owned();
    let change = PropertiesChange {
        name: Some("Renamed".to_owned()),
        ..Default::default()
    };
    let second = append_changes(&mut document, vec![Change::Properties(change)]);
    let expected = [first.records.clone(), second.records.clone()].concat();
    store.append(first).await.unwrap();
    store.append(second).await.unwrap();
    let stored = store.load(document.id).await.unwrap();
    assert_eq!(stored.records, expected);
    assert_eq!(stored.document, document);
    assert_eq!(stored.document.version, Version(3));
}

/// A wrong expectation is a [`StoreError::Conflict`] that names the true version.
pub async fn an_append_at_the_wrong_version_changes_nothing(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    store
        .append(append_to(&mut document, &[b"one"]))
        .await
        .unwrap();
    for wrong in [Version::ZERO, Version(7)] {
        let mut ahead = document.clone();
        ahead.version = wrong;
        let refused = store.append(append_to(&mut ahead, &[b"lost"])).await;
        let Err(StoreError::Conflict {
            expected, actual, ..
        }) = refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!((expected, actual), (wrong, Version(1)));
    }
    let stored = store.load(document.id).await.unwrap();
    assert_eq!((stored.records.len(), stored.document), (1, document));
}

/// Writers that race for one version: one is stored, the others learn of it.
pub async fn of_many_appends_at_one_version_one_wins(store: &dyn DocumentStore) {
    let document = created(store).await;
    let attempts = (0..8_u8).map(|writer| {
        let mut mine = document.clone();
        let append = append_to(&mut mine, &[&[writer]]);
        async move { (writer, store.append(append).await) }
    });
    let outcomes = futures::future::join_all(attempts).await;
    let winners: Vec<_> = outcomes
        .iter()
        .filter(|(_, outcome)| outcome.is_ok())
        .map(|(writer, _)| *writer)
        .collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    let stored = store.load(document.id).await.unwrap();
    let change = Change::Yjs(Bytes::copy_from_slice(&winners));
    assert_eq!(stored.records.len(), 1);
    assert_eq!(stored.records[0].change, change);
}

/// `since` gives what follows a version, at most the limit, and nothing at the end.
pub async fn since_answers_in_order_and_in_portions(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    let append = append_to(&mut document, &[b"1", b"2", b"3", b"4", b"5"]);
    let all = append.records.clone();
    store.append(append).await.unwrap();
    for after in 0..=5 {
        for limit in [1, 3, 100] {
            let end = (after + limit).min(5);
            let answer = store
                .since(document.id, Version(after as u64), limit)
                .await
                .unwrap();
            assert_eq!(answer, Since::Records(all[after..end].to_vec()));
        }
    }
    let beyond = store.since(document.id, Version(9), 10).await.unwrap();
    assert_eq!(beyond, Since::Records(vec![]));
}

/// After a snapshot, `load` gives it and the records after it.
pub async fn a_snapshot_shortens_the_load(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    let append = append_to(&mut document, &[b"1", b"2", b"3", b"4"]);
    let all = append.records.clone();
    store.append(append).await.unwrap();
    let snapshot = Snapshot {
        version: Version(3),
        content: Bytes::from_static(b"123"),
    };
    store
        .save_snapshot(document.id, snapshot.clone(), Version::ZERO)
        .await
        .unwrap();
    let stored = store.load(document.id).await.unwrap();
    assert_eq!(stored.snapshot, Some(snapshot));
    assert_eq!(stored.records, all[3..]);
    // Nothing was pruned, so the history is still whole.
    let history = store.since(document.id, Version::ZERO, 10).await.unwrap();
    assert_eq!(history, Since::Records(all));
}

/// `since` never skips over a hole that pruning left.
pub async fn pruned_records_are_said_to_be_pruned(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    let append = append_to(&mut document, &[b"1", b"2", b"3", b"4"]);
    let all = append.records.clone();
    store.append(append).await.unwrap();
    for (version, content) in [(2, b"12".as_slice()), (3, b"123")] {
        let snapshot = Snapshot {
            version: Version(version),
            content: Bytes::from_static(content),
        };
        store
            .save_snapshot(document.id, snapshot, Version(2))
            .await
            .unwrap();
    }
    for after in [0, 1] {
        let answer = store.since(document.id, Version(after), 10).await.unwrap();
        assert_eq!(answer, Since::Pruned { oldest: Version(3) });
    }
    let answer = store.since(document.id, Version(2), 10).await.unwrap();
    assert_eq!(answer, Since::Records(all[2..].to_vec()));
    assert_eq!(store.load(document.id).await.unwrap().records, all[3..]);
    // The log goes on after pruning.
    store
        .append(append_to(&mut document, &[b"5"]))
        .await
        .unwrap();
    assert_eq!(store.load(document.id).await.unwrap().records.len(), 2);
}

/// Pruning past the snapshot would lose records: the store prunes to the snapshot at most.
pub async fn a_snapshot_never_hides_records_after_it(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    let append = append_to(&mut document, &[b"1", b"2", b"3"]);
    let all = append.records.clone();
    store.append(append).await.unwrap();
    let snapshot = Snapshot {
        version: Version(1),
        content: Bytes::from_static(b"1"),
    };
    store
        .save_snapshot(document.id, snapshot, Version(3))
        .await
        .unwrap();
    assert_eq!(store.load(document.id).await.unwrap().records, all[1..]);
}

/// A snapshot that comes late does not replace a newer one.
pub async fn an_older_snapshot_changes_nothing(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    store
        .append(append_to(&mut document, &[b"1", b"2", b"3"]))
        .await
        .unwrap();
    let newer = Snapshot {
        version: Version(3),
        content: Bytes::from_static(b"123"),
    };
    let older = Snapshot {
        version: Version(1),
        content: Bytes::from_static(b"1"),
    };
    store
        .save_snapshot(document.id, newer.clone(), Version::ZERO)
        .await
        .unwrap();
    store
        .save_snapshot(document.id, older, Version(1))
        .await
        .unwrap();
    let stored = store.load(document.id).await.unwrap();
    assert_eq!((stored.snapshot, stored.records), (Some(newer), vec![]));
}

/// Going through the pages gives each document once, newest first.
pub async fn the_list_is_newest_first_and_pages_do_not_overlap(store: &dyn DocumentStore) {
    let owner = format!("lister-{}", Guuid::now());
    let mut expected = Vec::new();
    for _ in 0..7 {
        let document = new_document(&owner);
        store.create(&document).await.unwrap();
        expected.insert(0, document.id);
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let member = Some(UserId::new(&owner).unwrap());
        let query = ListQuery {
            member,
            state: None,
            before,
            limit: 3,
        };
        let page = store.list(query).await.unwrap();
        assert!(page.documents.len() <= 3);
        seen.extend(page.documents.iter().map(|document| document.id));
        before = seen.last().copied();
        if !page.more {
            break;
        }
        assert_eq!(
            page.documents.len(),
            3,
            "a page before the last one is full"
        );
    }
    assert_eq!(seen, expected);
}

/// The list follows changes of permissions and state.
pub async fn the_list_follows_members_and_states(store: &dyn DocumentStore) {
    let unique = Guuid::now();
    let [owner, editor, viewer] =
        ["owner", "editor", "viewer"].map(|who| UserId::new(format!("{who}-{unique}")).unwrap());
    let mut document = new_document(owner.as_str());
    document.metadata.permissions.viewers.insert(viewer.clone());
    store.create(&document).await.unwrap();

    let listed = async |member: &UserId, state| {
        let query = ListQuery {
            member: Some(member.clone()),
            state,
            before: None,
            limit: 10,
        };
        let page = store.list(query).await.unwrap();
        page.documents
            .into_iter()
            .map(|document| document.version.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&owner, None).await, [0]);
    assert_eq!(listed(&viewer, None).await, [0]);
    assert_eq!(listed(&editor, None).await, [0; 0]);

    document.metadata.permissions.viewers.clear();
    document.metadata.permissions.editors.insert(editor.clone());
    document.state = DocumentState::Archived;
    store
        .append(append_to(&mut document, &[b"1"]))
        .await
        .unwrap();
    assert_eq!(listed(&viewer, None).await, [0; 0]);
    assert_eq!(listed(&editor, None).await, [1]);
    assert_eq!(listed(&owner, Some(DocumentState::Archived)).await, [1]);
    assert_eq!(listed(&owner, Some(DocumentState::Active)).await, [0; 0]);
}

/// Going through all ids, newest first, names each document once, whatever its state is.
pub async fn every_document_has_its_id_among_all_ids(store: &dyn DocumentStore) {
    let mut created = Vec::new();
    for state in [DocumentState::Active, DocumentState::Deleted] {
        let mut document = new_document("owner");
        store.create(&document).await.unwrap();
        document.state = state;
        store
            .append(append_to(&mut document, &[b"1"]))
            .await
            .unwrap();
        created.insert(0, document.id);
    }
    let mut all = Vec::new();
    loop {
        let ids = store.ids(all.last().copied(), 3).await.unwrap();
        let is_last = ids.len() < 3;
        all.extend(ids);
        if is_last {
            break;
        }
    }
    assert!(all.is_sorted_by(|newer, older| newer > older));
    all.retain(|id| created.contains(id));
    assert_eq!(all, created);
}

/// Names and contents are bytes to a store: nothing is trimmed, cut or interpreted.
pub async fn large_and_odd_contents_come_back_unchanged(store: &dyn DocumentStore) {
    let mut document = new_document("alice");
    document.name = "'; DROP TABLE documents; -- \u{1f600} \u{202e}".to_owned();
    document
        .metadata
        .properties
        .insert("k\"ey".to_owned(), "v\\alue\n".to_owned());
    store.create(&document).await.unwrap();
    let large: Vec<u8> = (0..700_000_u32).map(|index| (index % 251) as u8).collect();
    let append = append_to(&mut document, &[&large, b"", &[0, 255, 0]]);
    let expected = append.records.clone();
    store.append(append).await.unwrap();
    let snapshot = Snapshot {
        version: Version(2),
        content: Bytes::from(large),
    };
    store
        .save_snapshot(document.id, snapshot.clone(), Version::ZERO)
        .await
        .unwrap();
    let stored = store.load(document.id).await.unwrap();
    assert_eq!(stored.document, document);
    assert_eq!(stored.snapshot, Some(snapshot));
    assert_eq!(stored.records, expected[2..]);
    let history = store.since(document.id, Version::ZERO, 10).await.unwrap();
    assert_eq!(history, Since::Records(expected));
}
