//! A disk that is full, as the operating system says it: writes are refused, nothing acknowledged
//! is lost, and the store goes on when there is room.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::path::Path;
use std::process::Command;

use futures::executor::block_on;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use statesync_core::{DocumentStore, StoreError, testkit};
use store_embedded::{EmbeddedStore, Options};

const DIRECTORY: &str = "STORE_EMBEDDED_FULL_DIRECTORY";

/// Larger than a new segment of the log, smaller than what is written to it.
const FILE_BYTES_MAX: u64 = 33 * 1024 * 1024;

#[test]
fn a_full_disk_refuses_writes_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    // A write beyond the limit would end the process, unless the signal is ignored from the start.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_fills_its_disk", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let written = text
        .lines()
        .find_map(|line| line.strip_prefix("acknowledged "));
    let [id, versions] = written.unwrap().split(' ').collect::<Vec<_>>()[..] else {
        panic!("{text}")
    };
    let id = statesync_core::DocumentId(guuid::Guuid::parse(id).unwrap());

    let store = EmbeddedStore::open(&Options::new(directory.path())).unwrap();
    let stored = block_on(DocumentStore::load(&store, id)).unwrap();
    assert_eq!(stored.document.version.0, versions.parse::<u64>().unwrap());
}

/// Does nothing unless the test above starts it as a process of its own.
#[test]
fn child_that_fills_its_disk() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        return;
    };
    let options = Options::new(Path::new(&directory)).memory_bytes(1 << 30);
    let store = EmbeddedStore::open(&options).unwrap();
    let mut document = testkit::new_document("alice");
    block_on(DocumentStore::create(&store, &document)).unwrap();
    let large = vec![7; 1024 * 1024];

    let unlimited = getrlimit(Resource::Fsize);
    let limited = Rlimit {
        current: Some(FILE_BYTES_MAX),
        ..unlimited
    };
    setrlimit(Resource::Fsize, limited).unwrap();
    let mut refused = 0;
    for _ in 0..40 {
        let mut next = document.clone();
        match block_on(store.append(testkit::append_to(&mut next, &[&large]))) {
            Ok(()) => document = next,
            Err(StoreError::Unavailable { .. }) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(
        refused > 0 && document.version.0 > 20,
        "{refused} refused at {}",
        document.version
    );
    let stored = block_on(DocumentStore::load(&store, document.id)).unwrap();
    assert_eq!(stored.document.version, document.version, "reads go on");

    setrlimit(Resource::Fsize, unlimited).unwrap();
    block_on(store.append(testkit::append_to(&mut document, &[&large]))).unwrap();
    println!("acknowledged {} {}", document.id, document.version);
    // No clean close: the process ends as it is.
    std::process::exit(0);
}
