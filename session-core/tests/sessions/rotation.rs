//! Replacing tokens: lost answers are repeated, stolen tokens end the session.

use std::time::Duration;

use futures::executor::block_on;
use guuid::SeededEntropy;
use session_core::{AccessError, CloseReason, EventKind, Limits, SessionState, Stats, Token};

use crate::world::World;

const REUSED: EventKind = EventKind::Closed {
    reason: CloseReason::TokenReused,
};

fn rotate(world: &World, token: &Token) -> Token {
    block_on(world.sessions.rotate(token)).unwrap().1
}

#[test]
fn rotated_token_works_and_is_another() {
    let mut world = World::new();
    let (session, first) = world.open("alice");
    let (rotated, second) = block_on(world.sessions.rotate(&first)).unwrap();
    assert_ne!(second.expose(), first.expose());
    assert_eq!(second.session_id(), session.session_id);
    assert_eq!(rotated.state, SessionState::Active);
    assert!(block_on(world.sessions.authenticate(&second)).is_ok());
    assert_eq!(world.heard(), [EventKind::Opened, EventKind::Rotated]);
}

#[test]
fn lost_answer_is_repeated_without_a_write() {
    let mut world = World::new();
    let (session, first) = world.open("alice");
    let second = rotate(&world, &first);
    let stored = world.record(session.session_id);
    for _ in 0..3 {
        world.advance_s(9);
        assert_eq!(rotate(&world, &first).expose(), second.expose());
    }
    assert_eq!(world.record(session.session_id), stored);
    assert_eq!(world.heard()[2..], [EventKind::RotationRepeated; 3]);
}

#[test]
fn previous_token_is_let_in_during_its_grace_period() {
    let world = World::new();
    let (_, first) = world.open("alice");
    let second = rotate(&world, &first);
    world.advance_s(29);
    assert!(block_on(world.sessions.authenticate(&first)).is_ok());
    assert!(block_on(world.sessions.authenticate(&second)).is_ok());
}

#[test]
fn previous_token_after_its_grace_period_ends_the_session_for_everybody() {
    let mut world = World::new();
    let (session, first) = world.open("alice");
    let second = rotate(&world, &first);
    world.advance_s(30);
    assert!(matches!(
        block_on(world.sessions.rotate(&first)),
        Err(AccessError::Reused)
    ));
    assert!(matches!(
        block_on(world.sessions.rotate(&second)),
        Err(AccessError::Unknown)
    ));
    assert!(block_on(world.sessions.load(session.session_id)).is_err());
    assert_eq!(world.heard().last(), Some(&REUSED));
}

#[test]
fn repeating_does_not_prolong_the_grace_period() {
    let world = World::new();
    let (_, first) = world.open("alice");
    rotate(&world, &first);
    world.advance_s(20);
    rotate(&world, &first);
    world.advance_s(10);
    assert!(matches!(
        block_on(world.sessions.rotate(&first)),
        Err(AccessError::Reused)
    ));
}

#[test]
fn token_before_the_previous_one_ends_the_session_at_once() {
    let mut world = World::new();
    let (_, first) = world.open("alice");
    let second = rotate(&world, &first);
    rotate(&world, &second);
    assert!(matches!(
        block_on(world.sessions.authenticate(&first)),
        Err(AccessError::Reused)
    ));
    assert_eq!(world.heard().last(), Some(&REUSED));
}

#[test]
fn token_of_any_age_is_recognised_as_stolen() {
    let world = World::new();
    let (_, first) = world.open("alice");
    let mut token = first.clone();
    for _ in 0..100 {
        token = rotate(&world, &token);
    }
    assert!(block_on(world.sessions.authenticate(&token)).is_ok());
    assert!(matches!(
        block_on(world.sessions.authenticate(&first)),
        Err(AccessError::Reused)
    ));
}

#[test]
fn guessed_token_is_refused_and_harms_nobody() {
    let mut world = World::new();
    let (session, token) = world.open("alice");
    let guess = Token::mint(session.session_id, &SeededEntropy::new(99));
    let before = world.record(session.session_id);
    for _ in 0..3 {
        let shown = block_on(world.sessions.authenticate(&guess));
        assert!(matches!(shown, Err(AccessError::Unknown)));
        assert!(matches!(
            block_on(world.sessions.rotate(&guess)),
            Err(AccessError::Unknown)
        ));
    }
    assert_eq!(world.record(session.session_id), before);
    assert!(block_on(world.sessions.authenticate(&token)).is_ok());
    assert_eq!(world.heard(), [EventKind::Opened]);
}

#[test]
fn token_of_another_session_opens_nothing() {
    let world = World::new();
    let (alice, _) = world.open("alice");
    let (_, token) = world.open("bob");
    let forged = {
        let entropy = SeededEntropy::new(5);
        Token::mint(alice.session_id, &entropy)
    };
    assert!(matches!(
        block_on(world.sessions.authenticate(&forged)),
        Err(AccessError::Unknown)
    ));
    assert_eq!(
        block_on(world.sessions.authenticate(&token))
            .unwrap()
            .user_id
            .as_str(),
        "bob"
    );
}

#[test]
fn reuse_is_noticed_while_the_session_is_disconnecting() {
    let mut world = World::new();
    let (session, first) = world.open("alice");
    let second = rotate(&world, &first);
    rotate(&world, &second);
    block_on(world.sessions.disconnect(session.session_id)).unwrap();
    assert!(matches!(
        block_on(world.sessions.authenticate(&first)),
        Err(AccessError::Reused)
    ));
    assert_eq!(world.heard().last(), Some(&REUSED));
}

#[test]
fn without_a_grace_period_the_first_repetition_ends_the_session() {
    let limits = Limits {
        rotation_grace: Duration::ZERO,
        ..Limits::default()
    };
    let world = World::with_limits(limits);
    let (_, first) = world.open("alice");
    rotate(&world, &first);
    assert!(matches!(
        block_on(world.sessions.rotate(&first)),
        Err(AccessError::Reused)
    ));
}

#[test]
fn what_repeats_an_answer_is_forgotten_by_the_first_change_after_the_grace_period() {
    let world = World::new();
    let (session, first) = world.open("alice");
    rotate(&world, &first);
    world.advance_s(29);
    block_on(world.sessions.touch(session.session_id, Stats::default())).unwrap();
    assert!(
        world
            .record(session.session_id)
            .credential
            .previous
            .is_some()
    );
    world.advance_s(11);
    block_on(world.sessions.touch(session.session_id, Stats::default())).unwrap();
    assert!(
        world
            .record(session.session_id)
            .credential
            .previous
            .is_none()
    );
    assert!(matches!(
        block_on(world.sessions.rotate(&first)),
        Err(AccessError::Reused)
    ));
}
