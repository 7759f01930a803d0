//! Acknowledged commits that are not there any more: noticed when the store is opened.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use statesync_core::{Document, DocumentStore, StoreError, Version, testkit};
use store_embedded::{EmbeddedStore, OpenError, Options};
use support::{append, document, files};

fn open(directory: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(&Options::new(directory))
}

/// The only segment, without the zeros at its end.
fn segment(directory: &Path) -> PathBuf {
    support::trim_log(directory);
    let mut segments = files(&directory.join("log"));
    segments.retain(|path| fs::metadata(path).unwrap().len() > 100);
    assert_eq!(segments.len(), 1);
    segments.remove(0)
}

/// Where the frames of a segment begin: at each of their magic numbers.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let starts = bytes.windows(4).enumerate();
    starts
        .filter(|(_, window)| *window == b"\xAFLOG")
        .map(|(place, _)| place)
        .collect()
}

fn version(store: &EmbeddedStore, document: &Document) -> Version {
    block_on(DocumentStore::load(store, document.id))
        .unwrap()
        .document
        .version
}

/// Eight commits: two documents are made, and each gets three edits in turn.
fn written(directory: &Path) -> (Document, Document) {
    let store = open(directory).unwrap();
    let (mut first, mut second) = (document(&store, "alice", 0), document(&store, "bob", 0));
    for edit in 0..3 {
        append(&store, &mut first, &[&[edit]]);
        append(&store, &mut second, &[&[edit]]);
    }
    (first, second)
}

#[test]
fn a_log_that_was_cut_off_says_how_many_commits_are_lost() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = written(directory.path());
    let segment = segment(directory.path());
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..frames(&bytes)[6]]).unwrap();

    let refused = open(directory.path()).unwrap_err();
    assert!(
        matches!(
            refused,
            OpenError::Lost {
                count: 2,
                last_good: 6,
                acknowledged: 8,
                ..
            }
        ),
        "{refused:?}"
    );
    let text = refused.to_string();
    assert!(
        text.starts_with("2 acknowledged commits are lost"),
        "{text}"
    );
    assert!(text.contains("--accept-data-loss"), "{text}");

    let store = EmbeddedStore::open(&Options::new(directory.path()).accept_loss(true)).unwrap();
    assert_eq!(
        (version(&store, &first), version(&store, &second)),
        (Version(2), Version(2))
    );
    // Life goes on, and nobody has to accept anything again.
    let mut first = block_on(store.head(first.id)).unwrap();
    append(&store, &mut first, &[b"again"]);
    drop(store);
    let store = open(directory.path()).unwrap();
    assert_eq!(version(&store, &first), Version(3));
    assert!(
        directory.path().join("damaged").is_dir(),
        "what is left of the log is kept"
    );
}

#[test]
fn a_hole_in_the_log_is_named_and_damages_only_the_documents_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = written(directory.path());
    let segment = segment(directory.path());
    let mut bytes = fs::read(&segment).unwrap();
    // The fifth commit is the second edit of the first document.
    let frame = frames(&bytes)[4];
    bytes[frame + 50] ^= 1;
    fs::write(&segment, bytes).unwrap();

    let refused = open(directory.path()).unwrap_err();
    let OpenError::Lost {
        count: 1,
        last_good: 8,
        acknowledged: 8,
        missing,
        damage,
    } = &refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!((missing.as_slice(), damage.len()), ([(5, 5)].as_slice(), 1));

    let store = EmbeddedStore::open(&Options::new(directory.path()).accept_loss(true)).unwrap();
    let damaged = block_on(DocumentStore::load(&store, first.id)).unwrap_err();
    let StoreError::Corrupt { id, lost } = damaged else {
        panic!("{damaged:?}")
    };
    assert_eq!(id, first.id);
    assert!(lost.contains("versions 2"), "{lost}");
    assert_eq!(
        block_on(DocumentStore::load(&store, second.id))
            .unwrap()
            .records
            .len(),
        3
    );
}

#[test]
fn a_torn_frame_that_was_never_acknowledged_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let (first, _) = written(directory.path());
    let segment = segment(directory.path());
    let mut bytes = fs::read(&segment).unwrap();
    let last = *frames(&bytes).last().unwrap();
    let torn = bytes[last..last + 60].to_vec();
    bytes.truncate(bytes.len() - 64);
    bytes.extend(torn);
    fs::write(&segment, bytes).unwrap();

    let store = open(directory.path()).unwrap();
    assert_eq!(
        block_on(DocumentStore::load(&store, first.id))
            .unwrap()
            .records
            .len(),
        3
    );
}

#[test]
fn a_lost_witness_is_reported_and_can_be_done_without() {
    let directory = tempfile::tempdir().unwrap();
    let (first, _) = written(directory.path());
    fs::write(directory.path().join("WITNESS"), b"nonsense").unwrap();
    let refused = open(directory.path()).unwrap_err();
    assert!(
        matches!(refused, OpenError::NoWitness { last_good: 8, .. }),
        "{refused:?}"
    );
    drop(EmbeddedStore::open(&Options::new(directory.path()).accept_loss(true)).unwrap());
    let store = open(directory.path()).unwrap();
    assert_eq!(
        block_on(DocumentStore::load(&store, first.id))
            .unwrap()
            .records
            .len(),
        3
    );
}

#[test]
fn a_lost_log_is_reported_as_a_whole() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path());
    fs::remove_dir_all(directory.path().join("log")).unwrap();
    let refused = open(directory.path()).unwrap_err();
    assert!(
        matches!(
            refused,
            OpenError::Lost {
                count: 8,
                last_good: 0,
                ..
            }
        ),
        "{refused:?}"
    );
}

#[test]
fn lost_tables_are_reported_when_the_log_goes_on_after_them() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new(directory.path()).memory_bytes(1);
    let store = EmbeddedStore::open(&options).unwrap();
    let mut alice = document(&store, "alice", 20);
    store.close();
    drop(store);
    fs::remove_dir_all(directory.path().join("tables")).unwrap();
    let refused = EmbeddedStore::open(&options).unwrap_err();
    assert!(
        matches!(
            refused,
            OpenError::Lost {
                acknowledged: 21,
                ..
            }
        ),
        "{refused:?}"
    );
    alice.version = Version::ZERO;
}

#[test]
fn a_frame_inside_a_document_is_never_taken_for_one() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let mut alice = testkit::new_document("alice");
    block_on(DocumentStore::create(&store, &alice)).unwrap();
    store.close();
    drop(store);
    // Somebody who knows the format writes the frames of another store into a document ...
    let other = tempfile::tempdir().unwrap();
    written(other.path());
    let forged = fs::read(segment(other.path())).unwrap();
    let store = open(directory.path()).unwrap();
    append(&store, &mut alice, &[&forged]);
    drop(store);
    // ... and the frame around them is damaged, so that the next one is searched for.
    support::trim_log(directory.path());
    let path = files(&directory.path().join("log")).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[33] ^= 1;
    fs::write(&path, bytes).unwrap();
    let refused = open(directory.path()).unwrap_err();
    assert!(
        matches!(
            refused,
            OpenError::Lost {
                count: 1,
                last_good: 1,
                acknowledged: 2,
                ..
            }
        ),
        "{refused:?}"
    );
}
