//! What listeners hear.

use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use session_core::{CloseReason, EventKind, Limits, Notice};

use crate::world::{World, connection, connection_id};

#[test]
fn event_says_who_where_and_when() {
    let mut world = World::new();
    let (session, _) = world.open("alice");
    block_on(world.sessions.attach(session.session_id, connection(3))).unwrap();
    world.heard();
    world.advance_s(5);
    block_on(
        world
            .sessions
            .revoke(session.session_id, CloseReason::Revoked),
    )
    .unwrap();
    let Some(Notice::Event(event)) = world.events.try_next() else {
        panic!("nothing heard")
    };
    assert_eq!(event.session_id, session.session_id);
    assert_eq!(event.user_id, session.user_id);
    assert_eq!(event.connection_id, Some(connection_id(3)));
    assert_eq!(event.at.since(session.created_at).as_secs(), 5);
    assert_eq!(
        event.kind,
        EventKind::Closed {
            reason: CloseReason::Revoked
        }
    );
    assert_eq!(world.events.try_next(), None);
}

#[test]
fn every_listener_hears_everything_since_it_began() {
    let mut world = World::new();
    world.open("alice");
    let mut late = world.sessions.events();
    world.open("bob");
    assert_eq!(world.heard().len(), 2);
    let Some(Notice::Event(event)) = late.try_next() else {
        panic!("nothing heard")
    };
    assert_eq!(event.user_id.as_str(), "bob");
    assert_eq!(late.try_next(), None);
}

#[test]
fn slow_listener_loses_the_oldest_and_is_told_how_many() {
    let mut world = World::with_limits(Limits {
        events_max: 4,
        ..Limits::default()
    });
    for number in 0..10 {
        world.open(&format!("user {number}"));
    }
    assert_eq!(world.events.try_next(), Some(Notice::Missed(6)));
    let rest: Vec<String> = std::iter::from_fn(|| world.events.try_next())
        .map(|notice| match notice {
            Notice::Event(event) => event.user_id.to_string(),
            Notice::Missed(_) => panic!("told twice"),
        })
        .collect();
    assert_eq!(rest, ["user 6", "user 7", "user 8", "user 9"]);
}

#[test]
fn announcing_without_listeners_keeps_nothing() {
    let World {
        sessions, events, ..
    } = World::with_limits(Limits {
        events_max: 1,
        ..Limits::default()
    });
    drop(events);
    let request = || session_core::OpenRequest::new(crate::world::user_id("alice"));
    for _ in 0..5 {
        block_on(sessions.open(request())).unwrap();
    }
    let mut events = sessions.events();
    assert_eq!(events.try_next(), None);
    block_on(sessions.open(request())).unwrap();
    assert!(matches!(events.try_next(), Some(Notice::Event(_))));
}

#[test]
fn waiting_listener_is_woken_and_hears_the_end() {
    let World {
        sessions,
        mut events,
        ..
    } = World::new();
    assert!(
        events.next().now_or_never().is_none(),
        "nothing has happened yet"
    );
    let listener = async {
        let mut heard = Vec::new();
        while let Some(Notice::Event(event)) = events.next().await {
            heard.push(event.kind);
        }
        heard
    };
    let work = async {
        let request = session_core::OpenRequest::new(crate::world::user_id("alice"));
        let (session, _) = sessions.open(request).await.unwrap();
        sessions
            .revoke(session.session_id, CloseReason::LoggedOut)
            .await
            .unwrap();
        drop(sessions);
    };
    let (heard, ()) = block_on(futures::future::join(listener, work));
    let closed = EventKind::Closed {
        reason: CloseReason::LoggedOut,
    };
    assert_eq!(heard, [EventKind::Opened, closed]);
}

#[test]
fn events_are_a_stream() {
    let World {
        sessions, events, ..
    } = World::with_limits(Limits {
        events_max: 2,
        ..Limits::default()
    });
    let request = || session_core::OpenRequest::new(crate::world::user_id("alice"));
    for _ in 0..3 {
        block_on(sessions.open(request())).unwrap();
    }
    drop(sessions);
    let heard: Vec<Notice> = block_on(events.collect());
    assert_eq!(heard[0], Notice::Missed(1));
    assert_eq!(heard.len(), 3);
}
