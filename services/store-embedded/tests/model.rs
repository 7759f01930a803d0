//! Random histories on this store and on the one in memory: they must not differ, however often
//! rows move to disk, tables are merged, and the store is opened again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod support;

use std::fmt::Debug;
use std::path::Path;

use bytes::Bytes;
use futures::executor::block_on;
use guuid::Guuid;
use statesync_core::{
    Append, Author, ConflictQuery, Document, DocumentState, DocumentStore, ListQuery, Lock, LockId,
    LockRequest, LockTarget, MemoryStore, NamedSnapshot, ObjectId, Outcome, Snapshot, Status,
    StoreError, Timestamp, UserId, Version, testkit,
};
use store_embedded::{EmbeddedStore, Options};

const PLANS: u64 = 16;
const STEPS: u64 = 250;
const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// Numbers that depend on the seed alone (`SplitMix64`, Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }

    fn user(&mut self) -> UserId {
        UserId::new(USERS[self.below(3) as usize]).unwrap()
    }
}

fn open(directory: &Path, random: &mut Random) -> EmbeddedStore {
    let memory_bytes = [1, 2_000, 20_000, 1 << 25][random.below(4) as usize];
    EmbeddedStore::open(&Options::new(directory).memory_bytes(memory_bytes)).unwrap()
}

#[test]
fn random_histories_end_as_they_do_in_memory() {
    for seed in 0..PLANS {
        let directory = support::scratch();
        let (mut random, model) = (Random(seed), MemoryStore::new());
        let mut store = open(directory.path(), &mut random);
        let mut documents = Vec::new();
        for step in 0..STEPS {
            match random.below(40) {
                0 => {
                    drop(store);
                    store = open(directory.path(), &mut random);
                }
                1 => store.flush().unwrap(),
                2..5 => documents.push(create(&store, &model, &mut random)),
                _ if documents.is_empty() => {}
                kind => {
                    let chosen = random.below(documents.len() as u64) as usize;
                    change(&store, &model, &mut documents[chosen], kind, &mut random);
                }
            }
            if step % 25 == 0 {
                compare(&store, &model, &documents, &mut random);
            }
        }
        compare(&store, &model, &documents, &mut random);
    }
}

fn create(store: &EmbeddedStore, model: &MemoryStore, random: &mut Random) -> Document {
    let document = testkit::new_document(random.user().as_str());
    block_on(DocumentStore::create(store, &document)).unwrap();
    block_on(model.create(&document)).unwrap();
    document
}

fn change(
    store: &EmbeddedStore,
    model: &MemoryStore,
    document: &mut Document,
    kind: u64,
    random: &mut Random,
) {
    match kind {
        5..8 => {
            let version = Version(random.below(document.version.0 + 1));
            let content = Bytes::from(vec![kind as u8; random.below(3_000) as usize]);
            let readable_from = Version(random.below(version.0 + 3));
            let save = |store: &dyn DocumentStore| {
                let snapshot = Snapshot {
                    version,
                    content: content.clone(),
                };
                block_on(store.save_snapshot(document.id, snapshot, readable_from)).unwrap();
            };
            save(store);
            save(model);
        }
        8..16 => change_around(store, model, document, kind, random),
        16..19 => {
            // Somebody who is behind.
            let mut stale = document.clone();
            stale.version = Version(random.below(document.version.0 + 4));
            let append = testkit::append_to(&mut stale, &[b"late"]);
            if append.expected != document.version {
                assert!(is_conflict(block_on(store.append(append.clone()))));
                assert!(is_conflict(block_on(model.append(append))));
            }
        }
        _ => {
            let mut next = document.clone();
            redescribe(&mut next, kind, random);
            let payloads =
                vec![vec![kind as u8; random.below(400) as usize]; 1 + kind as usize % 4];
            let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
            let append = testkit::append_to(&mut next, &payloads);
            append_to_both(store, model, document, append);
        }
    }
}

/// Everything but plain records.
fn change_around(
    store: &EmbeddedStore,
    model: &MemoryStore,
    document: &mut Document,
    kind: u64,
    random: &mut Random,
) {
    let id = document.id;
    match kind {
        8..10 => {
            let append = support::rich_append(&mut document.clone(), b"waits");
            append_to_both(store, model, document, append.clone());
            // Somebody asks again.
            append_to_both(store, model, document, append);
        }
        10..12 => {
            let open = block_on(model.load(id)).unwrap().open_conflicts;
            let mut append = testkit::append_to(&mut document.clone(), &[b"settles"]);
            for mut conflict in open.into_iter().take(1 + random.below(2) as usize) {
                let version = append.document.version;
                conflict.outcome = (random.below(4) > 0).then_some(Outcome {
                    resolved_by: Some(random.user()),
                    resolved_operation: None,
                    resolved_at: Timestamp(version.0),
                    version,
                });
                let settled = (conflict.operations[0].version, Status::Rejected);
                append.settled.push(settled);
                append.conflicts.push(conflict);
            }
            append_to_both(store, model, document, append);
        }
        12 => {
            let named = NamedSnapshot {
                name: format!("name {}", random.below(12)),
                created_by: random.user(),
                created_at: Timestamp(random.below(100)),
                snapshot: Snapshot {
                    version: Version(random.below(document.version.0 + 1)),
                    content: Bytes::from(vec![kind as u8; random.below(3_000) as usize]),
                },
            };
            let answer = block_on(store.name_snapshot(id, named.clone()));
            assert_same(&answer, &block_on(model.name_snapshot(id, named)));
        }
        13 => {
            let request = LockRequest {
                id: LockId(Guuid::now()),
                document_id: id,
                target: LockTarget::Object(ObjectId::new(USERS[random.below(3) as usize]).unwrap()),
                holder: Author {
                    user_id: random.user(),
                    session_id: "".into(),
                },
                lease_ms: 3_600_000,
            };
            let answer = block_on(store.acquire_lock(request.clone()));
            assert_same(&answer, &block_on(model.acquire_lock(request)));
        }
        _ => {
            for lock in block_on(model.locks(id)).unwrap() {
                if kind == 14 && random.below(2) == 0 {
                    let answer = block_on(store.renew_lock(id, lock.id, 7_200_000));
                    assert_same(&answer, &block_on(model.renew_lock(id, lock.id, 7_200_000)));
                } else {
                    assert!(block_on(store.release_lock(id, lock.id)).unwrap());
                    assert!(block_on(model.release_lock(id, lock.id)).unwrap());
                }
            }
        }
    }
}

