//! A process that is killed while it writes: nothing that it acknowledged is lost.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use futures::executor::block_on;
use guuid::Guuid;
use session_core::SessionStore;
use statesync_core::{
    Change, Document, DocumentId, DocumentStore, Record, Snapshot, Status, StoreError, Version,
    genesis, testkit,
};
use store_embedded::{EmbeddedStore, Options};

const ROUNDS: u64 = 12;
const WRITERS: u64 = 8;
/// Acknowledgements in one round before the process is killed, at least and in addition.
const ACKNOWLEDGED: (usize, usize) = (50, 500);
/// Every so many records, one waits in a conflict; so many records later it is settled.
const WAITS_EVERY: u64 = 7;
const SETTLED_AFTER: u64 = 3;
const DIRECTORY: &str = "STORE_EMBEDDED_KILL_DIRECTORY";
const ROUND: &str = "STORE_EMBEDDED_KILL_ROUND";

/// Small, so that rows move into tables, tables are merged and segments removed all the time.
fn options(directory: &Path) -> Options {
    Options::new(directory).memory_bytes(16 * 1024)
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed_at_any_moment() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        let target = ACKNOWLEDGED.0 + usize::try_from(round * 7919).unwrap() % ACKNOWLEDGED.1;
        run_until_killed(directory.path(), round, target, &mut acknowledged);
        let store = EmbeddedStore::open(&options(directory.path())).unwrap();
        check(&store, &acknowledged);
    }
    assert_eq!(acknowledged.documents.len() as u64, ROUNDS * WRITERS);
}

/// The newest acknowledged version of each document, and the sessions.
#[derive(Default)]
struct Acknowledged {
    documents: BTreeMap<DocumentId, u64>,
    sessions: Vec<(String, u64)>,
}

fn run_until_killed(directory: &Path, round: u64, target: usize, acknowledged: &mut Acknowledged) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "child_that_writes_until_it_is_killed",
            "--nocapture",
        ])
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = 0;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.by_ref() {
        seen += usize::from(take_in(&line.unwrap(), acknowledged));
        if seen == target {
            child.kill().unwrap();
        }
    }
    assert!(
        seen >= target,
        "the child ended by itself after {seen} acknowledgements"
    );
    child.wait().unwrap();
}

/// A line that was not written whole is no acknowledgement.
fn take_in(line: &str, acknowledged: &mut Acknowledged) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["document", id, version, "."] => {
            let id = DocumentId(Guuid::parse(id).unwrap());
            let version: u64 = version.parse().unwrap();
            let known = acknowledged.documents.entry(id).or_default();
            *known = version.max(*known);
            true
        }
        ["session", user, age, "."] => {
            acknowledged
                .sessions
                .push((user.to_owned(), age.parse().unwrap()));
            true
        }
        _ => false,
    }
}

fn check(store: &EmbeddedStore, acknowledged: &Acknowledged) {
    for (&id, &version) in &acknowledged.documents {
        let stored = block_on(DocumentStore::load(store, id)).unwrap();
        let newest = stored.document.version.0;
        // One append was under way, and nobody knows whether it was written.
        assert!(
            (version..=version + 1).contains(&newest),
            "{newest} is there, {version} was told"
        );
        let covered = stored.snapshot.map_or(0, |snapshot| snapshot.version.0);
        assert_eq!(stored.records.len() as u64, newest - covered);
        for record in &stored.records {
            assert_eq!(
                record.change,
                Change::Yjs(Bytes::from(payload(id, record.version.0)))
            );
            check_whole(record, newest);
        }
        check_around(store, id, covered, newest);
    }
    for (user, age) in &acknowledged.sessions {
        let expected = session_core::testkit::record(user, *age);
        let loaded = block_on(SessionStore::load(store, expected.session.session_id)).unwrap();
        assert_eq!(loaded, expected);
    }
}

/// What became of a record that waited is known from the append that settled it on.
fn check_whole(record: &Record, newest: u64) {
    let version = record.version.0;
    let is_rich = version.is_multiple_of(WAITS_EVERY);
    let status = match is_rich {
        true if newest >= version + SETTLED_AFTER => Status::Resolved,
        true => Status::Conflict,
        false => Status::Applied,
    };
    assert_eq!(record.status, status, "version {version} of {newest}");
    assert_eq!(record.conflict.is_some(), is_rich);
    assert_eq!(record.terms.operation_id.is_some(), is_rich);
}

/// Conflicts, names and audit entries of the appends are there, and no others.
fn check_around(store: &EmbeddedStore, id: DocumentId, pruned: u64, newest: u64) {
    let around = support::about(store, id).unwrap();
    let mut hash = genesis();
    for entry in &around.audit {
        assert!(entry.follows(id, hash));
        hash = entry.hash;
    }
    assert_eq!(around.audit.len() as u64, newest);
    assert_eq!(around.conflicts.len() as u64, newest / WAITS_EVERY);
    for conflict in &around.conflicts {
        let version = conflict.operations[0].version.0;
        let is_settled = newest >= version + SETTLED_AFTER;
        assert_eq!(conflict.outcome.is_some(), is_settled);
    }
    for (found, version) in around.named_records.iter().zip(1..) {
        let is_known = version > pruned && version.is_multiple_of(WAITS_EVERY);
        assert_eq!(found.is_some(), is_known, "the name of version {version}");
    }
}

fn payload(id: DocumentId, version: u64) -> Vec<u8> {
    id.0.as_bytes()
        .iter()
        .copied()
        .cycle()
        .take(20 + usize::try_from(version % 97).unwrap())
        .collect()
}

/// Does nothing unless the test above starts it as a process of its own.
#[test]
fn child_that_writes_until_it_is_killed() {
    let (Ok(directory), Ok(round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else {
        return;
    };
    let store = EmbeddedStore::open(&options(Path::new(&directory))).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, round) = (&store, &round);
            scope.spawn(move || write_for_ever(store, &format!("{round}-{writer}")));
        }
    });
}

fn write_for_ever(store: &EmbeddedStore, user: &str) {
    let mut document = testkit::new_document(user);
    block_on(DocumentStore::create(store, &document)).unwrap();
    tell(&format!("document {} 0 .", document.id));
    let mut waiting = None;
    for edit in 1.. {
        let bytes = payload(document.id, edit);
        let append = if edit.is_multiple_of(WAITS_EVERY) {
            support::rich_append(&mut document, &bytes)
        } else if let (SETTLED_AFTER, Some(waiting)) = (edit % WAITS_EVERY, &waiting) {
            support::settling_append(&mut document, &bytes, waiting)
        } else {
            testkit::append_to(&mut document, &[&bytes])
        };
        if edit.is_multiple_of(WAITS_EVERY) {
            waiting = Some(append.clone());
        }
        block_on(store.append(append)).unwrap();
        tell(&format!("document {} {edit} .", document.id));
        if edit % 25 == 0 {
            compact(store, &document).unwrap();
            let record = session_core::testkit::record(user, edit);
            let admission = session_core::testkit::strict(1_000_000);
            block_on(SessionStore::create(store, &record, admission)).unwrap();
            tell(&format!("session {user} {edit} ."));
        }
    }
}

fn compact(store: &EmbeddedStore, document: &Document) -> Result<(), StoreError> {
    let version = Version(document.version.0 - 5);
    let snapshot = Snapshot {
        version,
        content: Bytes::from(vec![1; 300]),
    };
    block_on(store.save_snapshot(document.id, snapshot, version))
}

/// One system call, so that lines of several threads do not mix.
fn tell(line: &str) {
    std::io::stdout()
        .lock()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
}
