//! What several tests need: contents to write, and to find again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test uses a part of it"
)]

use std::fs;
use std::path::{Path, PathBuf};

use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use guuid::Guuid;
use session_core::{Filter, Page, SessionStore};
use statesync_core::{
    Append, AuditEntry, Conflict, ConflictId, ConflictQuery, Disagreement, Document, DocumentId,
    DocumentStore, Effect, ListQuery, Lock, NamedSnapshot, OperationId, Outcome, PolicyName,
    Record, Since, Snapshot, Status, StoreError, Stored, Timestamp, UserId, Version, testkit,
};
use store_embedded::EmbeddedStore;

/// Everything that was acknowledged, to compare with what is served.
pub struct Contents {
    pub documents: Vec<Stored>,
    /// Of the same documents.
    pub about: Vec<About>,
    pub sessions: Vec<session_core::Record>,
}

/// What surrounds the log of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub id: DocumentId,
    pub audit: Vec<AuditEntry>,
    /// Of each entry, the record that is found by its name.
    pub named_records: Vec<Option<Record>>,
    pub conflicts: Vec<Conflict>,
    pub named: Vec<NamedSnapshot>,
    /// The newest one up to each version.
    pub snapshots: Vec<Option<Snapshot>>,
    pub locks: Vec<Lock>,
}

/// What a store serves of it.
pub fn about(store: &EmbeddedStore, id: DocumentId) -> Result<About, StoreError> {
    let query = ConflictQuery {
        document_id: id,
        open: None,
        after: None,
        limit: usize::MAX,
    };
    let audit = block_on(store.audit(id, Version::ZERO, usize::MAX))?;
    let operations = audit.iter().map(|entry| entry.operation_id);
    let named_records = operations.map(|operation| block_on(store.operation(id, operation)));
    let versions = 1..=audit.len() as u64;
    let snapshots = versions.map(|version| block_on(store.snapshot_before(id, Version(version))));
    Ok(About {
        id,
        named_records: named_records.collect::<Result<_, _>>()?,
        snapshots: snapshots.collect::<Result<_, _>>()?,
        audit,
        conflicts: block_on(store.conflicts(query))?,
        named: block_on(store.named_snapshots(id))?,
        locks: block_on(store.locks(id))?,
    })
}

/// A record that its author named and that waits in an open conflict.
pub fn rich_append(document: &mut Document, payload: &[u8]) -> Append {
    let before = document.audit;
    let mut append = testkit::append_to(document, &[payload]);
    let record = Arc::make_mut(&mut append.records[0]);
    let conflict = ConflictId(Guuid::now());
    record.operation_id = OperationId(Guuid::now());
    record.terms.operation_id = Some(record.operation_id);
    record.status = Status::Conflict;
    record.effect = Effect::Nothing;
    record.conflict = Some(conflict);
    append.audit[0] = AuditEntry::of(document.id, before, record);
    document.audit = append.audit[0].hash;
    append.document = document.clone();
    append.conflicts.push(Conflict {
        id: conflict,
        document_id: document.id,
        detected_at: Timestamp(document.version.0),
        about: vec![Disagreement::Text],
        operations: append.records.clone(),
        policy: PolicyName::Manual,
        outcome: None,
    });
    append
}

/// A record that settles the conflict of an append of [`rich_append`].
pub fn settling_append(document: &mut Document, payload: &[u8], of: &Append) -> Append {
    let mut append = testkit::append_to(document, &[payload]);
    let mut conflict = of.conflicts[0].clone();
    conflict.outcome = Some(Outcome {
        resolved_by: None,
        resolved_operation: Some(of.records[0].operation_id),
        resolved_at: Timestamp(document.version.0),
        version: document.version,
    });
    append.conflicts.push(conflict);
    append
        .settled
        .push((of.records[0].version, Status::Resolved));
    append
}

/// Writes `payloads` to `document`, which moves along.
pub fn append(store: &EmbeddedStore, document: &mut Document, payloads: &[&[u8]]) {
    block_on(store.append(testkit::append_to(document, payloads))).unwrap();
}

/// A new document with some edits.
pub fn document(store: &EmbeddedStore, owner: &str, edits: u8) -> Document {
    let mut document = testkit::new_document(owner);
    block_on(DocumentStore::create(store, &document)).unwrap();
    for edit in 0..edits {
        append(store, &mut document, &[&[edit; 20]]);
    }
    document
}

/// Replaces the records up to `version` by a snapshot.
pub fn compact(store: &EmbeddedStore, document: &Document, version: u64) {
    let content = Bytes::from(vec![0xAB; 100]);
    let snapshot = Snapshot {
        version: Version(version),
        content,
    };
    block_on(store.save_snapshot(document.id, snapshot, Version(version))).unwrap();
}

/// A session of `user` that is stored.
pub fn session(store: &EmbeddedStore, user: &str, age_ms: u64) -> session_core::Record {
    let record = session_core::testkit::record(user, age_ms);
    block_on(SessionStore::create(
        store,
        &record,
        session_core::testkit::strict(100),
    ))
    .unwrap();
    record
}

