//! Why something was refused: one enum for each thing that can be asked, and the variant says
//! whose fault it is.

use std::sync::Arc;

use crate::conflict::{ConflictId, PolicyName};
use crate::document::{DocumentState, Role};
use crate::identity::{DocumentId, OperationId, Version};
use crate::lock::{Fence, GuardViolation, Lock};
use crate::store::StoreError;
use crate::yjs::ContentError;

/// An edit was not accepted, or it is not known whether it was.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The author's fault: their role does not allow it.
    #[error("this takes the role {needed:?}, and the author has {role:?}")]
    Forbidden {
        /// What the author may do; `None` when the document does not exist for them.
        role: Option<Role>,
        /// What it takes.
        needed: Role,
    },
    /// The author's fault: the document is not in use.
    #[error("the document is {0:?} and cannot be edited")]
    NotActive(DocumentState),
    /// The author's fault: the bytes are not an edit.
    #[error("the edit cannot be read: {0}")]
    Malformed(String),
    /// The author's fault: the operation does not fit the document.
    #[error("this operation is not possible here: {0}")]
    Impossible(String),
    /// The author's fault: the document's policy has no place for this kind of change.
    #[error("under the policy {} only typed operations are taken", .0.as_str())]
    PolicyForbids(PolicyName),
    /// Nobody's fault: the author had seen a version that is too old to be compared with. Read again,
    /// and ask anew.
    #[error("version {base} is too long ago; the document is at {current}")]
    Stale {
        /// What the author had seen.
        base: Version,
        /// What there is.
        current: Version,
    },
    /// The author's fault: the same name was given to another operation before.
    #[error("operation {0} is another one in the log")]
    OperationReused(OperationId),
    /// Nobody's fault: somebody else holds a lock.
    #[error("{} holds a lock until {}", .0.holder.user_id, .0.expires_at.0)]
    Locked(Box<Lock>),
    /// The author's fault: they rely on a lock that is over, or not theirs, or of something else.
    #[error("the lock with fence {0} is not held any more, or does not cover this")]
    Fenced(Fence),
    /// The author's fault: there is no such conflict, or it is settled.
    #[error("no open conflict {0}")]
    NoOpenConflict(ConflictId),
    /// Nobody's fault: too many conflicts wait.
    #[error("{max} conflicts wait to be settled")]
    TooManyConflicts {
        /// What is allowed.
        max: usize,
    },
    /// Nobody's fault: others write to this document faster than this process can. Ask again.
    #[error("others keep writing to the document; ask again")]
    Busy,
    /// The author's fault: the edit is larger than is allowed.
    #[error("an edit has at most {max} bytes, this one {bytes}")]
    TooLarge {
        /// Size of the edit.
        bytes: usize,
        /// What is allowed.
        max: usize,
    },
    /// The author's fault: a value of the head cannot be used.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody's fault: the document has grown to its limit.
    #[error("the document is full: at most {max} bytes")]
    Full {
        /// What is allowed.
        max: usize,
    },
    /// The store's fault: it is not known whether the edit was stored. Ask again after opening
    /// the document anew; an edit that was stored is not applied twice.
    #[error("the edit may not have been stored: {0}")]
    Unavailable(String),
}

/// A document could not be opened.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The caller's fault: there is no such document, or not for them.
    #[error("no document {0}")]
    NotFound(DocumentId),
    /// Nobody's fault: memory for open documents, or places at this one, are used up for now.
    #[error("too much is open at present: {0}")]
    Overloaded(&'static str),
    /// The store's fault.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// This process is about to stop.
    #[error("the service is shutting down")]
    ShuttingDown,
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(id) => Self::NotFound(id),
            other => Self::Store(Arc::new(other)),
        }
    }
}

impl EditError {
    /// Whether the same edit could be taken once the document is another.
    pub(crate) fn depends_on_the_document(&self) -> bool {
        !matches!(
            self,
            Self::Malformed(_) | Self::TooLarge { .. } | Self::Unavailable(_) | Self::Busy
        )
    }
}

impl From<ContentError> for EditError {
    fn from(error: ContentError) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<GuardViolation> for EditError {
    fn from(violation: GuardViolation) -> Self {
        match violation {
            GuardViolation::Locked(lock) => Self::Locked(lock),
            GuardViolation::Fenced(fence) => Self::Fenced(fence),
        }
    }
}

/// Why a document was closed under its subscribers. All of them may come back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// The store did not take an edit; what is in memory can no longer be trusted.
    StoreFailed(String),
    /// The process is about to stop.
    ShuttingDown,
}
