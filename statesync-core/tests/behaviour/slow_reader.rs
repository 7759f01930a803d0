//! A reader who takes their time costs nobody anything.

use std::sync::Arc;

use statesync_core::{Change, Limits, MemoryStore, PresenceEntry};
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, Transact, Update};

use crate::world::{Typist, World};

/// What a reader has who applied these updates.
fn read(updates: impl IntoIterator<Item = Vec<u8>>) -> String {
    let document = Doc::new();
    let text = document.get_or_insert_text(statesync_core::TEXT_ROOT);
    let mut transaction = document.transact_mut();
    for update in updates {
        transaction
            .apply_update(Update::decode_v1(&update).unwrap())
            .unwrap();
    }
    text.get_string(&transaction)
}

#[test]
fn a_late_reader_gets_everything_at_once_and_in_order() {
    let mut world = World::new(Arc::new(MemoryStore::new()), Limits::default());
    let id = world.create();
    let open = world.open(id);
    let mut reader = world.subscribe(&open, "alice");
    let typist = Typist::new();
    for _ in 0..1_000 {
        world.edit(&open, "alice", typist.types("x")).unwrap();
    }
    let batch = reader.try_next().unwrap();
    assert!(!batch.resync);
    let versions: Vec<_> = batch
        .records
        .iter()
        .map(|news| news.record.version.0)
        .collect();
    assert_eq!(versions, (1..=1_000).collect::<Vec<_>>());
    assert!(reader.try_next().is_none());
}

#[test]
fn a_reader_who_fell_too_far_behind_starts_again_from_the_present_content() {
    let mut limits = Limits::default();
    limits.recent_bytes_max = 10_000;
    let mut world = World::new(Arc::new(MemoryStore::new()), limits);
    let id = world.create();
    let open = world.open(id);
    let mut reader = world.subscribe(&open, "alice");
    let typist = Typist::new();
    for _ in 0..500 {
        world.edit(&open, "alice", typist.types("y")).unwrap();
    }
    let batch = reader.try_next().unwrap();
    assert!(batch.resync);
    assert!(batch.records.len() < 100, "only so many are kept");
    let everything = world.run(open.difference(vec![0].into())).unwrap();
    let later = batch
        .records
        .iter()
        .filter_map(|news| match &news.record.change {
            Change::Yjs(update) => Some(update.to_vec()),
            _ => None,
        });
    assert_eq!(
        read([everything.to_vec()].into_iter().chain(later)),
        "y".repeat(500)
    );
    world.edit(&open, "alice", typist.types("z")).unwrap();
    let batch = reader.try_next().unwrap();
    assert_eq!((batch.resync, batch.records.len()), (false, 1));
}

#[test]
fn presence_that_changed_many_times_is_told_once() {
    let mut world = World::new(Arc::new(MemoryStore::new()), Limits::default());
    let id = world.create();
    let open = world.open(id);
    let mut reader = world.subscribe(&open, "alice");
    let writer = world.subscribe(&open, "alice");
    for clock in 1..=1_000 {
        let state = Some(format!("{{\"x\":{clock}}}").into());
        writer
            .announce(vec![PresenceEntry {
                client: 7,
                clock,
                state,
            }])
            .unwrap();
    }
    let told = reader.try_next().unwrap().presence;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].clock, 1_000);
    drop(writer);
    let told = reader.try_next().unwrap().presence;
    assert_eq!((told[0].client, told[0].state.as_ref()), (7, None));
}
