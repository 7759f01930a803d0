//! Why something was refused: one enum for each thing that can be asked, and the variant says
//! whose fault it is.

use std::sync::Arc;

use crate::content::ContentError;
use crate::document::{DocumentState, Role};
use crate::identity::DocumentId;
use crate::store::StoreError;

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

impl From<ContentError> for EditError {
    fn from(error: ContentError) -> Self {
        Self::Malformed(error.to_string())
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
