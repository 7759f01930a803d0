//! The store that forgets with its process: for tests, for development, and as the example of a
//! store.

use core::hash::Hash;
use core::num::NonZeroUsize;
use core::ops::Bound;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use thiserror::Error;

use crate::error::StoreError;
use crate::id::{ConnectionId, SessionId, UserId};
use crate::limits::WhenFull;
use crate::session::{Record, Revision};
use crate::store::{Admission, Created, Filter, Listed, Page, SessionStore};
use crate::time::Timestamp;

/// Keeps sessions in memory, indexed by user, connection and expiry, behind one lock.
///
/// No method waits, so no future of it is ever pending. Cloning gives another handle on the same
/// sessions.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
    sessions_max: usize,
}

/// The memory store holds as many sessions as it may. Sessions that expire make room.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("memory store is full: {sessions_max} sessions")]
pub struct MemoryStoreFull {
    /// The limit.
    pub sessions_max: usize,
}

impl MemoryStore {
    /// An empty store for at most [`MemoryStore::SESSIONS_MAX`] sessions.
    pub fn new() -> Self {
        Self {
            inner: Arc::default(),
            sessions_max: Self::SESSIONS_MAX,
        }
    }

    /// An empty store for at most `sessions_max` sessions; beyond it, creation is
    /// [unavailable](StoreError::Unavailable).
    pub fn with_sessions_max(sessions_max: NonZeroUsize) -> Self {
        Self {
            inner: Arc::default(),
            sessions_max: sessions_max.get(),
        }
    }

    /// How many sessions it holds, expired ones included.
    pub fn len(&self) -> usize {
        self.inner.lock().records.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The default limit: a million sessions of about one KiB are one GiB.
    pub const SESSIONS_MAX: usize = 1_000_000;
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create(&self, record: &Record, admission: Admission) -> Result<Created, StoreError> {
        let mut inner = self.inner.lock();
        if let Some(stored) = inner.records.get(&record.session.session_id) {
            let actual = stored.session.revision;
            return Err(StoreError::Conflict {
                expected: Revision::NONE,
                actual,
            });
        }
        let live = inner.live_oldest_first(&record.session.user_id, admission.now);
        let allowed = admission.sessions_max.get() as usize;
        let excess = (live.len() + 1).saturating_sub(allowed);
        if excess > 0 && admission.when_full == WhenFull::Reject {
            return Ok(Created::Full {
                live: u32::try_from(live.len()).unwrap_or(u32::MAX),
            });
        }
        if inner.records.len() + 1 - excess > self.sessions_max {
            let full = MemoryStoreFull {
                sessions_max: self.sessions_max,
            };
            return Err(StoreError::Unavailable(Box::new(full)));
        }
        let oldest = live.into_iter().take(excess);
        let evicted = oldest
            .filter_map(|session_id| inner.take(session_id))
            .collect();
        inner.put(record.clone());
        Ok(Created::Stored { evicted })
    }

    async fn load(&self, session_id: SessionId) -> Result<Record, StoreError> {
        self.inner
            .lock()
            .records
            .get(&session_id)
            .cloned()
            .ok_or(StoreError::NotFound)
    }

    async fn replace_if(&self, record: &Record, expected: Revision) -> Result<(), StoreError> {
        let mut inner = self.inner.lock();
        inner.check_revision(record.session.session_id, expected)?;
        inner.take(record.session.session_id);
        inner.put(record.clone());
        Ok(())
    }

    async fn remove(
        &self,
        session_id: SessionId,
        expected: Option<Revision>,
    ) -> Result<Record, StoreError> {
        let mut inner = self.inner.lock();
        if let Some(expected) = expected {
            inner.check_revision(session_id, expected)?;
        }
        inner.take(session_id).ok_or(StoreError::NotFound)
    }

    async fn list(&self, filter: &Filter, page: Page) -> Result<Listed, StoreError> {
        let inner = self.inner.lock();
        let session_ids = match filter {
            Filter::All => Some(&inner.all),
            Filter::User(user_id) => inner.by_user.get(user_id),
            Filter::Connection(connection_id) => inner.by_connection.get(connection_id),
        };
        let Some(session_ids) = session_ids else {
            return Ok(Listed {
                records: Vec::new(),
                next: None,
            });
        };
        let start = page.after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = session_ids.range((start, Bound::Unbounded));
        let records: Vec<Record> = rest
            .by_ref()
            .take(page.limit)
            .filter_map(|session_id| inner.records.get(session_id).cloned())
            .collect();
        let last = records
            .last()
            .map(|record| record.session.session_id)
            .or(page.after);
        let next = rest.next().and(last);
        Ok(Listed { records, next })
    }

    async fn expired(&self, before: Timestamp, limit: usize) -> Result<Vec<Record>, StoreError> {
        let inner = self.inner.lock();
        let due = inner
            .by_expiry
            .iter()
            .take_while(|(expires_at, _)| *expires_at <= before);
        Ok(due
            .take(limit)
            .filter_map(|(_, session_id)| inner.records.get(session_id).cloned())
            .collect())
    }
}

#[derive(Debug, Default)]
struct Inner {
    records: HashMap<SessionId, Record>,
    all: BTreeSet<SessionId>,
    by_user: HashMap<UserId, BTreeSet<SessionId>>,
    by_connection: HashMap<ConnectionId, BTreeSet<SessionId>>,
    by_expiry: BTreeSet<(Timestamp, SessionId)>,
}

impl Inner {
    fn check_revision(&self, session_id: SessionId, expected: Revision) -> Result<(), StoreError> {
        let stored = self.records.get(&session_id).ok_or(StoreError::NotFound)?;
        let actual = stored.session.revision;
        if actual == expected {
            Ok(())
        } else {
            Err(StoreError::Conflict { expected, actual })
        }
    }

