//! Ending sessions: one, or all of a user.

use futures::executor::block_on;
use session_core::{
    AccessError, CloseReason, EventKind, Filter, Limits, OpenRequest, Page, SessionError,
    SessionState, Stats,
};

use crate::world::{World, connection, connection_id, user_id};

#[test]
fn revoked_session_is_gone_at_once_and_for_good() {
    let mut world = World::new();
    let (session, token) = world.open("alice");
    let session_id = session.session_id;
    block_on(world.sessions.attach(session_id, connection(1))).unwrap();
    let ended = block_on(world.sessions.revoke(session_id, CloseReason::LoggedOut)).unwrap();
    assert_eq!(ended.state, SessionState::Closed);
    assert_eq!(ended.connection_id, Some(connection_id(1)));
    assert!(matches!(
        block_on(world.sessions.authenticate(&token)),
        Err(AccessError::Unknown)
    ));
    let refusals = [
        block_on(world.sessions.load(session_id)),
        block_on(world.sessions.touch(session_id, Stats::default())),
        block_on(world.sessions.disconnect(session_id)),
        block_on(world.sessions.revoke(session_id, CloseReason::Revoked)),
    ];
    for refusal in refusals {
        assert!(
            matches!(refusal, Err(SessionError::NotFound)),
            "{refusal:?}"
        );
    }
    let closed = EventKind::Closed {
        reason: CloseReason::LoggedOut,
    };
    assert_eq!(world.heard()[2..], [closed]);
}

#[test]
fn all_sessions_of_a_user_are_revoked_however_many_pages_they_fill() {
    let mut world = World::with_limits(Limits {
        page_max: 3,
        ..Limits::default()
    });
    for _ in 0..10 {
        world.open("alice");
        world.open("bob");
    }
    world.heard();
    let revoked = block_on(world.sessions.revoke_user(&user_id("alice"), None)).unwrap();
    assert_eq!(revoked, 10);
    assert!(world.live("alice").is_empty());
    assert_eq!(world.live("bob").len(), 10);
    let closed = EventKind::Closed {
        reason: CloseReason::Revoked,
    };
    assert_eq!(world.heard(), [closed; 10]);
    assert_eq!(
        block_on(world.sessions.revoke_user(&user_id("alice"), None)).unwrap(),
        0
    );
}

#[test]
fn user_can_log_out_everywhere_else() {
    let world = World::new();
    world.open("alice");
    let (here, token) = world.open("alice");
    world.open("alice");
    let user = user_id("alice");
    let revoked = block_on(world.sessions.revoke_user(&user, Some(here.session_id))).unwrap();
    assert_eq!(revoked, 2);
    assert_eq!(world.live("alice"), [here.session_id]);
    assert!(block_on(world.sessions.authenticate(&token)).is_ok());
}

#[test]
fn sessions_are_listed_by_connection() {
    let world = World::new();
    let mut request = OpenRequest::new(user_id("alice"));
    request.connection = Some(connection(7));
    let (session, _) = block_on(world.sessions.open(request)).unwrap();
    world.open("bob");
    let filter = Filter::Connection(connection_id(7));
    let page = block_on(world.sessions.list(&filter, Page::first(10))).unwrap();
    assert_eq!(page.sessions, [session]);
}

#[test]
fn page_limit_is_cut_to_what_is_allowed() {
    let world = World::with_limits(Limits {
        page_max: 2,
        ..Limits::default()
    });
    for _ in 0..5 {
        world.open("alice");
    }
    for (asked, given) in [(0, 1), (1, 1), (2, 2), (usize::MAX, 2)] {
        let page = block_on(world.sessions.list(&Filter::All, Page::first(asked))).unwrap();
        assert_eq!(page.sessions.len(), given);
        assert!(page.next.is_some());
    }
}
