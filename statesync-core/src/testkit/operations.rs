//! Promises about operations with names, their bodies, and conflicts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use guuid::Guuid;

use super::{append_edits, author, created, record_mut};
use crate::conflict::{Conflict, ConflictId, ConflictQuery, Disagreement, Outcome, PolicyName};
use crate::identity::{OperationId, Timestamp, Version};
use crate::operation::{Operation, TextEdit};
use crate::record::{Change, Edit, Effect, Snapshot, Status, Terms};
use crate::store::{DocumentStore, Since, StoreError};
use crate::value::{FieldName, ObjectId, Step, Value, Write};

pub(super) async fn run_all(store: &dyn DocumentStore) {
    every_kind_of_record_comes_back_as_it_was(store).await;
    an_operation_with_a_name_is_stored_once(store).await;
    the_name_of_a_pruned_operation_is_forgotten(store).await;
    conflicts_come_back_and_are_replaced(store).await;
    conflicts_are_listed_in_pages(store).await;
}

fn named(operation_id: OperationId) -> Edit {
    let terms = Terms {
        operation_id: Some(operation_id),
        ..Terms::default()
    };
    Edit::new(author("alice"), Change::Yjs(Bytes::from_static(b"x"))).with_terms(terms)
}

fn one_of_each_operation() -> Vec<Operation> {
    let object = ObjectId::new("box 1").unwrap();
    let field = |name: String| FieldName::new(name).unwrap();
    let words = BTreeSet::from(["red".to_owned()]);
    let values = [
        Value::Boolean(true),
        Value::Integer(-5),
        Value::Number(0.25),
        Value::Text("text".to_owned()),
        Value::Points(vec![(1.0, -2.0)]),
        Value::Set(words.clone()),
    ];
    let fields = values.iter().enumerate();
    let fields = fields.map(|(index, value)| (field(format!("f{index}")), value.clone()));
    let unite = Write::Unite {
        add: words.clone(),
        remove: words,
    };
    let writes = [Write::Add(3), Write::Clear, unite].into_iter().enumerate();
    let writes = writes.map(|(index, write)| (field(format!("w{index}")), write));
    vec![
        Operation::Create {
            object: object.clone(),
            kind: "rectangle".to_owned(),
            fields: fields.collect(),
        },
        Operation::Update {
            object: object.clone(),
            writes: writes.collect(),
        },
        Operation::Move {
            object: object.clone(),
            x: 1.5,
            y: -2.5,
        },
        Operation::Text {
            target: None,
            edits: vec![TextEdit {
                position: 3,
                delete: 1,
                insert: "abc".to_owned(),
            }],
        },
        Operation::Delete { object },
    ]
}

/// Operations, terms, effects and statuses of all kinds.
pub async fn every_kind_of_record_comes_back_as_it_was(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    let object = ObjectId::new("box 1").unwrap();
    let field = FieldName::new("x").unwrap();
    let terms = Terms {
        operation_id: Some(OperationId(Guuid::now())),
        base: Some(Version(7)),
        client_id: "tab 2".to_owned(),
        fence: None,
        metadata: BTreeMap::from([("trace".to_owned(), "00-ab".to_owned())]),
    };
    let edit = |operation| Edit::new(author("alice"), Change::Operation(operation));
    let mut edits: Vec<_> = one_of_each_operation().into_iter().map(edit).collect();
    edits.push(Edit::new(author("bob"), Change::Restore(Version(2))).with_terms(terms));
    let mut append = append_edits(&mut document, edits);
    record_mut(&mut append, 1).effect = Effect::Objects(vec![
        Step::Create(object.clone(), "note".to_owned()),
        Step::Write(object.clone(), field.clone(), Write::Set(Value::Integer(1))),
        Step::Text(object.clone(), field, Bytes::from_static(b"\x00\xff")),
        Step::Delete(object),
    ]);
    record_mut(&mut append, 2).status = Status::Conflict;
    record_mut(&mut append, 2).effect = Effect::Nothing;
    record_mut(&mut append, 2).conflict = Some(ConflictId(Guuid::now()));
    record_mut(&mut append, 3).effect = Effect::Yjs(Bytes::from_static(b"update"));
    let expected = append.records.clone();
    store.append(append).await.unwrap();
    let stored = store.load(document.id).await.unwrap();
    assert_eq!(stored.records, expected);
    let operation = expected[5].operation_id;
    let found = store.operation(document.id, operation).await.unwrap();
    assert_eq!(found.as_ref(), Some(&*expected[5]));
    // Nobody named this one.
    let unnamed = store.operation(document.id, expected[0].operation_id);
    assert_eq!(unnamed.await.unwrap(), None);
}

