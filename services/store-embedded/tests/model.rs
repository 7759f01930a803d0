//! Random histories on this store and on the one in memory: they must not differ, however often
//! rows move to disk, tables are merged, and the store is opened again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod support;

use std::path::Path;

use bytes::Bytes;
use futures::executor::block_on;
use statesync_core::{
    Append, Document, DocumentState, DocumentStore, ListQuery, MemoryStore, Snapshot, StoreError,
    UserId, Version, testkit,
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
            let prune_through = Version(random.below(version.0 + 3));
            let save = |store: &dyn DocumentStore| {
                let snapshot = Snapshot {
                    version,
                    content: content.clone(),
                };
                block_on(store.save_snapshot(document.id, snapshot, prune_through)).unwrap();
            };
            save(store);
            save(model);
        }
        8..11 => {
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
            redescribe(document, kind, random);
            let payloads =
                vec![vec![kind as u8; random.below(400) as usize]; 1 + kind as usize % 4];
            let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
            let append: Append = testkit::append_to(document, &payloads);
            block_on(store.append(append.clone())).unwrap();
            block_on(model.append(append)).unwrap();
        }
    }
}

fn redescribe(document: &mut Document, kind: u64, random: &mut Random) {
    let permissions = &mut document.metadata.permissions;
    match kind {
        11 => drop(permissions.editors.insert(random.user())),
        12 => drop(permissions.editors.remove(&random.user())),
        13 => drop(permissions.viewers.insert(random.user())),
        14 => permissions.owner = random.user(),
        15 => document.state = DocumentState::Archived,
        16 => document.name = format!("Minutes {}", random.below(100)),
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
