//! Logging in, and how many sessions a user may have.

use std::num::NonZeroU32;

use futures::executor::block_on;
use session_core::{
    CloseReason, EventKind, InvalidField, Limits, OpenError, OpenRequest, SessionError, WhenFull,
};

use crate::world::{World, connection, user_id};

const EVICTED: EventKind = EventKind::Closed {
    reason: CloseReason::Evicted,
};

fn limited(sessions_max: u32, when_full: WhenFull) -> Limits {
    let sessions_per_user_max = NonZeroU32::new(sessions_max).unwrap();
    Limits {
        sessions_per_user_max,
        when_full,
        ..Limits::default()
    }
}

#[test]
fn login_beyond_the_limit_is_rejected_when_so_configured() {
    let mut world = World::with_limits(limited(2, WhenFull::Reject));
    let (first, _) = world.open("alice");
    world.open("alice");
    let refused = block_on(world.sessions.open(OpenRequest::new(user_id("alice"))));
    assert!(
        matches!(refused, Err(OpenError::Full { live: 2 })),
        "{refused:?}"
    );
    world.open("bob");
    block_on(
        world
            .sessions
            .revoke(first.session_id, CloseReason::LoggedOut),
    )
    .unwrap();
    world.open("alice");
    assert!(!world.heard().contains(&EVICTED));
}

#[test]
fn login_beyond_the_limit_ends_the_oldest_session_when_so_configured() {
    let mut world = World::with_limits(limited(2, WhenFull::EvictOldest));
    let (first, first_token) = world.open("alice");
    let (second, _) = world.open("alice");
    block_on(world.sessions.authenticate(&first_token)).unwrap();
    let (third, _) = world.open("alice");
    assert_eq!(world.live("alice"), [second.session_id, third.session_id]);
    let loaded = block_on(world.sessions.load(first.session_id));
    assert!(matches!(loaded, Err(SessionError::NotFound)));
    let opened = EventKind::Opened;
    assert_eq!(world.heard(), [opened, opened, EVICTED, opened]);
}

#[test]
fn expired_sessions_do_not_keep_a_user_out() {
    let world = World::with_limits(limited(1, WhenFull::Reject));
    world.open("alice");
    world.advance_s(24 * 3600);
    world.open("alice");
    assert_eq!(world.live("alice").len(), 1);
    assert_eq!(world.store.len(), 2, "the expired one waits for the sweep");
}

#[test]
fn fields_beyond_their_limits_are_refused_before_the_store_is_asked() {
    let world = World::with_limits(Limits {
        user_name_bytes_max: 8,
        server_addr_bytes_max: 8,
        metadata_key_bytes_max: 4,
        metadata_value_bytes_max: 6,
        metadata_bytes_max: 12,
        ..Limits::default()
    });
    let with = |key: &str, value: &str| {
        let mut request = OpenRequest::new(user_id("alice"));
        request.metadata.insert(key.to_owned(), value.to_owned());
        request
    };
    let mut named = OpenRequest::new(user_id("alice"));
    named.user_name = "123456789".to_owned();
    let mut connected = OpenRequest::new(user_id("alice"));
    let mut long_connection = connection(1);
    long_connection.server_addr = Some("123456789".to_owned());
    connected.connection = Some(long_connection);
    let mut large = with("key1", "123456");
    large.metadata.insert("k".to_owned(), "12".to_owned());
    let refusals = [
        (named, InvalidField::UserNameTooLong { bytes_max: 8 }),
        (connected, InvalidField::ServerAddrTooLong { bytes_max: 8 }),
        (
            with("", "value"),
            InvalidField::MetadataKey { bytes_max: 4 },
        ),
        (
            with("key12", "value"),
            InvalidField::MetadataKey { bytes_max: 4 },
        ),
        (
            with("key", "1234567"),
            InvalidField::MetadataValue { bytes_max: 6 },
        ),
        (large, InvalidField::MetadataTooLarge { bytes_max: 12 }),
    ];
    for (request, invalid) in refusals {
        let refused = block_on(world.sessions.open(request));
        assert!(matches!(refused, Err(OpenError::Invalid(found)) if found == invalid));
    }
    assert!(world.store.is_empty());
    assert!(block_on(world.sessions.open(with("key1", "123456"))).is_ok());
}