/// A second append of the name is refused, whatever the version, and says which.
pub async fn an_operation_with_a_name_is_stored_once(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    let operation = OperationId(Guuid::now());
    let first = append_edits(&mut document, vec![named(operation)]);
    let again = append_edits(&mut document.clone(), vec![named(operation)]);
    let mut behind = first.clone();
    record_mut(&mut behind, 0).operation_id = operation;
    store.append(first).await.unwrap();
    for append in [again, behind] {
        let refused = store.append(append).await;
        assert!(
            matches!(refused, Err(StoreError::Duplicate { operation: which, .. }) if which == operation),
            "{refused:?}"
        );
    }
    assert_eq!(store.head(document.id).await.unwrap(), document);
    // In another document it is another operation.
    let mut other = created(store).await;
    let append = append_edits(&mut other, vec![named(operation)]);
    store.append(append).await.unwrap();
}

/// Names are kept as long as their records.
pub async fn the_name_of_a_pruned_operation_is_forgotten(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    let names = [(); 3].map(|()| OperationId(Guuid::now()));
    let append = append_edits(&mut document, names.map(named).into());
    store.append(append).await.unwrap();
    let snapshot = Snapshot {
        version: Version(2),
        content: Bytes::from_static(b"xx"),
    };
    store
        .save_snapshot(document.id, snapshot, Version(2))
        .await
        .unwrap();
    for (name, known) in names.into_iter().zip([false, false, true]) {
        let found = store.operation(document.id, name).await.unwrap();
        assert_eq!(found.is_some(), known);
    }
}

/// A conflict is written with the append, replaced by a later one of the same id, and while it waits
/// it is part of the load. Records that waited get their status.
pub async fn conflicts_come_back_and_are_replaced(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    let edit = || Edit::new(author("alice"), Change::Restore(Version::ZERO));
    let mut append = append_edits(&mut document, vec![edit(), edit()]);
    record_mut(&mut append, 1).status = Status::Conflict;
    let mut conflict = Conflict {
        id: ConflictId(Guuid::now()),
        document_id: document.id,
        detected_at: Timestamp(1),
        about: vec![Disagreement::Text],
        operations: append.records.clone(),
        policy: PolicyName::Custom("vote".to_owned()),
        outcome: None,
    };
    append.conflicts.push(conflict.clone());
    store.append(append).await.unwrap();
    let stored = store.load(document.id).await.unwrap();
    assert_eq!(stored.open_conflicts, [conflict.clone()]);

    let mut append = append_edits(&mut document, vec![edit()]);
    conflict.outcome = Some(Outcome {
        resolved_by: Some(author("bob").user_id),
        resolved_operation: Some(append.records[0].operation_id),
        resolved_at: Timestamp(2),
        version: Version(3),
    });
    append.conflicts.push(conflict.clone());
    append.settled.push((Version(2), Status::Rejected));
    store.append(append).await.unwrap();
    let stored = store.load(document.id).await.unwrap();
    assert_eq!(stored.open_conflicts, []);
    assert_eq!(stored.records[1].status, Status::Rejected);
    let found = store.conflict(document.id, conflict.id).await.unwrap();
    assert_eq!(found, Some(conflict));
    let unknown = store.conflict(document.id, ConflictId(Guuid::now())).await;
    assert_eq!(unknown.unwrap(), None);
    let records = store.since(document.id, Version(1), 1).await.unwrap();
    assert_eq!(records, Since::Records(stored.records[1..2].to_vec()));
}

/// Oldest first, open or not, a page at a time.
pub async fn conflicts_are_listed_in_pages(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    let edit = Edit::new(author("alice"), Change::Restore(Version::ZERO));
    let mut append = append_edits(&mut document, vec![edit]);
    for index in 0..5_u64 {
        let outcome = Outcome {
            resolved_by: None,
            resolved_operation: None,
            resolved_at: Timestamp(1),
            version: Version(1),
        };
        append.conflicts.push(Conflict {
            id: ConflictId(Guuid::now()),
            document_id: document.id,
            detected_at: Timestamp(index),
            about: Vec::new(),
            operations: Vec::new(),
            policy: PolicyName::Lww,
            outcome: (index % 2 == 0).then_some(outcome),
        });
    }
    let all = append.conflicts.clone();
    store.append(append).await.unwrap();
    let ask = |open, after, limit| ConflictQuery {
        document_id: document.id,
        open,
        after,
        limit,
    };
    let page = store.conflicts(ask(None, None, 2)).await.unwrap();
    assert_eq!(page, all[..2]);
    let page = store
        .conflicts(ask(None, Some(all[1].id), 9))
        .await
        .unwrap();
    assert_eq!(page, all[2..]);
    let open = store.conflicts(ask(Some(true), None, 9)).await.unwrap();
    assert_eq!(open, [all[1].clone(), all[3].clone()]);
    let settled = store
        .conflicts(ask(Some(false), Some(all[0].id), 9))
        .await
        .unwrap();
    assert_eq!(settled, [all[2].clone(), all[4].clone()]);
}
