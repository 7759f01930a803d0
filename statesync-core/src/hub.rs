//! Where news of one document waits for its subscribers.
//!
//! News is kept once, in a bounded queue of recent records; each subscriber holds a cursor into
//! it and takes what is behind its cursor when it is ready. A slow subscriber therefore costs no
//! memory, gets everything that it missed in one batch, and when it falls further behind than
//! the queue reaches, it is told to start again from the present content.

mod roster;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use event_listener::Event;
use guuid::Clock;
use parking_lot::Mutex;

use crate::budget::{Budget, Share};
use crate::conflict::Conflict;
use crate::document::{Document, Role};
use crate::error::{Closed, OpenError};
use crate::identity::{Timestamp, UserId, Version};
use crate::limits::Limits;
use crate::lock::Lock;
use crate::presence::{ConnectionId, Presence, PresenceEntry, PresenceError};
use crate::record::Record;
use roster::Roster;

pub use roster::Attendance;

/// One committed record on its way to the subscribers.
#[derive(Debug, PartialEq, Eq)]
pub struct News {
    /// The record.
    pub record: Arc<Record>,
    /// The connection that it came from, if it came from a subscriber of this process.
    pub origin: Option<ConnectionId>,
    /// Conflicts that it began, joined or settled, as they were then.
    pub conflicts: Vec<Arc<Conflict>>,
    frame: OnceLock<Bytes>,
}

impl News {
    /// News of a record.
    #[must_use]
    pub fn new(
        record: Arc<Record>,
        origin: Option<ConnectionId>,
        conflicts: Vec<Arc<Conflict>>,
    ) -> Self {
        Self {
            record,
            origin,
            conflicts,
            frame: OnceLock::new(),
        }
    }

    /// What subscribers are sent of it, which whoever sends it first makes for all. There is place for the
    /// frame of one protocol.
    pub fn frame(&self, make: impl FnOnce() -> Bytes) -> &Bytes {
        self.frame.get_or_init(make)
    }
}

/// Somebody who has the document open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Which user.
    pub user_id: UserId,
    /// Their name, for others to read.
    pub name: String,
}

/// What a subscriber has not seen yet.
#[derive(Debug, Default)]
pub struct Batch {
    /// Committed records, in order, without a hole.
    pub records: Vec<Arc<News>>,
    /// Records were missed that are no longer waiting: read the content again. The records in
    /// this batch are later ones.
    pub resync: bool,
    /// Presence of others that changed.
    pub presence: Vec<PresenceEntry>,
    /// The head, when name, state or permissions changed.
    pub document: Option<Arc<Document>>,
    /// All live locks, when they changed.
    pub locks: Option<Arc<Vec<Lock>>>,
    /// Who came and who went, in order.
    pub attendance: Vec<Attendance>,
    /// Too many came and went to tell: ask who is there.
    pub attendance_lost: bool,
    /// The document was closed; nothing follows.
    pub closed: Option<Closed>,
}

/// The meeting point of one open document.
pub(crate) struct Hub {
    state: Mutex<State>,
    changed: Event,
    clock: Arc<dyn Clock + Send + Sync>,
    limits: Arc<Limits>,
    pending: AtomicUsize,
    content_bytes: Share,
    recent_bytes: Share,
    active_at: AtomicU64,
}

struct State {
    document: Arc<Document>,
    head_changes: u64,
    locks: Arc<Vec<Lock>>,
    lock_changes: u64,
    recent: VecDeque<Arc<News>>,
    recent_bytes: usize,
    presence: Presence,
    participants: BTreeMap<ConnectionId, Arc<Participant>>,
    roster: Roster,
    next_connection: u64,
    closed: Option<Closed>,
}

/// How far a subscriber has read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    version: Version,
    presence: u64,
    head_changes: u64,
    lock_changes: u64,
    roster: u64,
}

impl Cursor {
    /// Goes back to where nobody's presence is known.
    pub(crate) fn forget_presence(&mut self) {
        self.presence = 0;
    }
}

impl Hub {
    pub(crate) fn new(
        document: Document,
        clock: Arc<dyn Clock + Send + Sync>,
        limits: Arc<Limits>,
        budget: &Budget,
    ) -> Self {
        let active_at = AtomicU64::new(clock.unix_ms());
        let state = State {
            document: Arc::new(document),
            head_changes: 0,
            locks: Arc::default(),
            lock_changes: 0,
            recent: VecDeque::new(),
            recent_bytes: 0,
            presence: Presence::default(),
            participants: BTreeMap::new(),
            roster: Roster::default(),
            next_connection: 1,
            closed: None,
        };
        Self {
            state: Mutex::new(state),
            changed: Event::new(),
            clock,
            limits,
            pending: AtomicUsize::new(0),
            content_bytes: budget.share(),
            recent_bytes: budget.share(),
            active_at,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.clock.unix_ms())
    }

