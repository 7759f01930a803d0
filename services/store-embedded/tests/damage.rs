//! Damaged files: the store opens with everything right, or says what is wrong. It never serves
//! something else, or less without a word, and never panics.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod support;

use std::fs;
use std::path::Path;

use bytes::Bytes;
use futures::executor::block_on;
use guuid::Guuid;
use statesync_core::{
    Author, Document, DocumentStore, LockId, LockRequest, LockTarget, NamedSnapshot, Snapshot,
    Timestamp, Version,
};
use store_embedded::{EmbeddedStore, OpenError, Options};
use support::{Contents, append, compact, document, files, session, stored};

/// A store with rows in tables of several levels and in the log, as a killed process leaves it.
fn damaged_soon(directory: &Path) -> Contents {
    let live = directory.with_extension("live");
    let in_tables = Options::new(&live).memory_bytes(1);
    let store = EmbeddedStore::open(&in_tables).unwrap();
    let mut first = document(&store, "alice", 6);
    compact(&store, &first, 3);
    let mut second = document(&store, "bob", 2);
    surround(&store, &mut second);
    let old = session(&store, "alice", 1);
    drop(store);

    let store = EmbeddedStore::open(&Options::new(&live)).unwrap();
    append(&store, &mut first, &[b"in the log", b"and another one"]);
    let mut third = document(&store, "alice", 1);
    surround(&store, &mut third);
    let new = session(&store, "alice", 2);
    let all = [first, second, third];
    let documents = stored(&store, &all);
    let about = all.map(|document| support::about(&store, document.id).unwrap());
    support::copy_all(&live, directory);
    support::trim_log(directory);
    Contents {
        documents,
        about: about.into(),
        sessions: vec![old, new],
    }
}

/// A named operation in an open conflict, a named snapshot and a lock.
fn surround(store: &EmbeddedStore, document: &mut Document) {
    block_on(store.append(support::rich_append(document, b"waits"))).unwrap();
    let named = NamedSnapshot {
        name: "named".to_owned(),
        created_by: document.created_by.clone(),
        created_at: Timestamp(1),
        snapshot: Snapshot {
            version: Version(1),
            content: Bytes::from_static(b"content"),
        },
    };
    block_on(store.name_snapshot(document.id, named)).unwrap();
    let request = LockRequest {
        id: LockId(Guuid::now()),
        document_id: document.id,
        target: LockTarget::Document,
        holder: Author {
            user_id: document.created_by.clone(),
            session_id: "a session".into(),
        },
        lease_ms: 24 * 3_600_000,
    };
    block_on(store.acquire_lock(request)).unwrap();
}

/// Opens a damaged copy and reads everything. Answers whether damage was reported.
fn is_reported(directory: &Path, contents: &Contents) -> bool {
    let before: Vec<_> = files(directory)
        .iter()
        .map(|path| fs::read(path).unwrap())
        .collect();
    match EmbeddedStore::open(&Options::new(directory)) {
        Ok(store) => !support::serves_or_reports(&store, contents),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let after: Vec<_> = files(directory)
                .iter()
                .map(|path| fs::read(path).unwrap())
                .collect();
            assert!(
                before == after,
                "a failed open must change nothing: {error}"
            );
            true
        }
    }
}

/// Damages each file of a store with `damage` at each offset, a fresh copy each time.
fn at_every_offset(damage: impl Fn(&mut Vec<u8>, usize)) -> Tally {
    let scratch = support::scratch();
    let (whole, copy) = (scratch.path().join("whole"), scratch.path().join("copy"));
    let contents = damaged_soon(&whole);
    // The engine's panics are caught; their messages would only fill the screen.
    std::panic::set_hook(Box::new(|_| ()));
    let mut tally = Tally::default();
    for file in files(&whole) {
        let relative = file.strip_prefix(&whole).unwrap();
        let bytes = fs::read(&file).unwrap();
        assert!(
            bytes.len() <= 64 * 1024,
            "{} is no small file",
            relative.display()
        );
        for offset in 0..bytes.len() {
            let _ = fs::remove_dir_all(&copy);
            support::copy_all(&whole, &copy);
            let mut altered = bytes.clone();
            damage(&mut altered, offset);
            fs::write(copy.join(relative), altered).unwrap();
            let checked = std::panic::catch_unwind(|| is_reported(&copy, &contents));
            let place = format!("{} at {offset}", relative.display());
            tally.count(checked, &place);
        }
    }
    let _ = std::panic::take_hook();
    tally
}

