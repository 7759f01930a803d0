//! Subscribers: told everything once, whenever they come and however slow they are.

use std::sync::Arc;

use aetherflow_api::statesync::v1 as wire;
use statesync::CallLimits;
use statesync_core::{Limits, MemoryStore};
use tonic::Code;
use wire::DocumentType;
use wire::document_event::Event;

use crate::board::{Replica, apply, content, document, edit_text, fill, rectangle};
use crate::world::{World, soon};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_while_others_write_is_told_everything_once() {
    const WRITERS: usize = 4;
    const EACH: usize = 60;
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let doc_id = document(&mut alice, DocumentType::Whiteboard, "lww").await;
    for writer in 0..WRITERS {
        apply(
            &mut alice,
            &doc_id,
            None,
            rectangle(&format!("o{writer}"), "0"),
        )
        .await;
    }
    let start = 1 + WRITERS as u64;
    let end = start + (WRITERS * EACH) as u64;
    let writers = (0..WRITERS).map(|writer| {
        let (mut client, doc_id) = (alice.clone(), doc_id.clone());
        tokio::spawn(async move {
            for count in 0..EACH {
                let painted = fill(&format!("o{writer}"), &format!("{count}"));
                apply(&mut client, &doc_id, None, painted).await;
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut readers = Vec::new();
    for reader in 0..12_u64 {
        let mut client = world.client(&format!("reader{reader}")).await;
        let doc_id = doc_id.clone();
        readers.push(tokio::spawn(async move {
            let head = content(&mut client, &doc_id).await.version;
            let from = match reader % 3 {
                0 => Some(0),
                1 => Some(head),
                _ => None,
            };
            let mut replica = Replica::new(&mut client, &doc_id, from).await;
            // Replicas that begin in the middle have no objects to paint: only versions count there.
            if reader % 3 == 1 {
                let shown = content(&mut client, &doc_id).await;
                replica.objects = shown
                    .objects
                    .into_keys()
                    .map(|id| (id, Default::default()))
                    .collect();
            }
            replica.reach(end).await;
            (reader, replica)
        }));
    }
    for writer in writers {
        soon(writer).await.unwrap();
    }
    let last = content(&mut alice, &doc_id).await;
    assert_eq!(last.version, end);
    for reader in readers {
        let (reader, replica) = soon(reader).await.unwrap();
        if reader % 3 != 1 {
            replica.assert_has(&last);
        }
    }
}

#[tokio::test]
async fn a_version_that_is_no_longer_kept_is_answered_with_the_content() {
    let mut limits = Limits::default();
    (limits.snapshot_records, limits.history_records) = (8, 4);
    let world = World::bounded(limits, CallLimits::default()).await;
    let mut alice = world.client("alice").await;
    let doc_id = document(&mut alice, DocumentType::Text, "merge").await;
    for count in 0..40 {
        apply(&mut alice, &doc_id, None, edit_text(count, 0, "x")).await;
    }
    let mut replica = Replica::new(&mut alice, &doc_id, Some(0)).await;
    replica.reach(41).await;
    assert_eq!(replica.resyncs, 1);
    // What follows joins to it.
    apply(&mut alice, &doc_id, None, edit_text(0, 0, "y")).await;
    replica.reach(42).await;
    replica.assert_has(&content(&mut alice, &doc_id).await);
    let asked = wire::GetOperationHistoryRequest {
        doc_id,
        ..Default::default()
    };
    let gone = alice.get_operation_history(asked).await.unwrap_err();
    assert_eq!(gone.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_slow_reader_is_told_the_content_in_place_of_what_it_missed() {
    let mut limits = Limits::default();
    limits.recent_bytes_max = 64 * 1024;
    (limits.snapshot_records, limits.history_records) = (16, 4);
    let world = World::bounded(limits, CallLimits::default()).await;
    let mut alice = world.client("alice").await;
    let doc_id = document(&mut alice, DocumentType::Whiteboard, "lww").await;
    apply(&mut alice, &doc_id, None, rectangle("box", "white")).await;
    let mut slow = world.client("bob").await;
    let mut replica = Replica::new(&mut slow, &doc_id, Some(0)).await;
    // More than all buffers on the way hold together.
    const WRITES: u64 = 300;
    let long = "z".repeat(30_000);
    for count in 0..WRITES {
        let painted = fill("box", &format!("{count}{long}"));
        apply(&mut alice, &doc_id, None, painted).await;
    }
    replica.reach(2 + WRITES).await;
    assert!(replica.resyncs > 0);
    replica.assert_has(&content(&mut alice, &doc_id).await);
}

#[tokio::test]
async fn everybody_hears_who_comes_who_goes_and_what_becomes_of_the_head() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let doc_id = document(&mut alice, DocumentType::Text, "merge").await;
    let mut replica = Replica::new(&mut alice, &doc_id, Some(1)).await;
    assert_eq!(replica.present.users.len(), 1);
    let mut bob = world.client("bob").await;
    let bobs = Replica::new(&mut bob, &doc_id, Some(1)).await;
    assert_eq!(bobs.present.users.len(), 2);
    let joined = replica.until(|event| match event {
        Event::UserJoined(user) => Some(user.user_id.clone()),
        _ => None,
    });
    assert_eq!(joined.await, "bob");
    let rename = wire::UpdateDocumentRequest {
        doc_id: doc_id.clone(),
        name: Some("Other".to_owned()),
        ..Default::default()
    };
    alice.update_document(rename).await.unwrap();
    let name = replica.until(|event| match event {
        Event::DocumentUpdated(document) => Some(document.name.clone()),
        _ => None,
    });
    assert_eq!(name.await, "Other");
    assert_eq!(replica.version, 2);
    drop(bobs);
    let left = replica.until(|event| match event {
        Event::UserLeft(user) => Some(user.user_id.clone()),
        _ => None,
    });
    assert_eq!(left.await, "bob");
}

#[tokio::test]
async fn whoever_loses_the_right_to_read_is_cut_off() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.client("alice").await, world.client("bob").await);
    let doc_id = document(&mut alice, DocumentType::Text, "merge").await;
    let mut replica = Replica::new(&mut bob, &doc_id, Some(1)).await;
    let private = wire::UpdateDocumentRequest {
        doc_id: doc_id.clone(),
        public: wire::PublicAccess::None.into(),
        ..Default::default()
    };
    alice.update_document(private).await.unwrap();
    apply(&mut alice, &doc_id, None, edit_text(0, 0, "a secret")).await;
    let end = loop {
        match replica.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended well"),
            Err(status) => break status,
        }
    };
    assert_eq!(end.code(), Code::PermissionDenied);
    assert_eq!(replica.text(), "");
    let again = wire::SubscribeDocumentRequest {
        doc_id,
        ..Default::default()
    };
    let refused = bob.subscribe_document(again).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn a_subscription_ends_when_its_user_says_so_and_when_the_service_stops() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.client("alice").await, world.client("bob").await);
    let doc_id = document(&mut alice, DocumentType::Text, "merge").await;
    let mut ends = Replica::new(&mut alice, &doc_id, Some(1)).await;
    let mut stays = Replica::new(&mut alice, &doc_id, Some(1)).await;
    let unsubscribe = wire::UnsubscribeDocumentRequest {
        doc_id: doc_id.clone(),
        subscription_id: ends.present.subscription_id.clone(),
    };
    let refused = bob.unsubscribe_document(unsubscribe.clone()).await;
    assert_eq!(refused.unwrap_err().code(), Code::NotFound);
    alice
        .unsubscribe_document(unsubscribe.clone())
        .await
        .unwrap();
    assert_eq!(ends.next().await.unwrap(), None);
    world.stop.cancel();
    let end = stays.next().await.unwrap_err();
    assert_eq!(end.code(), Code::Unavailable);
}

/// Types at the beginning of the label of the box.
fn label(insert: &str) -> wire::operation_data::Kind {
    let edit = wire::TextEdit {
        position: 0,
        delete: 0,
        insert: insert.to_owned(),
    };
    wire::operation_data::Kind::Text(wire::EditText {
        object_id: "box".to_owned(),
        field: "label".to_owned(),
        edits: vec![edit],
    })
}

#[tokio::test]
async fn whoever_is_told_the_content_goes_on_with_the_texts_in_it() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let doc_id = document(&mut alice, DocumentType::Whiteboard, "merge").await;
    apply(&mut alice, &doc_id, None, rectangle("box", "white")).await;
    apply(&mut alice, &doc_id, None, label("world")).await;
    let mut from_content = Replica::new(&mut alice, &doc_id, None).await;
    let mut from_log = Replica::new(&mut alice, &doc_id, Some(0)).await;
    from_content.reach(3).await;
    // Neither has seen the other.
    for (client, word) in [("bob", "hello "), ("carol", "brave ")] {
        let mut client = world.client(client).await;
        apply(&mut client, &doc_id, Some(3), label(word)).await;
    }
    let content = content(&mut alice, &doc_id).await;
    for replica in [&mut from_content, &mut from_log] {
        replica.reach(5).await;
        replica.assert_has(&content);
    }
    let label = content.objects["box"].fields["label"].clone();
    assert_eq!(label, crate::board::text("hello brave world"));
}

/// Two services over one store, which nobody tells of each other.
async fn two_worlds() -> [World; 2] {
    let store = Arc::new(MemoryStore::new());
    let world = || World::over(store.clone(), Limits::default(), CallLimits::default());
    [world().await, world().await]
}

#[tokio::test]
async fn whoever_was_told_at_one_service_goes_on_at_the_other_from_there() {
    const COUNT: u64 = 10;
    let worlds = two_worlds().await;
    let mut alice = worlds[0].client("alice").await;
    let mut bob = worlds[1].client("bob").await;
    let doc_id = document(&mut alice, DocumentType::Text, "merge").await;
    // The other one has it open, as it is before.
    assert_eq!(content(&mut bob, &doc_id).await.version, 1);
    let version = 1 + COUNT;
    for _ in 0..COUNT {
        apply(&mut alice, &doc_id, None, edit_text(0, 0, "x")).await;
    }
    let history = wire::GetOperationHistoryRequest {
        doc_id: doc_id.clone(),
        from_version: version,
        ..Default::default()
    };
    let after = bob.get_operation_history(history).await.unwrap();
    assert_eq!(after.into_inner().operations, []);
    apply(&mut alice, &doc_id, None, edit_text(0, 0, "x")).await;
    let mut replica = Replica::new(&mut bob, &doc_id, Some(version + 1)).await;
    apply(&mut alice, &doc_id, None, edit_text(0, 0, "y")).await;
    replica.reach(version + 2).await;
    assert_eq!(replica.resyncs, 0);
    // What nobody has written is still not there.
    let beyond = wire::SubscribeDocumentRequest {
        doc_id,
        from_version: Some(version + 3),
        ..Default::default()
    };
    let refused = bob.subscribe_document(beyond).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
}

#[tokio::test]
async fn two_services_over_one_store_tell_their_readers_the_same() {
    const EACH: u64 = 40;
    let worlds = two_worlds().await;
    let mut alice = worlds[0].client("alice").await;
    let mut bob = worlds[1].client("bob").await;
    let doc_id = document(&mut alice, DocumentType::Whiteboard, "manual").await;
    apply(&mut alice, &doc_id, None, rectangle("box", "white")).await;
    let mut readers = [
        Replica::new(&mut alice, &doc_id, Some(0)).await,
        Replica::new(&mut bob, &doc_id, Some(0)).await,
    ];
    for count in 0..EACH {
        // Bob has not seen what alice does: from the first on he is in a conflict with her.
        apply(&mut alice, &doc_id, None, fill("box", &format!("{count}"))).await;
        apply(&mut bob, &doc_id, Some(2), fill("box", "red")).await;
    }
    let end = 2 + 2 * EACH;
    let content = content(&mut bob, &doc_id).await;
    for reader in &mut readers {
        reader.reach(end).await;
        reader.assert_has(&content);
    }
    let open = crate::board::conflicts(&mut alice, &doc_id, wire::ConflictState::Open).await;
    let resolve = wire::ResolveConflictRequest {
        doc_id: doc_id.clone(),
        resolution: Some(wire::Resolution {
            conflict_id: open[0].id.clone(),
            choice: Some(wire::resolution::Choice::ResolvedOp(
                open[0].ops.last().unwrap().id.clone(),
            )),
        }),
        operation_id: None,
    };
    alice.resolve_conflict(resolve).await.unwrap();
    for reader in &mut readers {
        let settled = reader.until(|event| match event {
            Event::ConflictResolved(conflict) => Some(conflict.id.clone()),
            _ => None,
        });
        assert_eq!(settled.await, open[0].id);
    }
}
