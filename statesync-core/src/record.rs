//! What is asked for ([`Edit`]) and what the log keeps ([`Record`]).

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::document::{DocumentState, PublicAccess};
use crate::identity::{OperationId, Timestamp, UserId, Version};

/// Who asks: an authenticated user, and the session they act in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The user.
    pub user_id: UserId,
    /// The session, as the session service names it; empty for the system itself.
    pub session_id: String,
}

/// A change that somebody asks for. It becomes a [`Record`] when the owner of the document
/// accepts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Who asks.
    pub author: Author,
    /// What is asked.
    pub change: Change,
}

/// One accepted edit: an entry of the document's log, never changed afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its place in the log: one more than the record before.
    pub version: Version,
    /// Its name for ever.
    pub operation_id: OperationId,
    /// Who asked for it.
    pub author: Author,
    /// When it was accepted, by the clock of the process that accepted it.
    pub timestamp: Timestamp,
    /// What it changes.
    pub change: Change,
}

/// What an edit does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Change {
    /// A Yjs update in encoding version 1, as the editor made it.
    Yjs(Bytes),
    /// A change of the document's head.
    Properties(PropertiesChange),
}

impl Change {
    /// Bytes that it occupies, near enough for budgets.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Yjs(update) => update.len(),
            Self::Properties(change) => change.weight(),
        }
    }
}

/// New values for parts of a document's head; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertiesChange {
    /// A new name. Editors may.
    pub name: Option<String>,
    /// A new description. Editors may.
    pub description: Option<String>,
    /// A new set of tags. Editors may.
    pub tags: Option<BTreeSet<String>>,
    /// Archive, delete, or take back into use. Only the owner may.
    pub state: Option<DocumentState>,
    /// A new set of editors. Only the owner may.
    pub editors: Option<BTreeSet<UserId>>,
    /// A new set of viewers. Only the owner may.
    pub viewers: Option<BTreeSet<UserId>>,
    /// What everybody else may do. Only the owner may.
    pub public: Option<PublicAccess>,
}

impl PropertiesChange {
    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether only the owner may ask for it.
    #[must_use]
    pub fn needs_owner(&self) -> bool {
        self.state.is_some()
            || self.editors.is_some()
            || self.viewers.is_some()
            || self.public.is_some()
    }

    fn weight(&self) -> usize {
        let texts = self
            .name
            .iter()
            .chain(&self.description)
            .chain(self.tags.iter().flatten());
        let users = self.editors.iter().chain(&self.viewers).flatten();
        texts.map(String::len).sum::<usize>() + users.map(|user| user.as_str().len()).sum::<usize>()
    }
}

/// The whole content of a document at one version, so that nobody has to read the log from its
/// beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The version whose content this is.
    pub version: Version,
    /// The content, in the encoding of [`Content`](crate::Content).
    pub content: Bytes,
}
