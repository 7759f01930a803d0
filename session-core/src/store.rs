//! Where sessions are kept: a small contract for any database.
//!
//! A store keeps [`Record`]s, finds them by session, user, connection and expiry, and compares
//! revisions. It decides nothing else: what a command does to a session is the business of
//! [`crate::decide()`]. The contract as code is the crate's `testkit` (feature `testkit`); every
//! store passes it.
//!
//! # What holds for every method
//!
//! - Each call is atomic: another caller, in this process or elsewhere, sees all of it or nothing,
//!   and the indexes agree with the records.
//! - When a write has returned, every later read by anybody sees it.
//! - **Time is handed in.** A store has no clock of its own and never judges expiry, with one
//!   exception: [`create`](SessionStore::create) does not count expired sessions. A database with
//!   native time-outs may drop a record by itself, but not before [`EXPIRED_RETENTION`] after its
//!   expiry, and it must measure the time from the `now` or the record handed in, not from its own
//!   calendar.
//! - A record that cannot be read fails the call that meets it, with [`StoreError::Corrupt`].
//! - `session_id`, `user_id` and `created_at` of a stored record never change.
//! - A future that is dropped before it completes may have taken effect or not. Nothing is half
//!   done.

use core::num::NonZeroU32;
use core::time::Duration;

use async_trait::async_trait;

use crate::error::StoreError;
use crate::id::{ConnectionId, SessionId, UserId};
use crate::limits::WhenFull;
use crate::session::{Record, Revision};
use crate::time::Timestamp;

/// How long after its expiry a record stays at least, so that a sweep finds it and tells what
/// ended: ten minutes, many times the pause between two sweeps.
pub const EXPIRED_RETENTION: Duration = Duration::from_secs(600);

/// Keeps sessions. See the [module](self) for what holds for every method.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Adds a record, if its user may have one more session. One atomic step, also between
    /// processes.
    ///
    /// Live sessions are those of the same user with `expires_at > admission.now`, in any state. If
    /// there are fewer than `admission.sessions_max`, the record is stored. Otherwise nothing
    /// changes and the answer is [`Created::Full`], or, with [`WhenFull::EvictOldest`], as many
    /// live sessions as necessary are removed, the oldest first (by `created_at`, then by id), and
    /// the record is stored. Expired sessions are neither counted nor removed:
    /// [`expired`](SessionStore::expired) will find them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] with [`Revision::NONE`] expected, when the id is taken.
    async fn create(&self, record: &Record, admission: Admission) -> Result<Created, StoreError>;

    /// The record of a session, expired or not.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    async fn load(&self, session_id: SessionId) -> Result<Record, StoreError>;

    /// Replaces a record, if the stored one still has the revision `expected`. The indexes by
    /// connection and by expiry follow.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none (it is not created again);
    /// [`StoreError::Conflict`] when the stored revision is another.
    async fn replace_if(&self, record: &Record, expected: Revision) -> Result<(), StoreError>;

    /// Removes a record and answers with it: whatever it is, or only if it still has the revision
    /// `expected`. Of several callers at once, one gets the record.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none;
    /// [`StoreError::Conflict`] when the stored revision is another.
    async fn remove(
        &self,
        session_id: SessionId,
        expected: Option<Revision>,
    ) -> Result<Record, StoreError>;

    /// A page of the records that match, expired or not.
    ///
    /// With [`Filter::User`] and [`Filter::Connection`] in the order of ids, with [`Filter::All`]
    /// in any fixed order of the store's own. `page.after` is the id that the page before ended
    /// with (which may be gone by now); a record that exists throughout a walk over all pages is
    /// seen exactly once. A page has at most `page.limit` records and may have fewer, even none:
    /// the end is where [`Listed::next`] is `None`.
    async fn list(&self, filter: &Filter, page: Page) -> Result<Listed, StoreError>;

    /// At most `limit` records with `expires_at <= before`, those with the earliest expiry,
    /// earliest first.
    async fn expired(&self, before: Timestamp, limit: usize) -> Result<Vec<Record>, StoreError>;
}

/// How many sessions a user may have, for [`SessionStore::create`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The moment for which sessions count as live or expired.
    pub now: Timestamp,
    /// The limit, the new session included.
    pub sessions_max: NonZeroU32,
    /// What to do beyond it.
    pub when_full: WhenFull,
}

/// What became of a creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// The record is stored.
    Stored {
        /// The sessions that had to go for it, oldest first.
        evicted: Vec<Record>,
    },
    /// The user has too many sessions; nothing changed.
    Full {
        /// How many are live.
        live: u32,
    },
}

/// Which sessions to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of them. A walk over a whole database: for administration.
    All,
    /// Those of one user.
    User(UserId),
    /// Those that are reached through one connection.
    Connection(ConnectionId),
}

/// Which part of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Begin after this session; `None` begins at the front.
    pub after: Option<SessionId>,
    /// At most this many.
    pub limit: usize,
}

impl Page {
    /// The first page.
    pub const fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }
}

/// One page of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The records.
    pub records: Vec<Record>,
    /// What to give as [`Page::after`] for the next page; `None` when this was the last.
    pub next: Option<SessionId>,
}
