//! Rows that disappear or change under the store, one at a time: what is still served is right, and
//! something is reported.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use guuid::Guuid;
use statesync_core::{
    Append, AuditEntry, Author, Change, Conflict, ConflictId, ConflictQuery, Disagreement,
    Document, DocumentId, DocumentStore, Edit, Fence, GuardViolation, LockId, LockRequest,
    LockTarget, NamedSnapshot, OperationId, Outcome, PolicyName, Record, Snapshot, Status,
    StoreError, Terms, Timestamp, Version, testkit,
};

use super::refused;
use crate::queue::Reads;
use crate::rows::Rows;
use crate::{EmbeddedStore, Options};

/// A document with a row of every kind.
struct Whole {
    document: Document,
    operation: OperationId,
    conflicts: [ConflictId; 2],
}

fn open(directory: &tempfile::TempDir) -> EmbeddedStore {
    EmbeddedStore::open(&Options::new(directory.path())).unwrap()
}

fn author(document: &Document) -> Author {
    Author {
        user_id: document.created_by.clone(),
        session_id: "a session".into(),
    }
}

fn conflict(
    document: DocumentId,
    operations: Vec<Arc<Record>>,
    outcome: Option<Outcome>,
) -> Conflict {
    Conflict {
        id: ConflictId(Guuid::now()),
        document_id: document,
        detected_at: Timestamp(1),
        about: vec![Disagreement::Text],
        operations,
        policy: PolicyName::Manual,
        outcome,
    }
}

/// One record that its author named.
fn named_append(document: &mut Document, operation: OperationId) -> Append {
    let terms = Terms {
        operation_id: Some(operation),
        ..Terms::default()
    };
    let change = Change::Yjs(Bytes::from_static(b"named"));
    let edit = Edit::new(author(document), change).with_terms(terms);
    let expected = document.version;
    document.version = expected.next();
    let record = Record::of(edit, document.version, operation, Timestamp(2));
    let entry = AuditEntry::of(document.id, document.audit, &record);
    document.audit = entry.hash;
    Append {
        expected,
        records: vec![record.into()],
        audit: vec![entry],
        conflicts: Vec::new(),
        settled: Vec::new(),
        document: document.clone(),
    }
}

fn whole(store: &EmbeddedStore) -> Whole {
    let mut document = testkit::new_document("alice");
    let id = document.id;
    block_on(DocumentStore::create(store, &document)).unwrap();
    let mut first = testkit::append_to(&mut document, &[b"one", b"two", b"three"]);
    Arc::make_mut(&mut first.records[1]).status = Status::Conflict;
    let outcome = Outcome {
        resolved_by: None,
        resolved_operation: None,
        resolved_at: Timestamp(3),
        version: Version(1),
    };
    let operations = first.records.clone();
    first.conflicts = vec![
        conflict(id, operations.clone(), None),
        conflict(id, operations, Some(outcome)),
    ];
    let conflicts = [first.conflicts[0].id, first.conflicts[1].id];
    block_on(store.append(first)).unwrap();
    let operation = OperationId(Guuid::now());
    block_on(store.append(named_append(&mut document, operation))).unwrap();
    let snapshot = |version| Snapshot {
        version: Version(version),
        content: Bytes::from_static(b"content"),
    };
    let named = NamedSnapshot {
        name: "the second".to_owned(),
        created_by: document.created_by.clone(),
        created_at: Timestamp(4),
        snapshot: snapshot(2),
    };
    block_on(store.name_snapshot(id, named)).unwrap();
    for (version, readable_from) in [(1, 0), (3, 1)] {
        let saved = store.save_snapshot(id, snapshot(version), Version(readable_from));
        block_on(saved).unwrap();
    }
    let request = LockRequest {
        id: LockId(Guuid::now()),
        document_id: id,
        target: LockTarget::Document,
        holder: author(&document),
        lease_ms: 3_600_000,
    };
    block_on(store.acquire_lock(request)).unwrap();
    Whole {
        document,
        operation,
        conflicts,
    }
}

