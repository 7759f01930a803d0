//! A store that fails: errors pass through, nothing is announced that did not happen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::executor::block_on;
use session_core::{
    AccessError, Admission, CloseReason, Created, EventKind, Filter, Limits, Listed, Manager,
    MemoryStore, Notice, OpenError, OpenRequest, Page, Record, Revision, SessionError, SessionId,
    SessionStore, Stats, StoreError, Timestamp,
};

use crate::world::{World, manager, user_id};

/// Fails the next writes: replacements with a conflict, removals and creations by being away.
struct Faulty {
    store: MemoryStore,
    failures: AtomicU32,
    attempts: AtomicU32,
    /// Somebody else extends every session just after it was found to be expired.
    extends: AtomicBool,
}

impl Faulty {
    fn fails(&self) -> bool {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let one_less = |failures: u32| failures.checked_sub(1);
        self.failures
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok()
    }
}

fn away() -> StoreError {
    StoreError::Unavailable("connection refused".into())
}

#[async_trait]
impl SessionStore for Faulty {
    async fn create(&self, record: &Record, admission: Admission) -> Result<Created, StoreError> {
        if self.fails() {
            Err(away())
        } else {
            self.store.create(record, admission).await
        }
    }

    async fn load(&self, session_id: SessionId) -> Result<Record, StoreError> {
        self.store.load(session_id).await
    }

    async fn replace_if(&self, record: &Record, expected: Revision) -> Result<(), StoreError> {
        if self.fails() {
            return Err(StoreError::Conflict {
                expected,
                actual: expected.next(),
            });
        }
        self.store.replace_if(record, expected).await
    }

    async fn remove(
        &self,
        session_id: SessionId,
        expected: Option<Revision>,
    ) -> Result<Record, StoreError> {
        if self.fails() {
            Err(away())
        } else {
            self.store.remove(session_id, expected).await
        }
    }

    async fn list(&self, filter: &Filter, page: Page) -> Result<Listed, StoreError> {
        self.store.list(filter, page).await
    }

    async fn expired(&self, before: Timestamp, limit: usize) -> Result<Vec<Record>, StoreError> {
        let found = self.store.expired(before, limit).await?;
        if self.extends.load(Ordering::Relaxed) {
            for record in &found {
                let mut next = record.clone();
                next.session.expires_at = before.plus(Duration::from_secs(60));
                next.session.revision = record.session.revision.next();
                self.store
                    .replace_if(&next, record.session.revision)
                    .await?;
            }
        }
        Ok(found)
    }
}

/// A world whose manager works on a store with `failures` ahead.
fn faulty(failures: u32) -> (World, Arc<Faulty>, Manager) {
    let world = World::new();
    let store = Arc::new(Faulty {
        store: world.store.clone(),
        failures: failures.into(),
        attempts: 0.into(),
        extends: false.into(),
    });
    let sessions = manager(store.clone(), &world.clock, 2, Limits::default());
    (world, store, sessions)
}

#[test]
fn change_is_decided_anew_until_nobody_is_in_the_way() {
    let (world, store, sessions) = faulty(31);
    let (session, token) = world.open("alice");
    let extended = block_on(sessions.authenticate(&token)).unwrap();
    assert_eq!(extended.revision, session.revision.next());
    assert_eq!(store.attempts.load(Ordering::Relaxed), 32);
}

#[test]
fn change_that_is_always_late_is_given_up() {
    let (world, store, sessions) = faulty(u32::MAX);
    let (session, token) = world.open("alice");
    let mut events = sessions.events();
    let touched = block_on(sessions.touch(session.session_id, Stats::default()));
    assert!(matches!(
        touched,
        Err(SessionError::Contended { attempts: 32 })
    ));
    assert_eq!(store.attempts.load(Ordering::Relaxed), 32);
    let rotated = block_on(sessions.rotate(&token));
    assert!(matches!(
        rotated,
        Err(AccessError::Contended { attempts: 32 })
    ));
    assert_eq!(events.try_next(), None);
    assert_eq!(world.record(session.session_id).session, session);
}

#[test]
fn store_that_is_away_is_reported_and_nothing_is_announced() {
    let (world, store, sessions) = faulty(2);
    let (session, _) = world.open("alice");
    let mut events = sessions.events();
    let opened = block_on(sessions.open(OpenRequest::new(user_id("alice"))));
    assert!(matches!(
        opened,
        Err(OpenError::Store(StoreError::Unavailable(_)))
    ));
    let revoked = block_on(sessions.revoke(session.session_id, CloseReason::Revoked));
    let Err(SessionError::Store(error)) = revoked else {
        panic!("{revoked:?}")
    };
    assert_eq!(error.to_string(), "the session store is unavailable");
    let source = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("connection refused"));
    assert_eq!(events.try_next(), None);
    assert_eq!(store.attempts.load(Ordering::Relaxed), 2);
    block_on(sessions.revoke(session.session_id, CloseReason::Revoked)).unwrap();
}

#[test]
fn revocation_of_a_user_can_be_repeated_after_a_failure() {
    let (world, _, sessions) = faulty(1);
    for _ in 0..3 {
        world.open("alice");
    }
    let interrupted = block_on(sessions.revoke_user(&user_id("alice"), None));
    assert!(matches!(interrupted, Err(StoreError::Unavailable(_))));
    assert_eq!(
        block_on(sessions.revoke_user(&user_id("alice"), None)).unwrap(),
        3
    );
}

#[test]
fn sweep_stops_at_a_failure_and_the_next_one_goes_on() {
    let (world, _, sessions) = faulty(1);
    for _ in 0..3 {
        world.open("alice");
    }
    world.advance_s(24 * 3600);
    let mut events = sessions.events();
    assert!(matches!(
        block_on(sessions.sweep()),
        Err(StoreError::Unavailable(_))
    ));
    assert_eq!(block_on(sessions.sweep()).unwrap().ended, 3);
    let closed = EventKind::Closed {
        reason: CloseReason::Expired,
    };
    let heard = std::iter::from_fn(|| events.try_next());
    assert!(heard.into_iter().all(|notice| match notice {
        Notice::Event(event) => event.kind == closed,
        Notice::Missed(_) => false,
    }));
}

#[test]
fn sweep_spares_what_somebody_extends_meanwhile() {
    let (world, store, sessions) = faulty(0);
    let (session, _) = world.open("alice");
    world.advance_s(24 * 3600);
    let mut events = sessions.events();
    store.extends.store(true, Ordering::Relaxed);
    assert_eq!(block_on(sessions.sweep()).unwrap().ended, 0);
    assert_eq!(events.try_next(), None);
    assert!(block_on(sessions.load(session.session_id)).is_ok());
}
