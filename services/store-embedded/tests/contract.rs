//! The contracts of both cores, which every store passes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::path::Path;
use std::sync::Arc;

use futures::executor::block_on;
use session_core::SessionStore;
use store_embedded::{EmbeddedStore, Options};

fn open(directory: &Path) -> EmbeddedStore {
    EmbeddedStore::open(&Options::new(directory)).unwrap()
}

#[test]
fn documents_are_kept_as_the_core_demands() {
    let directory = tempfile::tempdir().unwrap();
    block_on(statesync_core::testkit::run_all(&open(directory.path())));
    // And once more among what is there already.
    block_on(statesync_core::testkit::run_all(&open(directory.path())));
}

#[test]
fn documents_are_kept_when_every_row_moves_through_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new(directory.path())
        .memory_bytes(1)
        .cache_bytes(0);
    let store = EmbeddedStore::open(&options).unwrap();
    block_on(statesync_core::testkit::run_all(&store));
    assert!(store.stats().flushes > 0);
}

#[test]
fn sessions_are_kept_as_the_core_demands() {
    let directories = tempfile::tempdir().unwrap();
    let mut number = 0;
    let new_store = || {
        number += 1;
        let directory = directories.path().join(number.to_string());
        async move { Arc::new(open(&directory)) as Arc<dyn SessionStore> }
    };
    block_on(session_core::testkit::run_all(new_store));
}

#[test]
fn sessions_are_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let open = || async { Arc::new(open(directory.path())) as Arc<dyn SessionStore> };
    block_on(session_core::testkit::sessions_survive_reopening(open));
}