    /// The head as of the newest committed record.
    pub(crate) fn document(&self) -> Arc<Document> {
        Arc::clone(&self.state.lock().document)
    }

    pub(crate) fn closed(&self) -> Option<Closed> {
        self.state.lock().closed.clone()
    }

    /// Everybody who has the document open, each user once, as who they were when they first came.
    pub(crate) fn participants(&self) -> Vec<Participant> {
        let mut all: Vec<_> = self.state.lock().participants.values().cloned().collect();
        all.sort_by(|one, other| one.user_id.cmp(&other.user_id));
        all.dedup_by(|one, other| one.user_id == other.user_id);
        all.iter().map(|one| Participant::clone(one)).collect()
    }

    /// Lets somebody in; they see all news from now on, also about the role that they are told.
    pub(crate) fn enter(
        &self,
        participant: Participant,
    ) -> Result<(ConnectionId, Cursor, Role), OpenError> {
        let mut state = self.state.lock();
        if state.closed.is_some() {
            return Err(OpenError::Overloaded("the document is being closed"));
        }
        let permissions = &state.document.metadata.permissions;
        let Some(role) = permissions.role_of(&participant.user_id) else {
            return Err(OpenError::NotFound(state.document.id));
        };
        if state.participants.len() >= self.limits.subscribers_max {
            return Err(OpenError::Overloaded(
                "the document has no place for more people",
            ));
        }
        let connection = ConnectionId(state.next_connection);
        state.next_connection += 1;
        let is_new = state.roster.enter(&participant);
        state.participants.insert(connection, Arc::new(participant));
        let cursor = Cursor {
            version: state.document.version,
            presence: 0,
            head_changes: state.head_changes,
            lock_changes: 0,
            roster: state.roster.sequence(),
        };
        drop(state);
        if is_new {
            self.wake();
        }
        Ok((connection, cursor, role))
    }

    /// Lets somebody out, and takes their presence along.
    pub(crate) fn leave(&self, connection: ConnectionId) {
        let now = self.now();
        let mut state = self.state.lock();
        let participant = state.participants.remove(&connection);
        let gone = participant.is_some_and(|participant| state.roster.leave(&participant));
        let changed = state.presence.remove_connection(connection, now) || gone;
        drop(state);
        self.touch();
        if changed {
            self.wake();
        }
    }

    /// Takes presence from one connection, and wakes the others if it is new.
    pub(crate) fn announce(
        &self,
        connection: ConnectionId,
        entries: Vec<PresenceEntry>,
    ) -> Result<(), PresenceError> {
        let now = self.now();
        let mut state = self.state.lock();
        let Some(participant) = state.participants.get(&connection) else {
            return Ok(());
        };
        let user = participant.user_id.clone();
        let before = state.presence.sequence();
        let outcome = state
            .presence
            .apply(connection, &user, entries, now, &self.limits);
        // Also when one was refused: those before it hold.
        let changed = state.presence.sequence() != before;
        drop(state);
        if changed {
            self.wake();
        }
        outcome
    }

    /// Takes presence away that was not renewed.
    pub(crate) fn expire_presence(&self) {
        let now = self.now();
        let changed = self.state.lock().presence.expire(now, &self.limits);
        if changed {
            self.wake();
        }
    }

    /// Hands committed records to everybody. Called by the owner, after the store said yes.
    pub(crate) fn publish(&self, document: &Document, news: Vec<News>, head_changed: bool) {
        let changed_head = head_changed.then(|| Arc::new(document.clone()));
        let mut state = self.state.lock();
        for item in news {
            state.recent_bytes += weight(&item);
            state.recent.push_back(Arc::new(item));
        }
        while state.recent_bytes > self.limits.recent_bytes_max {
            let Some(oldest) = state.recent.pop_front() else {
                break;
            };
            state.recent_bytes -= weight(&oldest);
        }
        self.recent_bytes.set(state.recent_bytes);
        state.head_changes += u64::from(head_changed);
        if let Some(changed) = changed_head {
            state.document = changed;
        } else {
            // The usual case, once for each keystroke: no copy, unless somebody holds the old one.
            let head = Arc::make_mut(&mut state.document);
            head.version = document.version;
            head.updated_by.clone_from(&document.updated_by);
            head.updated_at = document.updated_at;
            head.audit = document.audit;
        }
        drop(state);
        self.touch();
        self.wake();
    }