    fn live_oldest_first(&self, user_id: &UserId, now: Timestamp) -> Vec<SessionId> {
        let mut live: Vec<(Timestamp, SessionId)> = self
            .by_user
            .get(user_id)
            .into_iter()
            .flatten()
            .filter_map(|session_id| self.records.get(session_id))
            .filter(|record| !record.session.is_expired(now))
            .map(|record| (record.session.created_at, record.session.session_id))
            .collect();
        live.sort_unstable();
        live.into_iter().map(|(_, session_id)| session_id).collect()
    }

    fn put(&mut self, record: Record) {
        let session = &record.session;
        let session_id = session.session_id;
        self.all.insert(session_id);
        self.by_user
            .entry(session.user_id.clone())
            .or_default()
            .insert(session_id);
        if let Some(connection_id) = session.connection_id {
            self.by_connection
                .entry(connection_id)
                .or_default()
                .insert(session_id);
        }
        self.by_expiry.insert((session.expires_at, session_id));
        self.records.insert(session_id, record);
    }

    fn take(&mut self, session_id: SessionId) -> Option<Record> {
        let record = self.records.remove(&session_id)?;
        let session = &record.session;
        self.all.remove(&session_id);
        remove_from_index(&mut self.by_user, &session.user_id, session_id);
        if let Some(connection_id) = session.connection_id {
            remove_from_index(&mut self.by_connection, &connection_id, session_id);
        }
        self.by_expiry.remove(&(session.expires_at, session_id));
        Some(record)
    }
}

/// Removes an entry, and its key with the last one: an index must not grow with what is gone.
fn remove_from_index<Key: Eq + Hash>(
    index: &mut HashMap<Key, BTreeSet<SessionId>>,
    key: &Key,
    session_id: SessionId,
) {
    if let Some(session_ids) = index.get_mut(key) {
        session_ids.remove(&session_id);
        if session_ids.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(all(test, feature = "testkit"))]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::testkit::{record, strict};

    #[test]
    fn indexes_keep_nothing_of_what_is_gone() {
        let store = MemoryStore::new();
        for age_ms in 0..10 {
            let mut record = record(["alice", "bob"][age_ms as usize % 2], age_ms);
            let connection = record.session.session_id.guuid().into();
            block_on(store.create(&record, strict(5))).unwrap();
            record.session.connection_id = Some(connection);
            block_on(store.replace_if(&record, Revision::FIRST)).unwrap();
            block_on(store.remove(record.session.session_id, None)).unwrap();
        }
        let inner = store.inner.lock();
        assert!(inner.records.is_empty() && inner.all.is_empty());
        assert!(inner.by_user.is_empty() && inner.by_connection.is_empty());
        assert!(inner.by_expiry.is_empty());
    }
}
