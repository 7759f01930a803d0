//! Real threads on one store, through several managers as if in several processes.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use futures::executor::block_on;
use session_core::{
    AccessError, CloseReason, EventKind, Events, Filter, Limits, Manager, Notice, OpenRequest,
    Page, Session, SessionError, SessionStore, Stats, Timestamp, Token,
};

use crate::world::{World, manager, user_id};

const THREADS: u64 = 8;
const ROUNDS: usize = 50;

fn patient() -> Limits {
    let sessions_per_user_max = NonZeroU32::new(5).unwrap();
    Limits {
        update_attempts_max: 100_000,
        sessions_per_user_max,
        ..Limits::default()
    }
}

/// One manager for each thread.
fn managers(world: &World) -> Vec<Manager> {
    let store = || Arc::new(world.store.clone()) as Arc<dyn SessionStore>;
    (0..THREADS)
        .map(|seed| manager(store(), &world.clock, 10 + seed, patient()))
        .collect()
}

/// Runs `work` on all managers at once and collects what it gives.
fn together<Output: Send>(
    managers: &[Manager],
    work: impl Fn(&Manager) -> Output + Sync,
) -> Vec<Output> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = managers
            .iter()
            .map(|manager| scope.spawn(move || work(manager)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn open(manager: &Manager) -> (Session, Token) {
    block_on(manager.open(OpenRequest::new(user_id("alice")))).unwrap()
}

fn closed_for(events: &mut Events, reason: CloseReason) -> usize {
    let closed = EventKind::Closed { reason };
    std::iter::from_fn(|| events.try_next())
        .filter(|notice| matches!(notice, Notice::Event(event) if event.kind == closed))
        .count()
}

#[test]
fn logins_on_all_sides_never_exceed_the_limit() {
    let world = World::with_limits(patient());
    let managers = managers(&world);
    let mut events: Vec<Events> = managers.iter().map(Manager::events).collect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let observer = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::Acquire) {
                most = most.max(world.live("alice").len());
            }
            most
        });
        together(&managers, |manager| {
            (0..ROUNDS).for_each(|_| drop(open(manager)))
        });
        done.store(true, Ordering::Release);
        assert!(observer.join().unwrap() <= 5);
    });
    assert_eq!(world.live("alice").len(), 5);
    let evicted: usize = events
        .iter_mut()
        .map(|events| closed_for(events, CloseReason::Evicted))
        .sum();
    assert_eq!(evicted, THREADS as usize * ROUNDS - 5);
}

#[test]
fn no_report_is_lost_between_heartbeats() {
    let world = World::with_limits(patient());
    let (session, _) = world.open("alice");
    let report = Stats {
        packets_sent: 1,
        bytes_sent: 10,
        ..Stats::default()
    };
    together(&managers(&world), |manager| {
        for _ in 0..ROUNDS {
            block_on(manager.touch(session.session_id, report)).unwrap();
        }
    });
    let stored = world.record(session.session_id).session;
    let total = THREADS * ROUNDS as u64;
    assert_eq!(
        (stored.stats.packets_sent, stored.stats.bytes_sent),
        (total, 10 * total)
    );
    assert_eq!(stored.revision.number(), 1 + total);
}

#[test]
fn rotating_one_token_on_all_sides_gives_one_new_token() {
    let world = World::with_limits(patient());
    let (_, mut token) = world.open("alice");
    let managers = managers(&world);
    for _ in 0..ROUNDS {
        let answers = together(&managers, |manager| {
            block_on(manager.rotate(&token)).unwrap().1.expose()
        });
        let distinct: BTreeSet<&String> = answers.iter().collect();
        assert_eq!(distinct.len(), 1, "everybody must get the same token");
        token = answers[0].parse().unwrap();
    }
    assert!(block_on(world.sessions.authenticate(&token)).is_ok());
}

#[test]
fn revoked_session_is_not_brought_back_by_work_under_way() {
    let world = World::with_limits(patient());
    let managers = managers(&world);
    for round in 0..ROUNDS {
        let (session, token) = world.open("alice");
        let report = Stats {
            packets_sent: 1,
            ..Stats::default()
        };
        let revokes = AtomicBool::new(true);
        together(&managers, |manager| {
            if revokes.swap(false, Ordering::AcqRel) {
                block_on(manager.revoke(session.session_id, CloseReason::Revoked)).unwrap();
                return;
            }
            for _ in 0..20 {
                let touched = block_on(manager.touch(session.session_id, report));
                assert!(matches!(touched, Ok(_) | Err(SessionError::NotFound)));
                let shown = block_on(manager.authenticate(&token));
                assert!(matches!(shown, Ok(_) | Err(AccessError::Unknown)));
            }
        });
        assert!(world.store.is_empty(), "round {round}");
    }
}

#[test]
fn sessions_are_swept_once_however_many_sweep() {
    let world = World::with_limits(patient());
    for number in 0..200 {
        world.open(&format!("user {number}"));
    }
    world.advance_s(24 * 3600);
    let managers = managers(&world);
    let mut events: Vec<Events> = managers.iter().map(Manager::events).collect();
    let ended = together(&managers, |manager| {
        block_on(manager.sweep()).unwrap().ended
    });
    assert_eq!(ended.iter().sum::<usize>(), 200);
    let announced: usize = events
        .iter_mut()
        .map(|events| closed_for(events, CloseReason::Expired))
        .sum();
    assert_eq!(announced, 200);
}

#[test]
fn everything_at_once_leaves_no_dangling_index_entry() {
    let world = World::with_limits(patient());
    let managers = managers(&world);
    together(&managers, |manager| {
        for round in 0..ROUNDS {
            let (session, token) = open(manager);
            // Any of these may find the session evicted or revoked by another thread.
            let _evicted = block_on(manager.authenticate(&token));
            let _evicted = block_on(manager.rotate(&token));
            let _evicted = block_on(manager.touch(session.session_id, Stats::default()));
            if round % 10 == 0 {
                block_on(manager.revoke_user(&user_id("alice"), None)).unwrap();
            }
            block_on(manager.sweep()).unwrap();
            assert!(world.live("alice").len() <= 5);
        }
    });
    block_on(world.sessions.revoke_user(&user_id("alice"), None)).unwrap();
    assert!(world.store.is_empty());
    let everything = block_on(world.store.list(&Filter::All, Page::first(10))).unwrap();
    assert!(everything.records.is_empty());
    let end_of_time = Timestamp::from_unix_ms(u64::MAX);
    assert!(
        block_on(world.store.expired(end_of_time, 10))
            .unwrap()
            .is_empty()
    );
}