#[derive(Debug, Default)]
struct Tally {
    tries: u32,
    reported: u32,
    broken: Vec<String>,
}

impl Tally {
    fn count(&mut self, checked: std::thread::Result<bool>, place: &str) {
        self.tries += 1;
        match checked {
            Ok(reported) => self.reported += u32::from(reported),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                self.broken
                    .push(format!("{place}: {}", text.unwrap_or_default()));
            }
        }
    }
}

#[test]
fn a_flipped_bit_at_any_offset_of_any_file_is_reported_or_harmless() {
    let tally = at_every_offset(|bytes, offset| bytes[offset] ^= 1 << (offset % 8));
    assert!(tally.broken.is_empty(), "{tally:#?}");
    assert!(tally.reported > tally.tries / 2, "{tally:#?}");
    println!(
        "{} of {} flipped bits were reported",
        tally.reported, tally.tries
    );
}

#[test]
fn a_file_cut_at_any_offset_is_reported_or_harmless() {
    let tally = at_every_offset(|bytes, offset| bytes.truncate(offset));
    assert!(tally.broken.is_empty(), "{tally:#?}");
    assert!(tally.reported > tally.tries / 2, "{tally:#?}");
    println!(
        "{} of {} cut files were reported",
        tally.reported, tally.tries
    );
}

/// Offsets that are tried in a file that is too large to try them all.
const SAMPLED: usize = 150;

#[test]
fn a_flipped_bit_in_a_large_file_is_reported_or_harmless_and_the_other_documents_go_on() {
    let scratch = support::scratch();
    let (whole, copy) = (scratch.path().join("whole"), scratch.path().join("copy"));
    let store = EmbeddedStore::open(&Options::new(&whole)).unwrap();
    let documents: Vec<_> = (0..30).map(|_| document(&store, "alice", 0)).collect();
    let noisy: Vec<_> = documents
        .into_iter()
        .map(|mut document| {
            let payloads: Vec<Vec<u8>> = (0..100_u8).map(|edit| noise(document.id, edit)).collect();
            append(
                &store,
                &mut document,
                &payloads.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            );
            document
        })
        .collect();
    store.flush().unwrap();
    let contents = Contents {
        documents: stored(&store, &noisy),
        about: Vec::new(),
        sessions: Vec::new(),
    };
    drop(store);
    support::trim_log(&whole);

    std::panic::set_hook(Box::new(|_| ()));
    let large = files(&whole)
        .into_iter()
        .max_by_key(|path| fs::metadata(path).unwrap().len());
    let large = large.unwrap();
    let bytes = fs::read(&large).unwrap();
    assert!(bytes.len() > 64 * 1024, "{} bytes", bytes.len());
    let mut some_go_on = 0;
    for sample in 0..SAMPLED {
        let _ = fs::remove_dir_all(&copy);
        support::copy_all(&whole, &copy);
        let mut altered = bytes.clone();
        altered[bytes.len() * sample / SAMPLED] ^= 1 << (sample % 8);
        fs::write(copy.join(large.strip_prefix(&whole).unwrap()), altered).unwrap();
        let Ok(store) = EmbeddedStore::open(&Options::new(&copy)) else {
            continue;
        };
        let right = support::documents_served(&store, &contents);
        some_go_on += usize::from(right > 0 && right < contents.documents.len());
    }
    let _ = std::panic::take_hook();
    assert!(
        some_go_on > SAMPLED / 2,
        "damage to one document stopped the others: {some_go_on}"
    );
}

/// Bytes that do not compress, so that the tables have many blocks.
fn noise(id: statesync_core::DocumentId, edit: u8) -> Vec<u8> {
    let mut state = u64::from_le_bytes(*id.0.as_bytes().last_chunk().unwrap()) ^ u64::from(edit);
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..120).map(|_| next()).collect()
}

#[test]
fn a_missing_file_is_reported_or_harmless() {
    let scratch = support::scratch();
    let (whole, copy) = (scratch.path().join("whole"), scratch.path().join("copy"));
    let contents = damaged_soon(&whole);
    for file in files(&whole) {
        let _ = fs::remove_dir_all(&copy);
        support::copy_all(&whole, &copy);
        let relative = file.strip_prefix(&whole).unwrap();
        fs::remove_file(copy.join(relative)).unwrap();
        match EmbeddedStore::open(&Options::new(&copy)) {
            Ok(store) => drop(support::serves_or_reports(&store, &contents)),
            Err(error) => assert!(!matches!(error, OpenError::InUse { .. })),
        }
    }
}
