//! Random sequences of everything that can be asked, against a model that is too simple to be
//! wrong.

use std::num::NonZeroU32;
use std::time::Duration;

use futures::executor::block_on;
use guuid::SeededEntropy;
use proptest::prelude::*;
use session_core::{
    AccessError, CloseReason, EventKind, Limits, Notice, OpenError, OpenRequest, SessionError,
    SessionId, SessionState, Stats, Token, WhenFull,
};

use self::known::{
    ABSOLUTE_MS, DISCONNECT_MS, GRACE_MS, IDLE_MS, Known, SESSIONS_MAX, SLIDING_MS, TOUCH_MS,
};
use self::step::{Step, USERS, steps};
use crate::world::{World, connection, connection_id, user_id};

mod known;
mod step;

struct Model {
    world: World,
    when_full: WhenFull,
    now_ms: u64,
    known: Vec<Known>,
    closed: Vec<(SessionId, CloseReason)>,
}

/// How a shown token fares.
enum Shown {
    Admitted,
    Unknown,
    Expired,
    Disconnecting,
    Reused,
}

impl Model {
    fn new(when_full: WhenFull) -> Self {
        let ms = Duration::from_millis;
        let world = World::with_limits(Limits {
            sliding_timeout: ms(SLIDING_MS),
            absolute_timeout: ms(ABSOLUTE_MS),
            idle_after: ms(IDLE_MS),
            touch_interval: ms(TOUCH_MS),
            disconnect_grace: ms(DISCONNECT_MS),
            rotation_grace: ms(GRACE_MS),
            sessions_per_user_max: NonZeroU32::new(SESSIONS_MAX as u32).unwrap(),
            when_full,
            page_max: 2,
            sweep_batch_max: 2,
            ..Limits::default()
        });
        Self {
            world,
            when_full,
            now_ms: 0,
            known: Vec::new(),
            closed: Vec::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Open { user } => self.open(user),
            Step::Authenticate { session, age } => self.authenticate(session, age),
            Step::Rotate { session, age } => self.rotate(session, age),
            Step::Guess { session } => self.guess(session),
            Step::Touch { session, packets } => self.touch(session, packets),
            Step::Attach {
                session,
                connection,
            } => self.attach(session, connection),
            Step::Detach {
                session,
                connection,
            } => self.detach(session, connection),
            Step::Disconnect { session } => self.disconnect(session),
            Step::Revoke { session } => self.revoke(session),
            Step::RevokeUser { user } => self.revoke_user(user),
            Step::Sweep => self.sweep(),
            Step::Advance { ms } => {
                self.world.clock.advance(Duration::from_millis(ms));
                self.now_ms += ms;
            }
        }
    }

    /// The session that a step means, if any was opened yet.
    fn index(&self, session: usize) -> Option<usize> {
        self.known.len().checked_sub(1 + session)
    }

    fn live_of(&self, user: usize) -> Vec<usize> {
        let now_ms = self.now_ms;
        let known = self.known.iter().enumerate();
        known
            .filter(|(_, known)| known.user == user && known.live(now_ms))
            .map(|(index, _)| index)
            .collect()
    }

    fn end(&mut self, index: usize, reason: CloseReason) {
        self.known[index].ended = true;
        self.closed.push((self.known[index].session_id, reason));
    }

    fn open(&mut self, user: usize) {
        let request = OpenRequest::new(user_id(USERS[user]));
        let opened = block_on(self.world.sessions.open(request));
        let live = self.live_of(user);
        if live.len() == SESSIONS_MAX {
            if self.when_full == WhenFull::Reject {
                assert!(matches!(opened, Err(OpenError::Full { live: 3 })));
                return;
            }
            self.end(live[0], CloseReason::Evicted);
        }
        let (session, token) = opened.unwrap();
        self.known.push(Known {
            session_id: session.session_id,
            user,
            tokens: vec![token],
            rotated_ms: 0,
            created_ms: self.now_ms,
            active_ms: self.now_ms,
            expires_ms: self.now_ms + SLIDING_MS,
            state: SessionState::Connecting,
            connection: None,
            packets: 0,
            ended: false,
        });
    }

