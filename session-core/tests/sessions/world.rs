//! A manager over a memory store, with a clock and entropy that the test moves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use guuid::{Guuid, ManualClock, SeededEntropy, Tick};
use session_core::{
    Connection, ConnectionId, EventKind, Events, Filter, Limits, Manager, MemoryStore, Notice,
    OpenRequest, Page, Record, Session, SessionId, SessionStore, Token, UserId,
};

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: MemoryStore,
    pub(crate) sessions: Manager,
    pub(crate) events: Events,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    pub(crate) fn with_limits(limits: Limits) -> Self {
        let clock = Arc::new(ManualClock::new(Duration::from_secs(1_800_000_000)));
        let store = MemoryStore::new();
        let sessions = manager(Arc::new(store.clone()), &clock, 1, limits);
        let events = sessions.events();
        Self {
            clock,
            store,
            sessions,
            events,
        }
    }

    pub(crate) fn advance_s(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn open(&self, user: &str) -> (Session, Token) {
        block_on(self.sessions.open(OpenRequest::new(user_id(user)))).unwrap()
    }

    pub(crate) fn record(&self, session_id: SessionId) -> Record {
        block_on(self.store.load(session_id)).unwrap()
    }

    /// The kinds of the events since the last call.
    pub(crate) fn heard(&mut self) -> Vec<EventKind> {
        let notices = std::iter::from_fn(|| self.events.try_next());
        notices
            .map(|notice| match notice {
                Notice::Event(event) => event.kind,
                Notice::Missed(missed) => panic!("missed {missed} events"),
            })
            .collect()
    }

    /// The live sessions of a user, over as many pages as there are.
    pub(crate) fn live(&self, user: &str) -> Vec<SessionId> {
        let filter = Filter::User(user_id(user));
        let mut page = Page::first(1000);
        let mut live = Vec::new();
        loop {
            let listed = block_on(self.sessions.list(&filter, page)).unwrap();
            live.extend(
                listed
                    .sessions
                    .into_iter()
                    .map(|session| session.session_id),
            );
            page.after = listed.next;
            if page.after.is_none() {
                return live;
            }
        }
    }
}

pub(crate) fn manager(
    store: Arc<dyn SessionStore>,
    clock: &Arc<ManualClock>,
    seed: u64,
    limits: Limits,
) -> Manager {
    Manager::new(
        store,
        clock.clone(),
        Arc::new(SeededEntropy::new(seed)),
        limits,
    )
    .unwrap()
}

pub(crate) fn user_id(user: &str) -> UserId {
    UserId::new(user).unwrap()
}

pub(crate) fn connection_id(number: u64) -> ConnectionId {
    Guuid::from_tick(Tick::ZERO, number).into()
}

pub(crate) fn connection(number: u64) -> Connection {
    Connection::new(connection_id(number))
}

pub(crate) fn metadata(entries: &[(&str, Option<&str>)]) -> BTreeMap<String, Option<String>> {
    let owned = |(key, value): &(&str, Option<&str>)| ((*key).to_owned(), value.map(str::to_owned));
    entries.iter().map(owned).collect()
}
