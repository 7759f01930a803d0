//! A log whose disk fails.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use futures::executor::block_on;
use guuid::SystemClock;
use statesync_core::{Document, DocumentStore, StoreError, Version, testkit};

use crate::log::{LogFile, OpenLogFile, log_files};
use crate::{EmbeddedStore, Options};

/// What the disk refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Refuses {
    Nothing,
    Writes,
    HalfOfAWrite,
    Syncs,
}

#[derive(Clone, Default)]
struct Disk(Arc<AtomicU8>);

impl Disk {
    fn refuse(&self, what: Refuses) {
        self.0.store(what as u8, Ordering::SeqCst);
    }

    fn refuses(&self, what: Refuses) -> bool {
        self.0.load(Ordering::SeqCst) == what as u8
    }

    fn files(&self) -> OpenLogFile {
        let (disk, real) = (self.clone(), log_files());
        Arc::new(move |path| {
            Ok(Box::new(Failing {
                disk: disk.clone(),
                file: real(path)?,
            }))
        })
    }
}

struct Failing {
    disk: Disk,
    file: Box<dyn LogFile>,
}

impl LogFile for Failing {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.disk.refuses(Refuses::Writes) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.disk.refuses(Refuses::HalfOfAWrite) {
            self.file.write_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        if self.disk.refuses(Refuses::Syncs) {
            return Err(io::Error::other("the disk is gone"));
        }
        self.file.sync()
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.file.set_length(length)
    }
}

fn open(directory: &Path, disk: &Disk) -> EmbeddedStore {
    let shared = super::open(
        &Options::new(directory),
        disk.files(),
        Arc::new(SystemClock),
    )
    .unwrap();
    EmbeddedStore {
        shared: Arc::new(shared),
    }
}

fn with_one_edit(store: &EmbeddedStore) -> Document {
    let mut document = testkit::new_document("alice");
    block_on(DocumentStore::create(store, &document)).unwrap();
    block_on(store.append(testkit::append_to(&mut document, &[b"one"]))).unwrap();
    document
}

fn try_edit(store: &EmbeddedStore, document: &Document) -> Result<(), StoreError> {
    block_on(store.append(testkit::append_to(&mut document.clone(), &[b"two"])))
}

fn version(store: &EmbeddedStore, document: &Document) -> Version {
    block_on(DocumentStore::load(store, document.id))
        .unwrap()
        .document
        .version
}

#[test]
fn after_a_failed_sync_nothing_is_written_until_the_store_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let store = open(directory.path(), &disk);
    let document = with_one_edit(&store);
    assert_eq!(store.failure(), None);

    disk.refuse(Refuses::Syncs);
    let refused = try_edit(&store, &document);
    assert!(
        matches!(refused, Err(StoreError::Unavailable { .. })),
        "{refused:?}"
    );
    assert_eq!(
        version(&store, &document),
        Version(1),
        "what nobody was told of is not served"
    );

    // The disk works again, but what it did with the failed write is unknown.
    disk.refuse(Refuses::Nothing);
    let refused = try_edit(&store, &document);
    assert!(
        matches!(refused, Err(StoreError::Unavailable { .. })),
        "{refused:?}"
    );
    assert!(store.failure().unwrap().contains("the disk is gone"));
    assert_eq!(version(&store, &document), Version(1));
    drop(store);

    let store = open(directory.path(), &disk);
    let document = block_on(store.head(document.id)).unwrap();
    assert!(
        document.version <= Version(2),
        "the failed write happened as a whole or not at all"
    );
    try_edit(&store, &document).unwrap();
}

#[test]
fn rows_that_were_put_in_while_the_sync_failed_are_never_seen() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let store = open(directory.path(), &disk);
    let documents: Vec<Document> = (0..40).map(|_| with_one_edit(&store)).collect();
    disk.refuse(Refuses::Syncs);
    let edits = documents
        .iter()
        .map(|document| store.append(testkit::append_to(&mut document.clone(), &[&[7; 1000]])));
    let outcomes = block_on(futures::future::join_all(edits));
    assert!(outcomes.iter().all(Result::is_err));
    // Not by the moving of rows into tables either.
    store.flush().unwrap_err();
    for document in &documents {
        assert_eq!(version(&store, document), Version(1));
    }
    drop(store);
    disk.refuse(Refuses::Nothing);
    let store = open(directory.path(), &disk);
    for document in &documents {
        assert!(version(&store, document) <= Version(2));
    }
}

#[test]
fn a_full_disk_refuses_single_writes_and_the_store_goes_on_when_there_is_room() {
    for how in [Refuses::Writes, Refuses::HalfOfAWrite] {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        let store = open(directory.path(), &disk);
        let document = with_one_edit(&store);

        disk.refuse(how);
        let refused = try_edit(&store, &document);
        assert!(
            matches!(refused, Err(StoreError::Unavailable { .. })),
            "{how:?}: {refused:?}"
        );
        assert_eq!(version(&store, &document), Version(1), "{how:?}");

        disk.refuse(Refuses::Nothing);
        try_edit(&store, &document).unwrap();
        assert_eq!(
            (version(&store, &document), store.failure()),
            (Version(2), None),
            "{how:?}"
        );
        drop(store);
        let store = open(directory.path(), &disk);
        assert_eq!(version(&store, &document), Version(2), "{how:?}");
    }
}

#[test]
fn a_half_written_frame_at_the_end_is_no_loss() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let store = open(directory.path(), &disk);
    let document = with_one_edit(&store);
    disk.refuse(Refuses::HalfOfAWrite);
    try_edit(&store, &document).unwrap_err();
    drop(store);

    disk.refuse(Refuses::Nothing);
    let store = open(directory.path(), &disk);
    assert_eq!(version(&store, &document), Version(1));
}