/// Everything that the store answers about the document; `None` for a failure.
fn answers(store: &EmbeddedStore, whole: &Whole) -> Vec<Option<String>> {
    fn told<T: Debug>(answer: Result<T, StoreError>) -> Option<String> {
        match answer {
            Ok(answer) => Some(format!("{answer:?}")),
            Err(StoreError::Corrupt { .. } | StoreError::Backend(_)) => None,
            Err(other) => panic!("{other:?}"),
        }
    }
    let id = whole.document.id;
    let query = |open| ConflictQuery {
        document_id: id,
        open,
        after: None,
        limit: 9,
    };
    let mut all = vec![
        told(block_on(DocumentStore::load(store, id))),
        told(block_on(store.since(id, Version(1), 9))),
        told(block_on(store.versions(&[id]))),
        told(block_on(store.operation(id, whole.operation))),
        told(block_on(store.named_snapshots(id))),
        told(block_on(store.locks(id))),
        told(block_on(store.audit(id, Version::ZERO, 9))),
        told(block_on(store.conflicts(query(None)))),
        told(block_on(store.conflicts(query(Some(true))))),
    ];
    for version in 1..=4 {
        all.push(told(block_on(store.snapshot_before(id, Version(version)))));
    }
    for conflict in whole.conflicts {
        all.push(told(block_on(store.conflict(id, conflict))));
    }
    all
}

fn put(store: &EmbeddedStore, key: &[u8], value: Option<&[u8]>) {
    let (key, value) = (key.to_vec(), value.map(<[u8]>::to_vec));
    let change = move |_: &Reads<'_>, rows: &mut Rows| {
        match &value {
            Some(value) => rows.put(&key, &[value]),
            None => rows.delete(&key),
        }
        Ok::<_, StoreError>(())
    };
    block_on(store.shared.write(0, change)).unwrap();
}

/// Does `damage` to each row of the tables in turn. It answers with what is there instead.
fn to_each_row(tables: RangeInclusive<u8>, damage: impl Fn(&[u8]) -> Option<Vec<u8>>) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let whole = whole(&store);
    let right = answers(&store, &whole);
    assert!(right.iter().all(Option::is_some), "{right:#?}");
    let keys = vec![*tables.start()]..=vec![*tables.end() + 1];
    let rows = store.shared.tables.now().range(keys);
    let rows: Vec<_> = rows.map(Result::unwrap).collect();
    let mut damaged = 0;
    for (key, value) in &rows {
        // The index of members is checked against the heads, and not asked here.
        if key[0] == 0x14 {
            continue;
        }
        let instead = damage(value);
        if instead.as_deref() == Some(value) {
            continue;
        }
        put(&store, key, instead.as_deref());
        let now = answers(&store, &whole);
        let served = now.iter().zip(&right).filter(|(now, _)| now.is_some());
        for (now, right) in served {
            assert_eq!(now, right, "served with {key:02x?} damaged");
        }
        assert!(now.iter().any(Option::is_none), "{key:02x?} was not missed");
        put(&store, key, Some(value));
        damaged += 1;
    }
    assert!(damaged >= rows.len() / 2, "{damaged} of {}", rows.len());
    assert_eq!(answers(&store, &whole), right);
}

#[test]
fn a_row_that_changed_is_reported() {
    to_each_row(0x10..=0x1B, |value| {
        let mut altered = value.to_vec();
        if let Some(byte) = altered.last_mut() {
            *byte ^= 4;
        }
        Some(altered)
    });
    to_each_row(0x10..=0x1B, |value| Some(value[..value.len() / 2].to_vec()));
}

#[test]
fn a_row_that_is_missing_is_reported() {
    // Whether a single name or a settled conflict is missing, only the engine's checksums tell.
    for tables in [0x11..=0x13, 0x17..=0x1B] {
        to_each_row(tables, |_| None);
    }
}

