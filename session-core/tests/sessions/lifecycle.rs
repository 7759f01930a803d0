//! States, connections, heartbeats, metadata.

use futures::executor::block_on;
use session_core::{
    AccessError, CloseReason, EventKind, InvalidField, Limits, OpenRequest, SessionError,
    SessionState, Stats,
};

use crate::world::{World, connection, connection_id, metadata, user_id};

#[test]
fn opened_session_is_connecting_until_its_client_is_heard() {
    let world = World::new();
    let (session, token) = world.open("alice");
    assert_eq!(session.state, SessionState::Connecting);
    assert_eq!(session.user_name, "alice");
    let loaded = block_on(world.sessions.load(session.session_id)).unwrap();
    assert_eq!(loaded, session);
    let heard = block_on(world.sessions.authenticate(&token)).unwrap();
    assert_eq!(heard.state, SessionState::Active);
    assert_eq!(heard.revision, session.revision.next());
}

#[test]
fn session_opened_through_a_connection_is_active_at_once() {
    let mut world = World::new();
    let mut request = OpenRequest::new(user_id("alice"));
    request.connection = Some(connection(1));
    request.user_name = "Alice".to_owned();
    let (session, _) = block_on(world.sessions.open(request)).unwrap();
    assert_eq!(session.state, SessionState::Active);
    assert_eq!(session.connection_id, Some(connection_id(1)));
    assert_eq!(world.heard(), [EventKind::Opened]);
}

#[test]
fn active_session_becomes_idle_by_silence_without_a_write() {
    let world = World::new();
    let (session, token) = world.open("alice");
    let active = block_on(world.sessions.authenticate(&token)).unwrap();
    world.advance_s(119);
    let state = |session_id| block_on(world.sessions.load(session_id)).unwrap().state;
    assert_eq!(state(session.session_id), SessionState::Active);
    world.advance_s(1);
    assert_eq!(state(session.session_id), SessionState::Idle);
    assert_eq!(world.record(session.session_id).session, active);
    block_on(world.sessions.touch(session.session_id, Stats::default())).unwrap();
    assert_eq!(state(session.session_id), SessionState::Active);
}

#[test]
fn heartbeat_within_the_touch_interval_writes_nothing() {
    let world = World::new();
    let (session, token) = world.open("alice");
    let active = block_on(world.sessions.authenticate(&token)).unwrap();
    world.advance_s(9);
    block_on(world.sessions.touch(session.session_id, Stats::default())).unwrap();
    block_on(world.sessions.authenticate(&token)).unwrap();
    assert_eq!(world.record(session.session_id).session, active);
    world.advance_s(1);
    let extended = block_on(world.sessions.authenticate(&token)).unwrap();
    assert_eq!(extended.revision, active.revision.next());
    assert_eq!(extended.expires_at.since(active.expires_at).as_secs(), 10);
}

#[test]
fn reports_are_added_up_and_the_round_trip_time_is_the_latest() {
    let world = World::new();
    let (session, _) = world.open("alice");
    let report = Stats {
        packets_sent: 1,
        packets_received: 2,
        bytes_sent: 3,
        bytes_received: 4,
        retransmissions: u64::MAX - 1,
        current_rtt_ms: 40,
    };
    for current_rtt_ms in [40, 55, 0] {
        let report = Stats {
            current_rtt_ms,
            ..report
        };
        block_on(world.sessions.touch(session.session_id, report)).unwrap();
    }
    let expected = Stats {
        packets_sent: 3,
        packets_received: 6,
        bytes_sent: 9,
        bytes_received: 12,
        retransmissions: u64::MAX,
        current_rtt_ms: 55,
    };
    assert_eq!(world.record(session.session_id).session.stats, expected);
}

#[test]
fn new_connection_replaces_the_old_one_and_says_so() {
    let mut world = World::new();
    let session_id = world.open("alice").0.session_id;
    block_on(world.sessions.attach(session_id, connection(1))).unwrap();
    let moved = block_on(world.sessions.attach(session_id, connection(2))).unwrap();
    assert_eq!(moved.connection_id, Some(connection_id(2)));
    assert_eq!(
        world.heard(),
        [
            EventKind::Opened,
            EventKind::Attached { replaced: None },
            EventKind::Attached {
                replaced: Some(connection_id(1))
            },
        ]
    );
}

#[test]
fn same_connection_again_is_only_activity() {
    let mut world = World::new();
    let session_id = world.open("alice").0.session_id;
    let first = block_on(world.sessions.attach(session_id, connection(1))).unwrap();
    let again = block_on(world.sessions.attach(session_id, connection(1))).unwrap();
    assert_eq!(again, first);
    let mut elsewhere = connection(1);
    elsewhere.client_port = Some(4433);
    let moved = block_on(world.sessions.attach(session_id, elsewhere)).unwrap();
    assert_eq!(moved.client_port, Some(4433));
    assert_eq!(
        world.heard()[1..],
        [EventKind::Attached { replaced: None }; 2]
    );
}