    /// The token that a step means, and how it should fare.
    fn shown(&mut self, index: usize, age: usize) -> (Token, Shown) {
        let now_ms = self.now_ms;
        let known = &self.known[index];
        let age = age.min(known.tokens.len() - 1);
        let token = known.tokens[known.tokens.len() - 1 - age].clone();
        let in_grace = age == 0 || (age == 1 && now_ms - known.rotated_ms < GRACE_MS);
        let shown = match () {
            () if known.ended => Shown::Unknown,
            () if !known.live(now_ms) => Shown::Expired,
            () if !in_grace => Shown::Reused,
            () if known.is_disconnecting() => Shown::Disconnecting,
            () => Shown::Admitted,
        };
        if matches!(shown, Shown::Reused) {
            self.end(index, CloseReason::TokenReused);
        }
        (token, shown)
    }

    fn authenticate(&mut self, session: usize, age: usize) {
        let Some(index) = self.index(session) else {
            return;
        };
        let (token, shown) = self.shown(index, age);
        let answer = block_on(self.world.sessions.authenticate(&token));
        if check(shown, answer.as_ref()) {
            self.known[index].act_if_due(self.now_ms);
        }
    }

    fn rotate(&mut self, session: usize, age: usize) {
        let Some(index) = self.index(session) else {
            return;
        };
        let (token, shown) = self.shown(index, age);
        let answer = block_on(self.world.sessions.rotate(&token));
        if !check(shown, answer.as_ref()) {
            return;
        }
        let (_, new_token) = answer.unwrap();
        let known = &mut self.known[index];
        let newest = known.tokens[known.tokens.len() - 1].expose();
        if token.expose() == newest {
            known.rotated_ms = self.now_ms;
            known.tokens.push(new_token);
            known.act(self.now_ms);
        } else {
            assert_eq!(
                new_token.expose(),
                newest,
                "a repeated answer is the same answer"
            );
        }
    }

    fn guess(&mut self, session: usize) {
        let Some(index) = self.index(session) else {
            return;
        };
        let token = Token::mint(self.known[index].session_id, &SeededEntropy::new(77));
        let answer = block_on(self.world.sessions.authenticate(&token));
        assert!(matches!(answer, Err(AccessError::Unknown)));
    }

    fn touch(&mut self, session: usize, packets: u64) {
        let Some(index) = self.index(session) else {
            return;
        };
        let (now_ms, known) = (self.now_ms, &mut self.known[index]);
        let report = Stats {
            packets_sent: packets,
            ..Stats::default()
        };
        let answer = block_on(self.world.sessions.touch(known.session_id, report));
        if !known.live(now_ms) {
            assert!(matches!(answer, Err(SessionError::NotFound)));
            return;
        }
        answer.unwrap();
        known.packets += packets;
        if packets > 0 {
            known.act(now_ms)
        } else {
            known.act_if_due(now_ms)
        }
    }

    fn attach(&mut self, session: usize, number: u64) {
        let Some(index) = self.index(session) else {
            return;
        };
        let (now_ms, known) = (self.now_ms, &mut self.known[index]);
        let answer = block_on(
            self.world
                .sessions
                .attach(known.session_id, connection(number)),
        );
        if !known.live(now_ms) {
            assert!(matches!(answer, Err(SessionError::NotFound)));
        } else if known.is_disconnecting() {
            assert!(matches!(answer, Err(SessionError::Disconnecting)));
        } else if known.connection.replace(number) == Some(number) {
            known.act_if_due(now_ms);
        } else {
            known.act(now_ms);
        }
    }

    fn detach(&mut self, session: usize, number: u64) {
        let Some(index) = self.index(session) else {
            return;
        };
        let (now_ms, known) = (self.now_ms, &mut self.known[index]);
        let gone = connection_id(number);
        let answer = block_on(self.world.sessions.detach(known.session_id, gone));
        assert_eq!(answer.is_ok(), known.live(now_ms));
        if answer.is_ok() && known.connection == Some(number) {
            known.connection = None;
            if known.state == SessionState::Active {
                known.state = SessionState::Idle;
            }
        }
    }

    fn disconnect(&mut self, session: usize) {
        let Some(index) = self.index(session) else {
            return;
        };
        let (now_ms, known) = (self.now_ms, &mut self.known[index]);
        let answer = block_on(self.world.sessions.disconnect(known.session_id));
        assert_eq!(answer.is_ok(), known.live(now_ms));
        if answer.is_ok() && !known.is_disconnecting() {
            known.state = SessionState::Disconnecting;
            known.expires_ms = known.expires_ms.min(now_ms + DISCONNECT_MS);
        }
    }