#[test]
fn an_open_conflict_cannot_be_missing_altogether() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let Whole {
        document,
        conflicts: [open, _],
        ..
    } = whole(&store);
    put(&store, &super::key::conflict(document.id, open), None);
    put(&store, &super::key::open_conflict(document.id, open), None);
    let refused = block_on(DocumentStore::load(&store, document.id));
    assert!(
        matches!(refused, Err(StoreError::Corrupt { .. })),
        "{refused:?}"
    );
}

#[test]
fn an_append_that_makes_no_sense_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let document = testkit::new_document("alice");
    block_on(DocumentStore::create(&store, &document)).unwrap();
    let good = || testkit::append_to(&mut document.clone(), &[b"one", b"two"]);
    let mut without_audit = good();
    without_audit.audit.pop();
    let mut with_another_end = good();
    with_another_end.document.audit = document.audit;
    let mut twice = good();
    for record in twice.records.iter_mut().map(Arc::make_mut) {
        record.operation_id = OperationId(document.id.0);
        record.terms.operation_id = Some(record.operation_id);
    }
    let mut settled_too_early = good();
    settled_too_early
        .settled
        .push((Version(3), Status::Rejected));
    let mut of_another = good();
    let other = DocumentId(Guuid::now());
    of_another.conflicts.push(conflict(other, Vec::new(), None));
    let bad = [
        without_audit,
        with_another_end,
        twice,
        settled_too_early,
        of_another,
    ];
    for append in bad {
        let answer = block_on(store.append(append));
        assert!(matches!(answer, Err(StoreError::Backend(_))), "{answer:?}");
    }
    assert_eq!(block_on(store.head(document.id)).unwrap(), document);
    block_on(store.append(good())).unwrap();
    assert!(matches!(refused("so"), StoreError::Backend(_)));
}

/// A name is looked for first, then the version, then the locks.
#[test]
fn of_several_reasons_to_refuse_the_first_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let Whole {
        mut document,
        operation,
        ..
    } = whole(&store);
    let refused_for = |version: Version, operation: OperationId, fence: Option<u64>| {
        let mut ahead = document.clone();
        ahead.version = version;
        let mut append = named_append(&mut ahead, operation);
        Arc::make_mut(&mut append.records[0]).terms.fence = fence.map(Fence);
        block_on(store.append(append)).unwrap_err()
    };
    let (new, wrong, right) = (OperationId(Guuid::now()), Version(9), document.version);
    assert!(matches!(
        refused_for(wrong, operation, Some(77)),
        StoreError::Duplicate { .. }
    ));
    assert!(matches!(
        refused_for(wrong, new, Some(77)),
        StoreError::Conflict { .. }
    ));
    assert!(matches!(
        refused_for(right, new, Some(77)),
        StoreError::Guarded {
            violation: GuardViolation::Fenced(Fence(77)),
            ..
        }
    ));
    block_on(store.append(named_append(&mut document, new))).unwrap();
}

/// The name of a record that cannot be read stays behind, and counts for nothing.
#[test]
fn a_damaged_record_can_be_pruned_and_its_name_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let mut document = testkit::new_document("alice");
    let (id, operation) = (document.id, OperationId(Guuid::now()));
    block_on(DocumentStore::create(&store, &document)).unwrap();
    block_on(store.append(named_append(&mut document, operation))).unwrap();
    put(&store, &super::key::record(id, Version(1)), Some(b"short"));
    let found = block_on(store.operation(id, operation));
    assert!(
        matches!(found, Err(StoreError::Corrupt { .. })),
        "{found:?}"
    );
    let snapshot = Snapshot {
        version: Version(1),
        content: Bytes::from_static(b"content"),
    };
    block_on(store.save_snapshot(id, snapshot, Version(1))).unwrap();
    assert_eq!(block_on(store.operation(id, operation)).unwrap(), None);
    block_on(store.append(named_append(&mut document, operation))).unwrap();
    let found = block_on(store.operation(id, operation)).unwrap();
    assert_eq!(found.unwrap().version, Version(2));
}
