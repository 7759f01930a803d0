//! Conflicts: operations that touched the same thing without having seen each other.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use guuid::Guuid;

use crate::identity::{DocumentId, OperationId, Timestamp, UserId, Version};
use crate::record::Record;
use crate::value::{FieldName, ObjectId, Value};

/// Names a conflict for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConflictId(pub Guuid);

impl std::fmt::Display for ConflictId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// How a document's conflicts are settled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum PolicyName {
    /// The later operation in the log wins; the other is kept in the conflict.
    Lww,
    /// The later operation waits until somebody decides.
    Manual,
    /// Both survive where that is possible; where it is not, as with `Lww`.
    #[default]
    Merge,
    /// A policy of the application, by the name that it was registered under.
    Custom(String),
}

impl PolicyName {
    /// The word for it, as the services and the databases write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Lww => "lww",
            Self::Manual => "manual",
            Self::Merge => "merge",
            Self::Custom(name) => name,
        }
    }
}

impl From<String> for PolicyName {
    fn from(name: String) -> Self {
        match name.as_str() {
            "lww" => Self::Lww,
            "manual" => Self::Manual,
            "merge" => Self::Merge,
            _ => Self::Custom(name),
        }
    }
}

impl From<PolicyName> for String {
    fn from(name: PolicyName) -> Self {
        name.as_str().to_owned()
    }
}

/// What exactly operations disagree about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Disagreement {
    /// A field of an object.
    Field(ObjectId, FieldName),
    /// Whether an object exists.
    Object(ObjectId),
    /// A stretch of the document's text.
    Text,
}

/// A conflict, open or settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Its name for ever.
    pub id: ConflictId,
    /// In which document.
    pub document_id: DocumentId,
    /// When it was found.
    pub detected_at: Timestamp,
    /// About what.
    pub about: Vec<Disagreement>,
    /// All operations in it, in the order of the log: those that were there, and last the one that
    /// had not seen them.
    pub operations: Vec<Arc<Record>>,
    /// The policy that it falls under.
    pub policy: PolicyName,
    /// How it ended; `None` while it waits.
    pub outcome: Option<Outcome>,
}

impl Conflict {
    /// Adds what others disagree about, and operations that are not in it yet, in the order of the log.
    pub(crate) fn add(
        &mut self,
        about: Vec<Disagreement>,
        operations: impl IntoIterator<Item = Arc<Record>>,
    ) {
        for about in about {
            if !self.about.contains(&about) {
                self.about.push(about);
            }
        }
        for record in operations {
            let known = |known: &Arc<Record>| known.operation_id == record.operation_id;
            if !self.operations.iter().any(known) {
                self.operations.push(record);
            }
        }
        self.operations.sort_by_key(|record| record.version);
    }

    /// Whether it waits for somebody.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.outcome.is_none()
    }
}

/// How a conflict ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Who decided; `None`: the policy.
    pub resolved_by: Option<UserId>,
    /// The operation that holds; `None` when it is none of them, or several.
    pub resolved_operation: Option<OperationId>,
    /// When.
    pub resolved_at: Timestamp,
    /// The version from which on it is so.
    pub version: Version,
}

/// What somebody decides about an open conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Choice {
    /// This operation holds: one of the conflict's.
    Operation(OperationId),
    /// None of them: these values do, for fields in which they differ.
    Values(Vec<(ObjectId, FieldName, Value)>),
    /// None of them: this is the text where they differ, from the version before on.
    Text(String),
}

/// The answer of somebody to an open conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// Which conflict.
    pub conflict: ConflictId,
    /// What holds.
    pub choice: Choice,
}

impl Resolution {
    /// Bytes that it occupies, near enough for budgets.
    #[must_use]
    pub fn weight(&self) -> usize {
        const BASE: usize = 32;
        BASE + match &self.choice {
            Choice::Operation(_) => 0,
            Choice::Values(values) => values.iter().map(|(_, _, value)| 64 + value.weight()).sum(),
            Choice::Text(text) => text.len(),
        }
    }
}

/// Which conflicts [`DocumentStore::conflicts`](crate::DocumentStore::conflicts) is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictQuery {
    /// In which document.
    pub document_id: DocumentId,
    /// Only those that wait, or only those that do not.
    pub open: Option<bool>,
    /// Only those with a larger (newer) id: where the last page ended.
    pub after: Option<ConflictId>,
    /// At most so many.
    pub limit: usize,
}

impl ConflictQuery {
    /// Whether this conflict is asked for, the limit aside.
    #[must_use]
    pub fn matches(&self, conflict: &Conflict) -> bool {
        let of_state = self.open.is_none_or(|open| open == conflict.is_open());
        let behind = self.after.is_none_or(|after| after < conflict.id);
        of_state && behind
    }
}
