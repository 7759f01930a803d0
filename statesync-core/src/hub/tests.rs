use std::sync::Arc;
use std::time::Duration;

use guuid::{Guuid, ManualClock};
use proptest::prelude::*;

use super::*;
use crate::identity::OperationId;
use crate::record::{Author, Change, Edit};
use crate::testkit::new_document;

struct Room {
    hub: Hub,
    document: Document,
}

impl Room {
    fn new(recent_bytes_max: usize) -> Self {
        let limits = Limits {
            recent_bytes_max,
            ..Limits::default()
        };
        let document = new_document("alice");
        let clock = Arc::new(ManualClock::new(Duration::from_secs(1)));
        let hub = Hub::new(
            document.clone(),
            clock,
            Arc::new(limits),
            &Budget::default(),
        );
        Self { hub, document }
    }

    fn enter(&self) -> (ConnectionId, Cursor) {
        let participant = Participant {
            user_id: UserId::new("alice").unwrap(),
            name: "Alice".to_owned(),
        };
        let (connection, cursor, _role) = self.hub.enter(participant).unwrap();
        (connection, cursor)
    }

    fn publish(&mut self, count: usize) {
        let news = (0..count).map(|_| {
            self.document.version = self.document.version.next();
            let author = Author {
                user_id: self.document.created_by.clone(),
                session_id: "".into(),
            };
            let change = Change::Yjs(Bytes::from_static(&[0; 100]));
            let edit = Edit::new(author, change);
            let id = OperationId(Guuid::now());
            let record = Arc::new(Record::of(edit, self.document.version, id, Timestamp(0)));
            News::new(record, None, Vec::new())
        });
        let news = news.collect();
        self.hub.publish(&self.document, news, false);
    }
}

fn versions(batch: &Batch) -> Vec<u64> {
    batch
        .records
        .iter()
        .map(|news| news.record.version.0)
        .collect()
}

proptest! {
    /// Whatever the order of publishing and reading: a reader's batches have no hole and no
    /// duplicate, and where records were missed, `resync` says so.
    #[test]
    fn cursors_see_every_record_once_or_are_told(
        steps in prop::collection::vec(0..6_usize, 1..80),
        portion in prop_oneof![Just(usize::MAX), 0..2_000_usize],
    ) {
        let mut room = Room::new(2_000);
        let (connection, mut cursor) = room.enter();
        let (mut seen, mut missed) = (0, 0);
        for step in steps {
            if step > 0 {
                room.publish(step);
                continue;
            }
            let Some(batch) = room.hub.take(connection, &mut cursor, portion) else {
                prop_assert_eq!(seen, room.document.version.0);
                continue;
            };
            let versions = versions(&batch);
            let first = versions.first().copied().unwrap_or(seen + 1);
            prop_assert_eq!(first > seen + 1, batch.resync, "a hole is told, and only a hole");
            missed += first - (seen + 1);
            prop_assert_eq!(&versions, &(first..first + versions.len() as u64).collect::<Vec<_>>());
            let newest = room.document.version.0;
            seen = versions.last().copied().unwrap_or(newest);
            prop_assert!(seen == newest || portion < usize::MAX, "only portions leave something");
        }
        prop_assert!(missed <= room.document.version.0);
    }
}

#[test]
fn who_comes_in_sees_what_comes_after() {
    let mut room = Room::new(100_000);
    room.publish(3);
    let (connection, mut cursor) = room.enter();
    assert!(room.hub.take(connection, &mut cursor, usize::MAX).is_none());
    room.publish(2);
    let batch = room.hub.take(connection, &mut cursor, usize::MAX).unwrap();
    assert_eq!((versions(&batch), batch.resync), (vec![4, 5], false));
}

#[test]
fn what_is_taken_in_portions_ends_with_everything_else() {
    let mut room = Room::new(100_000);
    let (connection, mut cursor) = room.enter();
    room.publish(5);
    room.hub.close(Closed::ShuttingDown);
    let bytes = 2 * weight(&room.hub.state.lock().recent[0]);
    let mut portion = || room.hub.take(connection, &mut cursor, bytes).unwrap();
    for expected in [[1, 2], [3, 4]] {
        let batch = portion();
        assert_eq!((versions(&batch), batch.closed), (expected.to_vec(), None));
    }
    let last = portion();
    assert_eq!(versions(&last), [5]);
    assert_eq!(last.closed, Some(Closed::ShuttingDown));
}

#[test]
fn a_record_larger_than_all_that_is_kept_is_a_resync() {
    let mut room = Room::new(100);
    let (connection, mut cursor) = room.enter();
    room.publish(1);
    let batch = room.hub.take(connection, &mut cursor, usize::MAX).unwrap();
    assert_eq!((versions(&batch), batch.resync), (vec![], true));
    assert!(room.hub.take(connection, &mut cursor, usize::MAX).is_none());
}

#[test]
fn a_closed_document_says_so_and_lets_nobody_in() {
    let mut room = Room::new(1_000);
    let (connection, mut cursor) = room.enter();
    room.publish(1);
    room.hub.close(Closed::ShuttingDown);
    room.hub.close(Closed::StoreFailed("later".to_owned()));
    let batch = room.hub.take(connection, &mut cursor, usize::MAX).unwrap();
    assert_eq!(
        (batch.records.len(), batch.closed),
        (1, Some(Closed::ShuttingDown))
    );
    let participant = Participant {
        user_id: UserId::new("bob").unwrap(),
        name: "Bob".to_owned(),
    };
    assert!(room.hub.enter(participant).is_err());
}

#[test]
fn a_user_with_two_windows_is_one_participant() {
    let room = Room::new(1_000);
    let (first, _) = room.enter();
    let (second, _) = room.enter();
    assert_eq!(room.hub.participants().len(), 1);
    room.hub.leave(first);
    assert_eq!(room.hub.participants().len(), 1);
    room.hub.leave(second);
    assert_eq!(room.hub.participants().len(), 0);
}

fn named(user: &str) -> Participant {
    Participant {
        user_id: UserId::new(user).unwrap(),
        name: user.to_owned(),
    }
}

#[test]
fn whoever_comes_and_goes_is_told_once_and_a_crowd_is_to_be_asked_for() {
    let mut room = Room::new(1024);
    room.document.metadata.permissions.public = crate::document::PublicAccess::View;
    room.hub.publish(&room.document, Vec::new(), true);
    let (alice, mut cursor) = room.enter();
    assert!(
        room.hub.take(alice, &mut cursor, usize::MAX).is_none(),
        "not of herself"
    );
    let (first, ..) = room.hub.enter(named("bob")).unwrap();
    let (second, ..) = room.hub.enter(named("bob")).unwrap();
    room.hub.leave(first);
    let told = room.hub.take(alice, &mut cursor, usize::MAX).unwrap();
    let bob = |here| Attendance {
        participant: named("bob"),
        here,
    };
    assert_eq!(told.attendance, [bob(true)]);
    room.hub.leave(second);
    let told = room.hub.take(alice, &mut cursor, usize::MAX).unwrap();
    assert_eq!(
        (told.attendance, told.attendance_lost),
        (vec![bob(false)], false)
    );
    for _ in 0..1_000 {
        let (connection, ..) = room.hub.enter(named("carol")).unwrap();
        room.hub.leave(connection);
    }
    let told = room.hub.take(alice, &mut cursor, usize::MAX).unwrap();
    assert!(told.attendance_lost && told.attendance.is_empty());
    assert!(room.hub.take(alice, &mut cursor, usize::MAX).is_none());
}