    fn revoke(&mut self, session: usize) {
        let Some(index) = self.index(session) else {
            return;
        };
        let session_id = self.known[index].session_id;
        let answer = block_on(
            self.world
                .sessions
                .revoke(session_id, CloseReason::LoggedOut),
        );
        // Until it is swept, an expired session can still be revoked.
        assert_eq!(answer.is_ok(), !self.known[index].ended);
        if answer.is_ok() {
            self.end(index, CloseReason::LoggedOut);
        }
    }

    fn revoke_user(&mut self, user: usize) {
        let revoked = block_on(self.world.sessions.revoke_user(&user_id(USERS[user]), None));
        let of_user = (0..self.known.len())
            .filter(|index| self.known[*index].user == user && !self.known[*index].ended);
        let of_user: Vec<usize> = of_user.collect();
        assert_eq!(revoked.unwrap(), of_user.len());
        for index in of_user {
            self.end(index, CloseReason::Revoked);
        }
    }

    fn sweep(&mut self) {
        while block_on(self.world.sessions.sweep()).unwrap().more {}
        for index in 0..self.known.len() {
            let known = &self.known[index];
            if !known.ended && !known.live(self.now_ms) {
                let disconnected = known.is_disconnecting();
                let reason = if disconnected {
                    CloseReason::Disconnected
                } else {
                    CloseReason::Expired
                };
                self.end(index, reason);
            }
        }
    }

    /// Compares everything that can be seen.
    fn compare(&mut self) {
        let now_ms = self.now_ms;
        for known in &self.known {
            let loaded = block_on(self.world.sessions.load(known.session_id));
            let Ok(session) = loaded else {
                assert!(!known.live(now_ms), "a live session is missing");
                continue;
            };
            assert!(known.live(now_ms), "an ended session is there");
            let age = |at: session_core::Timestamp| {
                u64::try_from(at.since(session.created_at).as_millis()).unwrap()
            };
            assert_eq!(age(session.expires_at), known.expires_ms - known.created_ms);
            assert_eq!(
                age(session.last_active_at),
                known.active_ms - known.created_ms
            );
            assert_eq!(session.state, known.shown_state(now_ms));
            assert_eq!(session.connection_id, known.connection.map(connection_id));
            assert_eq!(session.stats.packets_sent, known.packets);
        }
        for (user, name) in USERS.iter().enumerate() {
            let live = self.live_of(user);
            let ids: Vec<_> = live
                .iter()
                .map(|index| self.known[*index].session_id)
                .collect();
            assert_eq!(self.world.live(name), ids);
        }
        self.compare_announcements();
    }

    /// Every end is announced exactly once, with the right reason. The order within one step is
    /// free.
    fn compare_announcements(&mut self) {
        let mut heard = Vec::new();
        while let Some(Notice::Event(event)) = self.world.events.try_next() {
            if let EventKind::Closed { reason } = event.kind {
                heard.push((event.session_id, reason));
            }
        }
        heard.sort_unstable_by_key(|(session_id, _)| *session_id);
        self.closed
            .sort_unstable_by_key(|(session_id, _)| *session_id);
        assert_eq!(heard, self.closed);
        self.closed.clear();
    }
}

/// Compares an answer with what was foreseen; whether the holder was let in.
fn check<Value: std::fmt::Debug>(shown: Shown, answer: Result<&Value, &AccessError>) -> bool {
    match shown {
        Shown::Admitted => assert!(answer.is_ok(), "{answer:?}"),
        Shown::Unknown => assert!(matches!(answer, Err(AccessError::Unknown)), "{answer:?}"),
        Shown::Expired => assert!(matches!(answer, Err(AccessError::Expired)), "{answer:?}"),
        Shown::Disconnecting => {
            assert!(
                matches!(answer, Err(AccessError::Disconnecting)),
                "{answer:?}"
            );
        }
        Shown::Reused => assert!(matches!(answer, Err(AccessError::Reused)), "{answer:?}"),
    }
    answer.is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_lives_agree_with_the_model(
        reject in any::<bool>(),
        steps in prop::collection::vec(steps(), 1..80),
    ) {
        let when_full = if reject { WhenFull::Reject } else { WhenFull::EvictOldest };
        let mut model = Model::new(when_full);
        for step in steps {
            model.take(step);
            model.compare();
        }
    }
}
