//! Protection of early data against replay (RFC 8446 section 8, RFC 9001 section 9.2).
//!
//! Q-ZRT-2: every session ticket works once: it names an entry of this store, and resuming takes the entry
//! out (section 8.1). What arrives late is not early data any more (section 8.3). If the entry is
//! not here, because it was used, pushed out, or issued by another replica, the client gets an
//! ordinary handshake.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::server::StoresServerSessions;
use rustls::time_provider::TimeProvider;

use super::client_hello::resumption;

/// How much longer than its ticket's age says a ClientHello may have been under way: it bounds the
/// time in which a recorded one is worth anything.
const FRESHNESS_MILLISECONDS: u32 = 10_000;
/// rustls counts a ticket's age in whole seconds at our end: both ends of the interval may be off.
const CLOCK_MILLISECONDS: u32 = 1_000;

/// The sessions that clients may resume, each once. Bounded: the oldest makes room.
pub(crate) struct TicketStore {
    sessions: Mutex<Sessions>,
    sessions_max: usize,
    time: Arc<dyn TimeProvider>,
}

#[derive(Default)]
struct Sessions {
    by_ticket: HashMap<Arc<[u8]>, Vec<u8>>,
    /// Oldest first; entries that were taken are skipped when they come up.
    order: VecDeque<Arc<[u8]>>,
}

impl TicketStore {
    pub(crate) fn new(sessions_max: usize, time: Arc<dyn TimeProvider>) -> Self {
        Self {
            sessions: Mutex::default(),
            sessions_max,
            time,
        }
    }

    /// Whether this ClientHello resumes a session that is here, about as long after the ticket was
    /// issued as the client says. Anything unusual is not fresh.
    pub(super) fn is_fresh(&self, client_hello: &[u8]) -> bool {
        self.age_difference(client_hello)
            .is_some_and(|difference| difference <= FRESHNESS_MILLISECONDS + CLOCK_MILLISECONDS)
    }

    /// Milliseconds between the age that the client claims and the one that we know.
    fn age_difference(&self, client_hello: &[u8]) -> Option<u32> {
        let resumption = resumption(client_hello)?;
        let issued = Issued::read(self.lock().by_ticket.get(resumption.ticket)?)?;
        let now = self.time.current_time()?.as_secs();
        let age = u32::try_from(now.saturating_sub(issued.seconds)).ok()?;
        let claimed = resumption.obfuscated_age.wrapping_sub(issued.age_offset);
        Some(age.saturating_mul(1000).abs_diff(claimed))
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.lock().order.len()
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a ticket was issued: the end of the session as rustls encodes it. The tests of the
/// handshake fail if that changes.
struct Issued {
    /// Since the Unix epoch.
    seconds: u64,
    /// What the client adds to the ticket's age.
    age_offset: u32,
}

impl Issued {
    fn read(session: &[u8]) -> Option<Self> {
        let (head, offset) = session.split_last_chunk()?;
        let (_, seconds) = head.split_last_chunk()?;
        Some(Self {
            seconds: u64::from_be_bytes(*seconds),
            age_offset: u32::from_be_bytes(*offset),
        })
    }
}

impl Sessions {
    fn trim(&mut self, sessions_max: usize) {
        while self.order.len() > sessions_max {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            self.by_ticket.remove(&oldest);
        }
    }
}

impl StoresServerSessions for TicketStore {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let key: Arc<[u8]> = key.into();
        let mut sessions = self.lock();
        sessions.by_ticket.insert(Arc::clone(&key), value);
        sessions.order.push_back(key);
        sessions.trim(self.sessions_max);
        true
    }

    /// Never: a session is used once.
    fn get(&self, _key: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.lock().by_ticket.remove(key)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

impl fmt::Debug for TicketStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketStore(..)")
    }
}
