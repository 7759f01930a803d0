//! Earlier versions: read, named, restored; and the audit log over all of them.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use statesync_core::{
    Change, DocumentStore, DocumentType, HistoryError, Limits, MemoryStore, Operation, PolicyName,
    Timestamp, Value, Version, genesis,
};

use crate::world::{World, edit, field, fill, object, rectangle, text_edit, user};

fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.snapshot_records, limits.history_records) = (4, 6);
    limits
}

#[test]
fn the_versions_that_policy_asks_for_can_be_read_and_older_ones_say_that_they_are_gone() {
    let mut world = World::new(Arc::new(MemoryStore::new()), limits());
    let id = world.create_under(DocumentType::Text, PolicyName::Merge);
    let open = world.open(id);
    for count in 0..24_u32 {
        let letter = char::from(b'a' + count as u8).to_string();
        world
            .ask(
                &open,
                edit("bob", Change::Operation(text_edit(count, 0, &letter))),
            )
            .unwrap();
        if count == 1 {
            let named =
                world.run_both(|library| library.name_snapshot(id, "two letters", user("bob")));
            assert_eq!(named.unwrap().snapshot.version, Version(3));
        }
    }
    let read = |version| block_on(world.library.reading_at(id, Version(version)));
    // The newest snapshot is of version 24: six before it and all after it, whatever snapshots there are.
    let letters: String = ('a'..='x').collect();
    for version in 18..=25 {
        let text = read(version).unwrap().text;
        assert_eq!(text, letters[..version as usize - 1]);
    }
    // What has a name is kept for ever.
    assert_eq!(read(3).unwrap().text, "ab");
    // Every document began empty; of the snapshots before version 18 there is still that of version 16.
    let gone = |version: &u64| matches!(read(*version), Err(HistoryError::Gone { .. }));
    assert!([1, 2].iter().chain(&[4, 8, 12, 15]).all(gone));
    assert!(![0, 16, 17].iter().any(gone));
    assert!(matches!(read(26), Err(HistoryError::NotYet { .. })));
    let named = block_on(world.library.named_snapshots(id)).unwrap();
    assert_eq!(named.len(), 1);
    let taken = world.run_both(|library| library.name_snapshot(id, "two letters", user("bob")));
    assert!(
        matches!(taken, Err(HistoryError::NameTaken(_))),
        "{taken:?}"
    );
}

#[test]
fn a_point_in_time_is_a_version() {
    let mut world = World::new(Arc::new(MemoryStore::new()), Limits::default());
    let id = world.create();
    let open = world.open(id);
    let start = guuid::Clock::unix_ms(&*world.clock);
    for count in 0..5_u32 {
        world.clock.advance(Duration::from_secs(10));
        world
            .ask(
                &open,
                edit("alice", Change::Operation(text_edit(count, 0, "x"))),
            )
            .unwrap();
    }
    let at = |ms: u64| block_on(world.library.version_at(id, Timestamp(start + ms))).unwrap();
    assert_eq!(at(0), Version(0));
    assert_eq!(at(10_000), Version(1));
    assert_eq!(at(29_999), Version(2));
    assert_eq!(at(1_000_000), Version(5));
}

#[test]
fn a_restored_text_is_a_new_version_with_the_old_content() {
    for kind in [DocumentType::Text, DocumentType::Richtext] {
        let mut world = World::new(Arc::new(MemoryStore::new()), Limits::default());
        let id = world.create_under(kind, PolicyName::Merge);
        let open = world.open(id);
        let mut ask = |change| world.ask(&open, edit("bob", change)).unwrap().version;
        let old = ask(Change::Operation(text_edit(0, 0, "the old text")));
        ask(Change::Operation(text_edit(4, 3, "new")));
        ask(Change::Operation(text_edit(0, 0, ">> ")));
        let before = block_on(world.library.reading_at(id, old)).unwrap();
        let restored = world.ask(&open, edit("bob", Change::Restore(old))).unwrap();
        assert_eq!(restored.version, Version(5));
        assert_eq!(world.run(open.reading()).unwrap().1, before, "{kind:?}");
        // And it can be undone like anything else.
        world
            .ask(&open, edit("bob", Change::Restore(Version(4))))
            .unwrap();
        assert_eq!(world.text(&open).trim_end(), ">> the new text");
    }
}

#[test]
fn a_restored_whiteboard_has_the_objects_that_it_had() {
    let mut world = World::new(Arc::new(MemoryStore::new()), Limits::default());
    let id = world.create_under(DocumentType::Whiteboard, PolicyName::Lww);
    let open = world.open(id);
    let mut ask = |operation| {
        let asked = edit("bob", Change::Operation(operation));
        world.ask(&open, asked).unwrap().version
    };
    ask(rectangle("a", "white"));
    let old = ask(rectangle("b", "white"));
    ask(fill("a", "red"));
    ask(Operation::Delete {
        object: object("b"),
    });
    ask(rectangle("c", "white"));
    let before = block_on(world.library.reading_at(id, old)).unwrap();
    world.ask(&open, edit("bob", Change::Restore(old))).unwrap();
    let after = world.run(open.reading()).unwrap().1;
    assert_eq!(after, before);
    assert_eq!(
        after.objects[&object("a")].fields[&field("fill")],
        Value::Text("white".to_owned())
    );
}

#[test]
fn the_audit_log_tells_of_every_edit_and_any_change_of_it_shows() {
    let store = Arc::new(MemoryStore::new());
    let mut world = World::new(store.clone(), limits());
    let id = world.create_under(DocumentType::Text, PolicyName::Merge);
    let open = world.open(id);
    for count in 0..20_u32 {
        world
            .ask(
                &open,
                edit("bob", Change::Operation(text_edit(count, 0, "x"))),
            )
            .unwrap();
    }
    let entries = block_on(store.audit(id, Version::ZERO, 100)).unwrap();
    assert_eq!(entries.len(), 21);
    let intact = |entries: &[statesync_core::AuditEntry]| {
        let mut previous = genesis();
        entries.iter().all(|entry| {
            let follows = entry.follows(id, previous);
            previous = entry.hash;
            follows
        }) && previous == open.document().audit
    };
    assert!(intact(&entries));
    for index in [0, 7, 20] {
        let mut forged = entries.clone();
        forged[index].user_id = user("mallory");
        assert!(!intact(&forged));
        let mut shortened = entries.clone();
        shortened.remove(index);
        assert!(!intact(&shortened));
    }
}

#[test]
fn a_snapshot_that_cannot_be_named_now_is_nobodys_mistake() {
    let mut world = World::new(Arc::new(MemoryStore::new()), Limits::default());
    let id = world.create();
    world.run_both(|library| library.close());
    let refused = world.run_both(|library| library.name_snapshot(id, "late", user("alice")));
    assert!(
        matches!(refused, Err(HistoryError::Unavailable(_))),
        "{refused:?}"
    );
    let unknown = statesync_core::DocumentId(guuid::Guuid::now());
    let refused = world.run_both(|library| library.name_snapshot(unknown, "x", user("alice")));
    assert!(
        matches!(refused, Err(HistoryError::NotFound(_))),
        "{refused:?}"
    );
}
