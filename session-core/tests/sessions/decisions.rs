//! `decide` has an answer for everything, and its answers keep what must never change.

use std::time::Duration;

use guuid::{Guuid, SeededEntropy, Tick};
use proptest::prelude::*;
use session_core::{
    Command, Decision, Limits, Metadata, Nonce, PreviousToken, Record, Revision, Session,
    SessionId, SessionState, Stats, Timestamp, Token, decide,
};

use crate::world::{connection, connection_id, metadata, user_id};

const CREATED_MS: u64 = 1_800_000_000_000;

/// The session's first three tokens, and one that is none of them.
fn tokens(session_id: SessionId) -> [Token; 4] {
    let first = Token::mint(session_id, &SeededEntropy::new(1));
    let second = first.successor(&Nonce::from_bytes([1; 32]));
    let third = second.successor(&Nonce::from_bytes([2; 32]));
    [
        first,
        second,
        third,
        Token::mint(session_id, &SeededEntropy::new(2)),
    ]
}

fn session_id() -> SessionId {
    let tick = Tick::from_unix_time(Duration::from_millis(CREATED_MS));
    SessionId::mint(&user_id("alice"), Guuid::from_tick(tick, 1))
}

fn states() -> impl Strategy<Value = SessionState> {
    prop::sample::select(vec![
        SessionState::Connecting,
        SessionState::Active,
        SessionState::Idle,
        SessionState::Disconnecting,
        SessionState::Closed,
    ])
}

prop_compose! {
    fn records()(
        state in states(),
        attached in prop::option::of(0_u64..3),
        active_ms in 0_u64..1_000_000,
        lives_ms in 0_u64..3_000_000_000,
        rotated_ms in prop::option::of(0_u64..1_000_000),
        revision in prop_oneof![1_u64..5, Just(u64::MAX)],
    ) -> Record {
        let created_at = Timestamp::from_unix_ms(CREATED_MS);
        let [_, previous, current, _] = tokens(session_id());
        let mut credential = current.credential();
        credential.previous = rotated_ms.map(|rotated_ms| PreviousToken {
            hash: previous.hash(),
            nonce: Nonce::from_bytes([2; 32]),
            rotated_at: created_at.plus(Duration::from_millis(rotated_ms)),
        });
        let session = Session {
            session_id: session_id(),
            user_id: user_id("alice"),
            user_name: "Alice".to_owned(),
            connection_id: attached.map(connection_id),
            client_ip: None,
            client_port: None,
            server_addr: None,
            state,
            created_at,
            last_active_at: created_at.plus(Duration::from_millis(active_ms)),
            expires_at: created_at.plus(Duration::from_millis(lives_ms)),
            metadata: Metadata::new(),
            stats: Stats::default(),
            revision: Revision::new(revision),
        };
        Record { session, credential }
    }
}

fn commands() -> impl Strategy<Value = Command> {
    let token = || (0_usize..4).prop_map(|number| tokens(session_id())[number].clone());
    let nonce = Nonce::from_bytes([3; 32]);
    prop_oneof![
        token().prop_map(|token| Command::Present { token }),
        token().prop_map(move |token| Command::Rotate { token, nonce }),
        (0_u64..2).prop_map(|packets_sent| Command::Touch {
            report: Stats {
                packets_sent,
                ..Stats::default()
            }
        }),
        (0_u64..3).prop_map(|number| Command::Attach {
            connection: connection(number)
        }),
        (0_u64..3).prop_map(|number| Command::Detach {
            connection_id: connection_id(number)
        }),
        (0_usize..2000).prop_map(|length| Command::Describe {
            metadata: metadata(&[("key", Some(&"x".repeat(length)))])
        }),
        Just(Command::Disconnect),
        Just(Command::Expire),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_answer_keeps_what_must_not_change(
        record in records(),
        command in commands(),
        now in prop_oneof![0..10_u64, CREATED_MS..CREATED_MS + 4_000_000_000, Just(u64::MAX)],
    ) {
        let limits = Limits::default();
        let now = Timestamp::from_unix_ms(now);
        let expired = record.session.is_expired(now);
        let next = match decide(&record, &command, now, &limits) {
            Decision::Replace { record, .. } => record,
            Decision::Rotate { record: next, token } => {
                prop_assert_eq!(next.credential.current, token.hash());
                prop_assert_eq!(next.credential.lineage, record.credential.lineage);
                next
            }
            Decision::Repeat { token } => {
                prop_assert_eq!(token.hash(), record.credential.current);
                return Ok(());
            }
            Decision::Keep | Decision::Remove { .. } | Decision::Refuse(_) => return Ok(()),
        };
        prop_assert!(!expired, "an expired session is never changed");
        let (old, new) = (&record.session, &next.session);
        prop_assert_eq!(new.session_id, old.session_id);
        prop_assert_eq!(&new.user_id, &old.user_id);
        prop_assert_eq!(new.created_at, old.created_at);
        prop_assert_eq!(new.revision, old.revision.next());
        prop_assert!(new.last_active_at >= old.last_active_at);
        let cap = old.created_at.plus(limits.absolute_timeout);
        prop_assert!(new.expires_at <= cap.max(old.expires_at));
        prop_assert!(new.state != SessionState::Closed || old.state == SessionState::Closed);
        if old.state == SessionState::Disconnecting {
            prop_assert_eq!(new.state, SessionState::Disconnecting);
            prop_assert_eq!(new.expires_at, old.expires_at);
        }
    }

    #[test]
    fn deciding_twice_gives_the_same_answer(record in records(), command in commands()) {
        let now = Timestamp::from_unix_ms(CREATED_MS + 500_000);
        let limits = Limits::default();
        let first = format!("{:?}", decide(&record, &command, now, &limits));
        prop_assert_eq!(format!("{:?}", decide(&record, &command, now, &limits)), first);
    }

    #[test]
    fn only_the_sessions_own_tokens_end_it(record in records(), now in 0_u64..3_000_000_000) {
        let [.., foreign] = tokens(session_id());
        let now = Timestamp::from_unix_ms(CREATED_MS + now);
        let command = Command::Present { token: foreign };
        let decision = decide(&record, &command, now, &Limits::default());
        prop_assert!(matches!(decision, Decision::Refuse(_)));
    }
}
