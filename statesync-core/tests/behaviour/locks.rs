//! Locks, as users meet them.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use statesync_core::{
    Author, Change, DocumentType, Edit, EditError, Fence, Limits, LockError, LockTarget,
    MemoryStore, PolicyName, Terms,
};

use crate::world::{World, edit, fill, object, rectangle, user};

fn author(who: &str) -> Author {
    Author {
        user_id: user(who),
        session_id: "session".into(),
    }
}

fn under(fence: Fence, edit: Edit) -> Edit {
    edit.with_terms(Terms {
        fence: Some(fence),
        ..Terms::default()
    })
}

fn paint(who: &str, name: &str) -> Edit {
    edit(who, Change::Operation(fill(name, who)))
}

/// A whiteboard with two rectangles, whose store goes by the clock of the world.
fn board() -> (World, statesync_core::DocumentId) {
    let clock = Arc::new(guuid::ManualClock::new(Duration::from_secs(1_800_000_000)));
    let store = MemoryStore::with_clock(clock.clone());
    let mut world = World::new(Arc::new(store), Limits::default());
    world.clock = clock;
    let id = world.create_under(DocumentType::Whiteboard, PolicyName::Lww);
    let open = world.open(id);
    for name in ["a", "b"] {
        world
            .ask(
                &open,
                edit("alice", Change::Operation(rectangle(name, "white"))),
            )
            .unwrap();
    }
    (world, id)
}

#[test]
fn others_wait_while_one_holds_an_object_and_everybody_hears_of_it() {
    let (mut world, id) = board();
    let open = world.open(id);
    let mut reader = world.subscribe(&open, "carol");
    let target = LockTarget::Object(object("a"));
    let lock = block_on(
        world
            .library
            .acquire_lock(id, author("bob"), target.clone(), 10_000),
    )
    .unwrap();
    let news = reader.try_next().unwrap();
    assert_eq!(*news.locks.unwrap(), std::slice::from_ref(&lock));
    let refused = world.ask(&open, paint("carol", "a"));
    let Err(EditError::Locked(held)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(*held, lock);
    let taken = block_on(world.library.acquire_lock(
        id,
        author("carol"),
        LockTarget::Document,
        10_000,
    ));
    assert!(matches!(taken, Err(LockError::Held(_))), "{taken:?}");
    world.ask(&open, paint("carol", "b")).unwrap();
    world
        .ask(&open, under(lock.fence, paint("bob", "a")))
        .unwrap();
    block_on(world.library.release_lock(id, &author("bob"), lock.id)).unwrap();
    assert_eq!(*reader.try_next().unwrap().locks.unwrap(), []);
    world.ask(&open, paint("carol", "a")).unwrap();
}

#[test]
fn a_holder_who_was_away_too_long_finds_the_write_refused() {
    let (mut world, id) = board();
    let open = world.open(id);
    let lock = block_on(
        world
            .library
            .acquire_lock(id, author("bob"), LockTarget::Document, 1_000),
    )
    .unwrap();
    world.clock.advance(Duration::from_millis(1_000));
    let theirs = block_on(world.library.acquire_lock(
        id,
        author("carol"),
        LockTarget::Document,
        1_000,
    ))
    .unwrap();
    world
        .ask(&open, under(theirs.fence, paint("carol", "a")))
        .unwrap();
    let late = world.ask(&open, under(lock.fence, paint("bob", "a")));
    assert!(
        matches!(late, Err(EditError::Fenced(fence)) if fence == lock.fence),
        "{late:?}"
    );
    let renewed = block_on(world.library.renew_lock(id, &author("bob"), lock.id, 1_000));
    assert!(matches!(renewed, Err(LockError::Lost(_))), "{renewed:?}");
}

#[test]
fn one_refused_edit_does_not_take_those_beside_it_along() {
    let (mut world, id) = board();
    let open = world.open(id);
    let target = LockTarget::Object(object("a"));
    block_on(
        world
            .library
            .acquire_lock(id, author("bob"), target, 10_000),
    )
    .unwrap();
    let asked = [paint("carol", "b"), paint("carol", "a"), paint("dave", "b")];
    let answers = world.run(async {
        let mut receipts = Vec::new();
        for asked in asked {
            receipts.push(open.submit(asked, None).await.unwrap());
        }
        futures::future::join_all(receipts.into_iter().map(|receipt| receipt.answer())).await
    });
    let taken: Vec<_> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(taken, [true, false, true]);
    let versions: Vec<_> = answers
        .into_iter()
        .flatten()
        .map(|accepted| accepted.version.0)
        .collect();
    assert_eq!(versions, [4, 5]);
}

#[test]
fn whoever_may_not_edit_may_not_lock_and_the_owner_may_end_any_lock() {
    let (mut world, id) = board();
    let lock = |who: &str, lease| {
        block_on(
            world
                .library
                .acquire_lock(id, author(who), LockTarget::Document, lease),
        )
    };
    let bobs = lock("bob", 10_000).unwrap();
    for lease in [0, u64::MAX] {
        let refused = lock("bob", lease);
        assert!(
            matches!(refused, Err(LockError::Refused(EditError::Invalid { .. }))),
            "{refused:?}"
        );
    }
    let by_carol = block_on(world.library.release_lock(id, &author("carol"), bobs.id));
    assert!(matches!(by_carol, Err(LockError::Held(_))), "{by_carol:?}");
    block_on(world.library.release_lock(id, &author("alice"), bobs.id)).unwrap();
    let private = world.create();
    let stranger = block_on(world.library.acquire_lock(
        private,
        author("bob"),
        LockTarget::Document,
        1_000,
    ));
    assert!(matches!(stranger, Err(LockError::Open(_))), "{stranger:?}");
}

#[test]
fn many_refused_edits_do_not_take_those_behind_them_along() {
    let (mut world, id) = board();
    let open = world.open(id);
    let target = LockTarget::Object(object("a"));
    block_on(
        world
            .library
            .acquire_lock(id, author("bob"), target, 10_000),
    )
    .unwrap();
    let answers = world.run(async {
        let mut receipts = Vec::new();
        for _ in 0..100 {
            receipts.push(open.submit(paint("carol", "a"), None).await.unwrap());
        }
        receipts.push(open.submit(paint("dave", "b"), None).await.unwrap());
        futures::future::join_all(receipts.into_iter().map(|receipt| receipt.answer())).await
    });
    let (last, others) = answers.split_last().unwrap();
    assert!(last.is_ok(), "{last:?}");
    for refused in others {
        assert!(matches!(refused, Err(EditError::Locked(_))), "{refused:?}");
    }
}