/// Both take it, and the document moves along, or none does.
fn append_to_both(
    store: &EmbeddedStore,
    model: &MemoryStore,
    document: &mut Document,
    append: Append,
) {
    let next = append.document.clone();
    let answer = block_on(store.append(append.clone()));
    assert_same(&answer, &block_on(model.append(append)));
    if answer.is_ok() {
        *document = next;
    }
}

fn assert_same<T: Debug>(one: &Result<T, StoreError>, other: &Result<T, StoreError>) {
    let kind = |error: &StoreError| std::mem::discriminant(error);
    let kinds = [one, other].map(|answer| answer.as_ref().map(drop).map_err(kind));
    assert_eq!(kinds[0], kinds[1], "{one:?}, {other:?}");
}

fn redescribe(document: &mut Document, kind: u64, random: &mut Random) {
    let permissions = &mut document.metadata.permissions;
    match kind {
        19 => drop(permissions.editors.insert(random.user())),
        20 => drop(permissions.editors.remove(&random.user())),
        21 => drop(permissions.viewers.insert(random.user())),
        22 => permissions.owner = random.user(),
        23 => document.state = DocumentState::Archived,
        24 => document.name = format!("Minutes {}", random.below(100)),
        _ => {}
    }
}

fn is_conflict(outcome: Result<(), StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Conflict { .. }))
}

fn compare(
    store: &EmbeddedStore,
    model: &MemoryStore,
    documents: &[Document],
    random: &mut Random,
) {
    for document in documents {
        let id = document.id;
        assert_eq!(
            block_on(DocumentStore::load(store, id)).unwrap(),
            block_on(model.load(id)).unwrap()
        );
        let after = Version(random.below(document.version.0 + 2));
        let limit = random.below(9) as usize;
        let since = block_on(store.since(id, after, limit)).unwrap();
        assert_eq!(since, block_on(model.since(id, after, limit)).unwrap());
        compare_around(store, model, document, random);
    }
    let members = [None, Some(random.user())];
    for member in members {
        for state in [None, Some(DocumentState::Archived)] {
            let before = documents
                .get(random.below(30) as usize)
                .map(|document| document.id);
            let limit = random.below(9) as usize;
            let query = ListQuery {
                member: member.clone(),
                state,
                before,
                limit,
            };
            let page = block_on(DocumentStore::list(store, query.clone())).unwrap();
            assert_eq!(page, block_on(model.list(query)).unwrap());
        }
    }
}

/// By the clocks of two stores, times differ.
fn untimed(locks: Vec<Lock>) -> Vec<Lock> {
    let untimed = |lock: Lock| Lock {
        acquired_at: Timestamp(0),
        expires_at: Timestamp(0),
        ..lock
    };
    locks.into_iter().map(untimed).collect()
}

fn compare_around(
    store: &EmbeddedStore,
    model: &MemoryStore,
    document: &Document,
    random: &mut Random,
) {
    let id = document.id;
    let locks = block_on(store.locks(id)).unwrap();
    assert_eq!(untimed(locks), untimed(block_on(model.locks(id)).unwrap()));
    let named = block_on(store.named_snapshots(id)).unwrap();
    assert_eq!(named, block_on(model.named_snapshots(id)).unwrap());
    let after = Version(random.below(document.version.0 + 2));
    let limit = random.below(9) as usize;
    let snapshot = block_on(store.snapshot_before(id, after)).unwrap();
    assert_eq!(
        snapshot,
        block_on(model.snapshot_before(id, after)).unwrap()
    );
    let entries = block_on(store.audit(id, after, limit)).unwrap();
    assert_eq!(entries, block_on(model.audit(id, after, limit)).unwrap());
    for entry in entries {
        let operation = entry.operation_id;
        let found = block_on(store.operation(id, operation)).unwrap();
        assert_eq!(found, block_on(model.operation(id, operation)).unwrap());
    }
    let all = ConflictQuery {
        document_id: id,
        open: None,
        after: None,
        limit: usize::MAX,
    };
    let conflicts = block_on(model.conflicts(all.clone())).unwrap();
    let after = conflicts
        .get(random.below(6) as usize)
        .map(|conflict| conflict.id);
    for open in [None, Some(true), Some(false)] {
        let query = ConflictQuery {
            open,
            after,
            limit,
            ..all.clone()
        };
        let page = block_on(store.conflicts(query.clone())).unwrap();
        assert_eq!(page, block_on(model.conflicts(query)).unwrap());
    }
}
