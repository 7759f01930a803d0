//! How long a session lives, and how it is swept.

use std::time::Duration;

use futures::executor::block_on;
use session_core::{
    AccessError, CloseReason, EventKind, Filter, Limits, Page, SessionError, Stats, Swept,
};

use crate::world::{World, connection, connection_id, metadata};

const HOUR_S: u64 = 3600;
const DAY_S: u64 = 24 * HOUR_S;

#[test]
fn activity_extends_a_session_but_never_past_its_greatest_age() {
    let world = World::new();
    let (session, token) = world.open("alice");
    let mut now_s = 0;
    while now_s + 23 * HOUR_S < 30 * DAY_S {
        world.advance_s(23 * HOUR_S);
        now_s += 23 * HOUR_S;
        let extended = block_on(world.sessions.authenticate(&token)).unwrap();
        let lives_s = extended.expires_at.since(session.created_at).as_secs();
        assert_eq!(lives_s, (now_s + DAY_S).min(30 * DAY_S));
    }
    world.advance_s(30 * DAY_S - now_s);
    let shown = block_on(world.sessions.authenticate(&token));
    assert!(matches!(shown, Err(AccessError::Expired)));
}

#[test]
fn session_lives_until_its_expiry_and_no_longer() {
    let world = World::new();
    let (session, token) = world.open("alice");
    world.clock.advance(Duration::from_millis(DAY_S * 1000 - 1));
    assert!(block_on(world.sessions.load(session.session_id)).is_ok());
    world.clock.advance(Duration::from_millis(1));
    let loaded = block_on(world.sessions.load(session.session_id));
    assert!(matches!(loaded, Err(SessionError::NotFound)));
    assert!(matches!(
        block_on(world.sessions.rotate(&token)),
        Err(AccessError::Expired)
    ));
}

#[test]
fn expired_session_is_refused_everywhere_before_it_is_swept() {
    let world = World::new();
    let (session, token) = world.open("alice");
    let session_id = session.session_id;
    block_on(world.sessions.attach(session_id, connection(1))).unwrap();
    world.advance_s(DAY_S);
    assert!(matches!(
        block_on(world.sessions.authenticate(&token)),
        Err(AccessError::Expired)
    ));
    let refusals = [
        block_on(world.sessions.load(session_id)),
        block_on(world.sessions.touch(session_id, Stats::default())),
        block_on(world.sessions.attach(session_id, connection(2))),
        block_on(world.sessions.detach(session_id, connection_id(1))),
        block_on(
            world
                .sessions
                .describe(session_id, metadata(&[("key", Some("value"))])),
        ),
        block_on(world.sessions.disconnect(session_id)),
    ];
    for refusal in refusals {
        assert!(
            matches!(refusal, Err(SessionError::NotFound)),
            "{refusal:?}"
        );
    }
    assert!(world.live("alice").is_empty());
    assert_eq!(world.store.len(), 1);
}

#[test]
fn sweep_ends_expired_sessions_in_bounded_batches() {
    let mut world = World::with_limits(Limits {
        sweep_batch_max: 4,
        ..Limits::default()
    });
    for number in 0..9 {
        world.open(["alice", "bob"][number % 2]);
    }
    world.advance_s(DAY_S);
    let (fresh, _) = world.open("carol");
    world.heard();
    let swept: Vec<Swept> = (0..3)
        .map(|_| block_on(world.sessions.sweep()).unwrap())
        .collect();
    let batch = |ended, more| Swept { ended, more };
    assert_eq!(swept, [batch(4, true), batch(4, true), batch(1, false)]);
    let closed = EventKind::Closed {
        reason: CloseReason::Expired,
    };
    assert_eq!(world.heard(), [closed; 9]);
    assert_eq!(world.store.len(), 1);
    assert_eq!(world.live("carol"), [fresh.session_id]);
}

#[test]
fn sweep_with_nothing_to_do_does_nothing() {
    let mut world = World::new();
    world.open("alice");
    assert_eq!(
        block_on(world.sessions.sweep()).unwrap(),
        Swept {
            ended: 0,
            more: false
        }
    );
    assert_eq!(world.heard(), [EventKind::Opened]);
}

#[test]
fn clock_that_steps_back_shortens_nothing() {
    let world = World::new();
    let (session, token) = world.open("alice");
    let active = block_on(world.sessions.authenticate(&token)).unwrap();
    world.clock.rewind(Duration::from_secs(HOUR_S));
    let report = Stats {
        packets_sent: 1,
        ..Stats::default()
    };
    let touched = block_on(world.sessions.touch(session.session_id, report)).unwrap();
    assert_eq!(touched.expires_at, active.expires_at);
    assert_eq!(touched.last_active_at, active.last_active_at);
    block_on(world.sessions.rotate(&token)).unwrap();
    let (second, _) = world.open("alice");
    assert!(second.session_id > session.session_id, "ids stay in order");
}

#[test]
fn expired_sessions_are_hidden_from_lists_without_hiding_the_next_page() {
    let world = World::new();
    for _ in 0..3 {
        world.open("alice");
    }
    world.advance_s(DAY_S);
    let (fresh, _) = world.open("alice");
    let first = block_on(world.sessions.list(&Filter::All, Page::first(2))).unwrap();
    assert!(first.sessions.is_empty());
    let rest = Page {
        after: first.next,
        limit: 2,
    };
    let second = block_on(world.sessions.list(&Filter::All, rest)).unwrap();
    assert_eq!(second.sessions, [fresh]);
    assert_eq!(second.next, None);
}