    /// Tells everybody to read the content again: what led to this head is not known.
    pub(crate) fn start_over(&self, document: &Document) {
        let mut state = self.state.lock();
        state.recent.clear();
        state.recent_bytes = 0;
        self.recent_bytes.set(0);
        state.head_changes += 1;
        state.document = Arc::new(document.clone());
        drop(state);
        self.wake();
    }

    /// Tells everybody how the locks are now.
    pub(crate) fn publish_locks(&self, locks: Vec<Lock>) {
        let mut state = self.state.lock();
        if *state.locks == locks {
            return;
        }
        state.locks = Arc::new(locks);
        state.lock_changes += 1;
        drop(state);
        self.wake();
    }

    /// Tells everybody that nothing follows.
    pub(crate) fn close(&self, reason: Closed) {
        self.state.lock().closed.get_or_insert(reason);
        self.wake();
    }

    /// What lies behind `cursor`, which moves along; `None` when there is nothing. After about `bytes_max`
    /// bytes of records the others stay behind it, and everything else that is to come after them.
    pub(crate) fn take(
        &self,
        connection: ConnectionId,
        cursor: &mut Cursor,
        bytes_max: usize,
    ) -> Option<Batch> {
        let state = self.state.lock();
        let mut batch = Batch::default();
        let newest = state.document.version;
        if cursor.version < newest {
            let oldest = Version(newest.0 - state.recent.len() as u64);
            batch.resync = cursor.version < oldest;
            let skip = cursor.version.0.saturating_sub(oldest.0) as usize;
            let mut bytes = 0;
            for news in state.recent.iter().skip(skip) {
                if bytes >= bytes_max.max(1) {
                    return Some(batch);
                }
                bytes += weight(news);
                cursor.version = news.record.version;
                batch.records.push(Arc::clone(news));
            }
            cursor.version = newest;
        }
        batch.closed.clone_from(&state.closed);
        if cursor.presence < state.presence.sequence() {
            batch.presence = state.presence.since(cursor.presence, connection);
            cursor.presence = state.presence.sequence();
        }
        if cursor.head_changes < state.head_changes {
            batch.document = Some(Arc::clone(&state.document));
            cursor.head_changes = state.head_changes;
        }
        if cursor.lock_changes < state.lock_changes {
            batch.locks = Some(Arc::clone(&state.locks));
            cursor.lock_changes = state.lock_changes;
        }
        if cursor.roster < state.roster.sequence() {
            let since = state.roster.since(cursor.roster);
            batch.attendance_lost = since.is_none();
            batch.attendance = since.unwrap_or_default();
            cursor.roster = state.roster.sequence();
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// Resolves after the next change. Listen first, then look, then wait: nothing is missed.
    pub(crate) fn listen(&self) -> event_listener::EventListener {
        self.changed.listen()
    }

    fn wake(&self) {
        self.changed.notify(usize::MAX);
    }

    /// Notes that somebody is here now.
    pub(crate) fn touch(&self) {
        self.active_at
            .store(self.clock.unix_ms(), Ordering::Relaxed);
    }

    /// Milliseconds since anybody was here.
    pub(crate) fn idle_ms(&self) -> u64 {
        if self.state.lock().participants.is_empty() {
            self.now()
                .since_ms(Timestamp(self.active_at.load(Ordering::Relaxed)))
        } else {
            0
        }
    }

    /// Counts a request that the owner has not answered, for as long as the guard lives.
    pub(crate) fn expect_answer(self: &Arc<Self>) -> Pending {
        self.pending.fetch_add(1, Ordering::SeqCst);
        Pending(Arc::clone(self))
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.pending.load(Ordering::SeqCst) > 0
    }

    /// Counts the document's memory as free: it is being put away.
    pub(crate) fn release_memory(&self) {
        self.content_bytes.set(0);
        self.recent_bytes.set(0);
    }

    /// Notes how much memory the content takes.
    pub(crate) fn set_content_bytes(&self, bytes: usize) {
        self.content_bytes.set(bytes);
    }
}

/// What an item of news costs: its change, and the record around it.
fn weight(news: &News) -> usize {
    const RECORD_BYTES: usize = 160;
    RECORD_BYTES + news.record.weight() + news.conflicts.len() * RECORD_BYTES
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.records.is_empty()
            && !self.resync
            && self.presence.is_empty()
            && self.document.is_none()
            && self.locks.is_none()
            && self.attendance.is_empty()
            && !self.attendance_lost
            && self.closed.is_none()
    }
}

/// A request that waits for its answer.
pub(crate) struct Pending(Arc<Hub>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
