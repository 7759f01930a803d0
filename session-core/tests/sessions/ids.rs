//! Names of sessions and users.

use guuid::Guuid;
use session_core::{ConnectionId, IdError, SessionId, USER_ID_BYTES_MAX, UserId};

use crate::world::{World, connection_id, user_id};

#[test]
fn sessions_of_one_user_share_a_placement_and_users_spread() {
    let world = World::new();
    let mut placements = std::collections::BTreeSet::new();
    for number in 0..100 {
        let user = format!("user {number}");
        let (first, second) = (world.open(&user).0, world.open(&user).0);
        assert_eq!(first.session_id.placement(), second.session_id.placement());
        assert_eq!(first.session_id.placement(), user_id(&user).placement());
        placements.insert(first.session_id.placement());
    }
    assert!(
        placements.len() > 95,
        "only {} places for 100 users",
        placements.len()
    );
}

#[test]
fn session_ids_are_distinct_valid_and_in_order() {
    let world = World::new();
    let mut last = None;
    for number in 0..1000 {
        let (session, _) = world.open(["alice", "bob"][number % 2]);
        let id = session.session_id;
        assert!(Some(id) > last);
        assert_eq!(id.to_string().parse::<SessionId>().unwrap(), id);
        assert_eq!(
            SessionId::from(Guuid::from_bytes(*id.as_bytes()).unwrap()),
            id
        );
        assert_eq!(id.guuid().to_string(), id.to_string());
        last = Some(id);
    }
}

#[test]
fn user_ids_are_bounded_and_free_of_control_characters() {
    let longest = "x".repeat(USER_ID_BYTES_MAX);
    assert_eq!(UserId::new(longest.clone()).unwrap().as_str(), longest);
    let too_long = UserId::new(longest + "x");
    assert_eq!(too_long.unwrap_err(), IdError::UserIdTooLong);
    assert_eq!(UserId::new("").unwrap_err(), IdError::EmptyUserId);
    for text in ["a\nb", "\0", "a\u{7f}", "\u{9b}31m"] {
        assert_eq!(UserId::new(text).unwrap_err(), IdError::ControlCharacter);
    }
    assert_eq!(
        " Zo\u{eb} ".parse::<UserId>().unwrap().to_string(),
        " Zo\u{eb} "
    );
}

#[test]
fn ids_understand_every_text_form_and_no_other_text() {
    let id = connection_id(5);
    let guuid = id.guuid();
    for text in [
        guuid.to_string(),
        guuid.simple().to_string(),
        guuid.sortable().to_string(),
    ] {
        assert_eq!(text.parse::<ConnectionId>().unwrap(), id);
    }
    assert_eq!(
        "nonsense".parse::<ConnectionId>().unwrap_err(),
        IdError::NotAnId
    );
    assert_eq!("".parse::<SessionId>().unwrap_err(), IdError::NotAnId);
    assert_eq!(id.as_bytes(), guuid.as_bytes());
}