#[test]
fn lost_connection_leaves_the_session_idle_until_another_comes() {
    let mut world = World::new();
    let session_id = world.open("alice").0.session_id;
    block_on(world.sessions.attach(session_id, connection(1))).unwrap();
    let detached = block_on(world.sessions.detach(session_id, connection_id(1))).unwrap();
    assert_eq!(
        (detached.state, detached.connection_id),
        (SessionState::Idle, None)
    );
    let back = block_on(world.sessions.attach(session_id, connection(2))).unwrap();
    assert_eq!(back.state, SessionState::Active);
    assert!(world.heard().contains(&EventKind::Detached {
        connection_id: connection_id(1)
    }));
}

#[test]
fn late_news_of_an_old_connection_is_ignored() {
    let mut world = World::new();
    let session_id = world.open("alice").0.session_id;
    block_on(world.sessions.attach(session_id, connection(1))).unwrap();
    let moved = block_on(world.sessions.attach(session_id, connection(2))).unwrap();
    let late = block_on(world.sessions.detach(session_id, connection_id(1))).unwrap();
    assert_eq!(late, moved);
    assert_eq!(world.heard().len(), 3);
}

#[test]
fn disconnecting_session_lets_nothing_new_in_and_keeps_its_deadline() {
    let mut world = World::new();
    let (session, token) = world.open("alice");
    let session_id = session.session_id;
    let ending = block_on(world.sessions.disconnect(session_id)).unwrap();
    assert_eq!(ending.state, SessionState::Disconnecting);
    assert_eq!(ending.expires_at.since(session.created_at).as_secs(), 10);
    let shown = block_on(world.sessions.authenticate(&token));
    assert!(matches!(shown, Err(AccessError::Disconnecting)));
    assert!(matches!(
        block_on(world.sessions.rotate(&token)),
        Err(AccessError::Disconnecting)
    ));
    let attached = block_on(world.sessions.attach(session_id, connection(1)));
    assert!(matches!(attached, Err(SessionError::Disconnecting)));

    world.advance_s(5);
    let report = Stats {
        bytes_sent: 9,
        ..Stats::default()
    };
    let touched = block_on(world.sessions.touch(session_id, report)).unwrap();
    assert_eq!(
        (touched.expires_at, touched.stats.bytes_sent),
        (ending.expires_at, 9)
    );
    block_on(world.sessions.disconnect(session_id)).unwrap();
    assert_eq!(world.heard(), [EventKind::Opened, EventKind::Disconnecting]);

    world.advance_s(5);
    block_on(world.sessions.sweep()).unwrap();
    let reason = CloseReason::Disconnected;
    assert_eq!(world.heard(), [EventKind::Closed { reason }]);
}

#[test]
fn metadata_are_set_and_removed_by_key() {
    let world = World::new();
    let (session, _) = world.open("alice");
    let session_id = session.session_id;
    let set = metadata(&[("device", Some("tablet")), ("theme", Some("dark"))]);
    block_on(world.sessions.describe(session_id, set)).unwrap();
    let change = metadata(&[("theme", None), ("colour", Some("teal")), ("absent", None)]);
    let changed = block_on(world.sessions.describe(session_id, change.clone())).unwrap();
    let entries: Vec<(&str, &str)> = changed
        .metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(entries, [("colour", "teal"), ("device", "tablet")]);
    assert_eq!(changed.last_active_at, session.last_active_at);
    let again = block_on(world.sessions.describe(session_id, change)).unwrap();
    assert_eq!(
        again.revision, changed.revision,
        "nothing changed, nothing was written"
    );
}

#[test]
fn metadata_beyond_a_limit_change_nothing() {
    let limits = Limits {
        metadata_entries_max: 2,
        ..Limits::default()
    };
    let world = World::with_limits(limits);
    let session_id = world.open("alice").0.session_id;
    let two = metadata(&[("a", Some("1")), ("b", Some("2"))]);
    block_on(world.sessions.describe(session_id, two)).unwrap();
    let before = world.record(session_id);
    let third = metadata(&[("a", Some("9")), ("c", Some("3"))]);
    let refused = block_on(world.sessions.describe(session_id, third));
    let invalid = InvalidField::TooManyMetadata { entries_max: 2 };
    assert!(matches!(refused, Err(SessionError::Invalid(found)) if found == invalid));
    assert_eq!(world.record(session_id), before);
    let swapped = metadata(&[("a", None), ("c", Some("3"))]);
    block_on(world.sessions.describe(session_id, swapped)).unwrap();
}
