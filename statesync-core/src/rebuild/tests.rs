use std::sync::Arc;

use bytes::Bytes;
use guuid::Guuid;

use super::*;
use crate::document::DocumentType;
use crate::identity::{OperationId, Timestamp, UserId, Version};
use crate::record::{Author, Change, Edit, PropertiesChange, Record, Snapshot};
use crate::testkit::new_document;
use crate::yjs::YjsContent;

/// One letter by client 7 at `clock`, behind the one before.
fn letter(clock: u8) -> Bytes {
    let update = match clock {
        0 => vec![
            1, 1, 7, 0, 4, 1, 7, b'c', b'o', b'n', b't', b'e', b'n', b't', 1, b'a', 0,
        ],
        _ => vec![1, 1, 7, clock, 0x84, 7, clock - 1, 1, b'a' + clock, 0],
    };
    update.into()
}

fn record(version: u64, change: Change) -> Arc<Record> {
    let author = Author {
        user_id: UserId::new("alice").unwrap(),
        session_id: "".into(),
    };
    let id = OperationId(Guuid::now());
    let edit = Edit::new(author, change);
    Arc::new(Record::of(edit, Version(version), id, Timestamp(1)))
}

/// A document of so many letters, whose snapshot has the first few.
fn stored(letters: u8, in_snapshot: u8) -> Stored {
    let mut document = new_document("alice");
    document.version = Version(letters.into());
    let mut content = YjsContent::empty();
    for clock in 0..in_snapshot {
        content.apply(&letter(clock)).unwrap();
    }
    let snapshot = (in_snapshot > 0).then(|| Snapshot {
        version: Version(in_snapshot.into()),
        content: content.snapshot(),
    });
    let records = (in_snapshot..letters)
        .map(|clock| record(u64::from(clock) + 1, Change::Yjs(letter(clock))))
        .collect();
    Stored {
        document,
        snapshot,
        records,
        open_conflicts: Vec::new(),
    }
}

fn text(stored: Stored) -> String {
    rebuild(stored, 1).unwrap().1.read(DocumentType::Text).text
}

#[track_caller]
fn assert_corrupt(stored: Stored, words: &str) {
    let Err(StoreError::Corrupt { lost, .. }) = rebuild(stored, 1).map(|_| ()) else {
        panic!("it was served");
    };
    assert!(lost.contains(words), "{lost}");
}

#[test]
fn the_log_adds_up_to_the_content_with_and_without_a_snapshot() {
    for in_snapshot in 0..=5 {
        assert_eq!(text(stored(5, in_snapshot)), "abcde");
    }
    assert_eq!(text(stored(0, 0)), "");
}

#[test]
fn changes_of_the_head_are_in_the_log_and_not_in_the_content() {
    let mut stored = stored(2, 0);
    let change = Change::Properties(PropertiesChange::default());
    stored.records.insert(1, record(2, change));
    Arc::make_mut(&mut stored.records[2]).version = Version(3);
    stored.document.version = Version(3);
    assert_eq!(text(stored), "ab");
}

#[test]
fn a_document_with_a_hole_in_its_log_is_not_served() {
    for hole in 0..4 {
        let mut holed = stored(5, 0);
        holed.records.remove(hole);
        assert_corrupt(holed, &format!("records after version {hole}"));
    }
    let mut without_its_end = stored(5, 0);
    without_its_end.records.pop();
    assert_corrupt(without_its_end, "records after version 4, up to 5");
    let mut without_its_snapshot = stored(5, 3);
    without_its_snapshot.snapshot = None;
    assert_corrupt(without_its_snapshot, "records after version 0, up to 4");
    let mut twice = stored(5, 0);
    twice.records.insert(2, twice.records[1].clone());
    assert_corrupt(twice, "records after version 2, up to 2");
}

#[test]
fn a_document_with_damage_is_not_served() {
    let mut damaged = stored(5, 0);
    Arc::make_mut(&mut damaged.records[2]).change = Change::Yjs(Bytes::from_static(b"nonsense"));
    assert_corrupt(damaged, "record 3");
    let mut damaged = stored(5, 3);
    damaged.snapshot.as_mut().unwrap().content = Bytes::from_static(b"nonsense");
    assert_corrupt(damaged, "snapshot at version 3");
}

fn limits() -> Limits {
    Limits {
        snapshot_records: 10,
        snapshot_bytes: 1_000,
        ..Limits::default()
    }
}

#[test]
fn a_snapshot_is_due_after_so_many_records() {
    let mut state = SnapshotState::default();
    for _ in 0..9 {
        state.on_append(1, 1);
        assert!(!state.is_due(&limits()));
    }
    state.on_append(1, 1);
    assert!(state.is_due(&limits()));
    assert!(!SnapshotState::after_snapshot(10).is_due(&limits()));
}

#[test]
fn a_snapshot_is_due_after_so_many_bytes() {
    let mut state = SnapshotState::default();
    state.on_append(2, 999);
    assert!(!state.is_due(&limits()));
    state.on_append(1, 1);
    assert!(state.is_due(&limits()));
}

#[test]
fn large_documents_are_saved_after_more_bytes() {
    let mut state = SnapshotState::after_snapshot(10_000);
    state.on_append(1, 4_999);
    assert!(!state.is_due(&limits()));
    state.on_append(1, 1);
    assert!(state.is_due(&limits()));
}

#[test]
fn large_documents_are_saved_after_more_records() {
    let mut state = SnapshotState::after_snapshot(10_000);
    state.on_append(49, 49);
    assert!(!state.is_due(&limits()));
    state.on_append(1, 1);
    assert!(state.is_due(&limits()));
}

#[test]
fn what_was_loaded_counts_as_written() {
    assert!(SnapshotState::of(&stored(10, 0)).is_due(&limits()));
    assert!(!SnapshotState::of(&stored(10, 1)).is_due(&limits()));
}

#[test]
fn a_document_with_a_long_log_is_worth_a_snapshot_when_it_is_put_away() {
    assert!(!SnapshotState::of(&stored(20, 0)).is_worth_leaving());
    let mut state = SnapshotState::default();
    state.on_append(64, 64);
    assert!(state.is_worth_leaving());
    assert!(!SnapshotState::after_snapshot(64).is_worth_leaving());
}