/// What a store serves of `documents`, which must be whole.
pub fn stored(store: &EmbeddedStore, documents: &[Document]) -> Vec<Stored> {
    documents
        .iter()
        .map(|document| block_on(DocumentStore::load(store, document.id)).unwrap())
        .collect()
}

/// Checks that `store` serves `contents` or says what it cannot serve: never less, never
/// something else. Answers whether all of it was served.
pub fn serves_or_reports(store: &EmbeddedStore, contents: &Contents) -> bool {
    let documents = contents
        .documents
        .iter()
        .map(|expected| document_is_right(store, expected));
    let documents = documents.filter(|right| !right).count();
    let around = contents.about.iter();
    let around = around.filter(|expected| !what_surrounds_is_right(store, expected));
    let documents = documents + around.count();
    let sessions = contents
        .sessions
        .iter()
        .map(|expected| session_is_right(store, expected));
    let sessions = sessions.filter(|right| !right).count();
    lists_are_right(store, contents) && documents + sessions == 0
}

/// How many documents are served as they were acknowledged. The others are reported.
pub fn documents_served(store: &EmbeddedStore, contents: &Contents) -> usize {
    let documents = contents.documents.iter();
    documents
        .filter(|expected| document_is_right(store, expected))
        .count()
}

fn document_is_right(store: &EmbeddedStore, expected: &Stored) -> bool {
    let id = expected.document.id;
    let loaded = match block_on(DocumentStore::load(store, id)) {
        Ok(stored) => {
            assert_eq!(stored, *expected, "something else was served");
            true
        }
        Err(StoreError::NotFound(_)) => panic!("a document disappeared"),
        Err(_) => false,
    };
    let after = expected
        .snapshot
        .as_ref()
        .map_or(Version::ZERO, |snapshot| snapshot.version);
    let read = match block_on(store.since(id, after, usize::MAX)) {
        Ok(since) => {
            assert_eq!(
                since,
                Since::Records(expected.records.clone()),
                "another log was served"
            );
            true
        }
        Err(StoreError::NotFound(_)) => panic!("a document disappeared"),
        Err(_) => false,
    };
    loaded && read
}

fn what_surrounds_is_right(store: &EmbeddedStore, expected: &About) -> bool {
    match about(store, expected.id) {
        Ok(about) => {
            assert_eq!(about, *expected, "something else was served around it");
            true
        }
        Err(StoreError::NotFound(_)) => panic!("a document disappeared"),
        Err(_) => false,
    }
}

fn session_is_right(store: &EmbeddedStore, expected: &session_core::Record) -> bool {
    match block_on(SessionStore::load(store, expected.session.session_id)) {
        Ok(record) => {
            assert_eq!(record, *expected, "another session was served");
            true
        }
        Err(session_core::StoreError::NotFound) => panic!("a session disappeared"),
        Err(_) => false,
    }
}

fn lists_are_right(store: &EmbeddedStore, contents: &Contents) -> bool {
    let mut newest_first: Vec<&Document> = contents
        .documents
        .iter()
        .map(|stored| &stored.document)
        .collect();
    newest_first.sort_by_key(|document| std::cmp::Reverse(document.id));
    let query = ListQuery {
        member: None,
        state: None,
        before: None,
        limit: 1000,
    };
    let mut all_right = match block_on(DocumentStore::list(store, query.clone())) {
        Ok(page) => {
            assert!(
                page.documents.iter().eq(newest_first.iter().copied()),
                "another list"
            );
            true
        }
        Err(_) => false,
    };
    let owner = UserId::new("alice").unwrap();
    let of_owner = newest_first
        .iter()
        .filter(|document| document.created_by == owner);
    match block_on(DocumentStore::list(
        store,
        ListQuery {
            member: Some(owner.clone()),
            ..query
        },
    )) {
        Ok(page) => assert!(page.documents.iter().eq(of_owner.copied()), "another list"),
        Err(_) => all_right = false,
    }
    let user = session_core::UserId::new("alice").unwrap();
    match block_on(SessionStore::list(
        store,
        &Filter::User(user.clone()),
        Page::first(1000),
    )) {
        Ok(listed) => {
            let of_user = contents
                .sessions
                .iter()
                .filter(|one| one.session.user_id == user);
            assert!(
                listed.records.iter().eq(of_user),
                "another list of sessions"
            );
        }
        Err(_) => all_right = false,
    }
    let end_of_time = session_core::Timestamp::from_unix_ms(u64::MAX);
    match block_on(store.expired(end_of_time, 1000)) {
        Ok(expired) => assert_eq!(
            expired.len(),
            contents.sessions.len(),
            "sessions disappeared"
        ),
        Err(_) => all_right = false,
    }
    all_right
}

/// A place for many small stores. In memory where there is one: these tests are not about what a
/// sync does, and would otherwise wait for thousands of them.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// Copies a directory.
pub fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below `directory`, in order.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Cuts the space that nobody wrote to off the segments, so that copies are small.
pub fn trim_log(directory: &Path) {
    for path in files(&directory.join("log")) {
        let bytes = fs::read(&path).unwrap();
        let used = bytes
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |last| last + 1);
        fs::write(&path, &bytes[..bytes.len().min(used + 64)]).unwrap();
    }
}
