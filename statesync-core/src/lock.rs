//! Locks: leases with fencing tokens.
//!
//! The store grants them, by its own clock, and checks them in the same step in which it writes: a
//! holder that was paused for longer than its lease finds its writes refused, whatever it believes.

use serde::{Deserialize, Serialize};

use guuid::Guuid;

use crate::identity::{DocumentId, Timestamp};
use crate::record::Author;
use crate::value::ObjectId;

/// Names a lock for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LockId(pub Guuid);

impl std::fmt::Display for LockId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The number of a grant: of two grants of one document, the later has the larger one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Fence(pub u64);

impl std::fmt::Display for Fence {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What a lock covers, or a write touches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LockTarget {
    /// All of the document.
    Document,
    /// One of its objects.
    Object(ObjectId),
}

impl LockTarget {
    /// Whether both cover something that the other covers, too.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Object(one), Self::Object(other)) => one == other,
            _ => true,
        }
    }
}

/// A granted lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Its name for ever.
    pub id: LockId,
    /// In which document.
    pub document_id: DocumentId,
    /// What it covers.
    pub target: LockTarget,
    /// Who holds it, in which of their sessions.
    pub holder: Author,
    /// Goes with every write under it.
    pub fence: Fence,
    /// When it was granted, by the store's clock.
    pub acquired_at: Timestamp,
    /// From then on it is nobody's, by the store's clock.
    pub expires_at: Timestamp,
}

impl Lock {
    /// Whether this author holds it: the same user in the same session.
    #[must_use]
    pub fn is_of(&self, author: &Author) -> bool {
        self.holder == *author
    }

    /// Whether its lease goes on at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

/// A lock that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockRequest {
    /// Its name, should it be granted.
    pub id: LockId,
    /// In which document.
    pub document_id: DocumentId,
    /// What it is to cover.
    pub target: LockTarget,
    /// Who asks, in which of their sessions.
    pub holder: Author,
    /// For how long, in milliseconds from the grant on.
    pub lease_ms: u64,
}

/// What is checked before one record is written, at the same moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard<'a> {
    /// Who writes.
    pub(crate) author: &'a Author,
    /// What is touched: nobody else's live lock may cover any of it.
    pub(crate) targets: &'a [LockTarget],
    /// The grant that the author relies on: it must be live, theirs, and cover all targets.
    pub(crate) fence: Option<Fence>,
}

impl Guard<'_> {
    pub(crate) fn violation(&self, locks: &[Lock], now: Timestamp) -> Option<GuardViolation> {
        let live = || locks.iter().filter(|lock| lock.is_live(now));
        if let Some(fence) = self.fence {
            let relied_on = live().find(|lock| lock.fence == fence && lock.is_of(self.author));
            if !relied_on.is_some_and(|lock| self.is_covered_by(lock)) {
                return Some(GuardViolation::Fenced(fence));
            }
        }
        let in_the_way = |lock: &&Lock| {
            let mut targets = self.targets.iter();
            !lock.is_of(self.author) && targets.any(|target| lock.target.overlaps(target))
        };
        let lock = live().find(in_the_way)?;
        Some(GuardViolation::Locked(Box::new(lock.clone())))
    }

    fn is_covered_by(&self, lock: &Lock) -> bool {
        let covered =
            |target: &LockTarget| lock.target == LockTarget::Document || lock.target == *target;
        self.targets.iter().all(covered)
    }
}

/// Why a write is refused for the sake of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardViolation {
    /// Somebody else holds this lock.
    Locked(Box<Lock>),
    /// The author relies on a grant that is over, is not theirs, or does not cover the write.
    Fenced(Fence),
}
