//! What is asked for ([`Edit`]) and what the log keeps ([`Record`]).

mod body;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use guuid::Guuid;
use serde::{Deserialize, Serialize};

use crate::conflict::{ConflictId, Disagreement, PolicyName, Resolution};
use crate::document::{DocumentState, PublicAccess};
use crate::identity::{OperationId, Timestamp, UserId, Version};
use crate::lock::{Fence, Guard, GuardViolation, Lock, LockTarget};
use crate::objects;
use crate::operation::{Operation, OperationKind};
use crate::value::{ObjectId, Step, Write};

pub use body::InvalidBody;

/// Who asks: an authenticated user, and the session they act in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The user.
    pub user_id: UserId,
    /// The session, as the session service names it; empty for the system itself.
    pub session_id: Arc<str>,
}

/// A change that somebody asks for. It becomes a [`Record`] when the owner of the document
/// accepts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Who asks.
    pub author: Author,
    /// What is asked.
    pub change: Change,
    /// On what terms.
    pub terms: Terms,
}

impl Edit {
    /// An edit without special terms.
    #[must_use]
    pub fn new(author: Author, change: Change) -> Self {
        Self {
            author,
            change,
            terms: Terms::default(),
        }
    }

    /// The same edit on these terms.
    #[must_use]
    pub fn with_terms(mut self, terms: Terms) -> Self {
        self.terms = terms;
        self
    }
}

/// What the author of an edit says about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Its name, so that it can be asked for again and is done once.
    pub operation_id: Option<OperationId>,
    /// The version that the author had seen; `None`: whatever there is.
    pub base: Option<Version>,
    /// Which of the author's clients asks. It has seen its own edits, whatever the base is.
    pub client_id: String,
    /// The lock that the author relies on.
    pub fence: Option<Fence>,
    /// The application's own values.
    pub metadata: BTreeMap<String, String>,
}

impl Terms {
    fn weight(&self) -> usize {
        let texts = self
            .metadata
            .iter()
            .map(|(key, value)| key.len() + value.len());
        self.client_id.len() + texts.sum::<usize>()
    }
}

/// One accepted edit: an entry of the document's log. All of it stays as it is, but for the status
/// of one that waits.
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
    /// What became of it.
    pub status: Status,
    /// What was asked.
    pub change: Change,
    /// On what terms.
    pub terms: Terms,
    /// What it does to the content.
    pub effect: Effect,
    /// The conflict that it is in, or settles.
    pub conflict: Option<ConflictId>,
}

impl Record {
    /// What becomes of an edit that is accepted as it was asked.
    #[must_use]
    pub fn of(
        edit: Edit,
        version: Version,
        operation_id: OperationId,
        timestamp: Timestamp,
    ) -> Self {
        Self {
            version,
            operation_id,
            author: edit.author,
            timestamp,
            status: Status::Applied,
            change: edit.change,
            terms: edit.terms,
            effect: Effect::AsAsked,
            conflict: None,
        }
    }

    /// What an edit is before anybody has decided about it.
    pub(crate) fn draft(edit: Edit) -> Self {
        let no_name = OperationId(Guuid::first_at(0));
        Self::of(edit, Version::ZERO, no_name, Timestamp(0))
    }

    /// Bytes that it occupies, near enough for budgets.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.change.weight() + self.effect.weight() + self.terms.weight()
    }

    /// The Yjs update that it made, of a text or rich text.
    #[must_use]
    pub fn yjs_update(&self) -> Option<&Bytes> {
        match (&self.change, &self.effect) {
            (Change::Yjs(update), Effect::AsAsked) | (_, Effect::Yjs(update)) => Some(update),
            _ => None,
        }
    }

    /// The steps that it took, on objects.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        match (&self.change, &self.effect) {
            (_, Effect::Objects(steps)) => steps.clone(),
            (Change::Operation(operation), Effect::AsAsked) => objects::steps(operation),
            _ => Vec::new(),
        }
    }

    /// The steps that it asks for, whether or not it took them.
    pub(crate) fn asked_steps(&self) -> Vec<Step> {
        match &self.change {
            Change::Operation(operation) => objects::steps(operation),
            _ => self.steps(),
        }
    }

    /// What it does to the field that a disagreement is about.
    #[must_use]
    pub fn write_of(&self, about: &Disagreement) -> Option<Write> {
        let Disagreement::Field(object, field) = about else {
            return None;
        };
        self.asked_steps().into_iter().find_map(|step| match step {
            Step::Write(of, name, write) if of == *object && name == *field => Some(write),
            _ => None,
        })
    }

    /// Whether it has to do with what a disagreement is about.
    pub(crate) fn is_about(&self, about: &Disagreement) -> bool {
        let of_object = |id: &ObjectId| {
            let mut steps = self.asked_steps().into_iter();
            steps.any(|step| step.object() == id)
        };
        match about {
            Disagreement::Field(..) => self.write_of(about).is_some(),
            Disagreement::Object(id) => of_object(id),
            Disagreement::Text => !matches!(self.change, Change::Properties(_)),
        }
    }

    /// What nobody else's live lock may cover for this to be written.
    #[must_use]
    pub fn touches(&self) -> Vec<LockTarget> {
        self.change.touches()
    }

    /// The reason for which these locks forbid that this is written at `now`, if they do.
    #[must_use]
    pub fn violation(&self, locks: &[Lock], now: Timestamp) -> Option<GuardViolation> {
        if locks.is_empty() && self.terms.fence.is_none() {
            return None;
        }
        let guard = Guard {
            author: &self.author,
            targets: &self.touches(),
            fence: self.terms.fence,
        };
        guard.violation(locks, now)
    }
}

/// What became of an edit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// Not decided yet; nothing in a log is.
    Pending,
    /// It holds, or did until a later one.
    #[default]
    Applied,
    /// It waits for somebody who settles a conflict.
    Conflict,
    /// A conflict was settled against it.
    Rejected,
    /// A conflict was settled in its favour.
    Resolved,
}

impl Status {
    /// The word for it, as the services and the databases write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Applied => "applied",
            Self::Conflict => "conflict",
            Self::Rejected => "rejected",
            Self::Resolved => "resolved",
        }
    }
}

/// What an edit does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Change {
    /// A Yjs update in encoding version 1, as the editor made it.
    Yjs(Bytes),
    /// A change of the document's head.
    Properties(PropertiesChange),
    /// A typed operation.
    Operation(Operation),
    /// The answer to an open conflict.
    Resolve(Resolution),
    /// Makes the content what it was at an earlier version.
    Restore(Version),
}

impl Change {
    /// Bytes that it occupies, near enough for budgets.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Yjs(update) => update.len(),
            Self::Properties(change) => change.weight(),
            Self::Operation(operation) => operation.weight(),
            Self::Resolve(resolution) => resolution.weight(),
            Self::Restore(_) => 8,
        }
    }

    /// What kind of thing it is.
    #[must_use]
    pub fn kind(&self) -> OperationKind {
        match self {
            Self::Yjs(_) => OperationKind::Text,
            Self::Properties(_) => OperationKind::Properties,
            Self::Operation(operation) => operation.kind(),
            Self::Resolve(_) => OperationKind::Resolve,
            Self::Restore(_) => OperationKind::Restore,
        }
    }

    /// What nobody else's live lock may cover for this to be done.
    #[must_use]
    pub fn touches(&self) -> Vec<LockTarget> {
        match self {
            Self::Properties(_) => Vec::new(),
            Self::Operation(operation) => {
                let object = operation.object().cloned();
                vec![object.map_or(LockTarget::Document, LockTarget::Object)]
            }
            Self::Yjs(_) | Self::Resolve(_) | Self::Restore(_) => vec![LockTarget::Document],
        }
    }
}

/// What an edit does to the content, so that the log adds up to the same again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Effect {
    /// What was asked.
    #[default]
    AsAsked,
    /// Nothing: it waits, or concerns the head alone.
    Nothing,
    /// This Yjs update.
    Yjs(Bytes),
    /// These steps, in order.
    Objects(Vec<Step>),
}

impl Effect {
    fn weight(&self) -> usize {
        match self {
            Self::AsAsked | Self::Nothing => 0,
            Self::Yjs(update) => update.len(),
            Self::Objects(steps) => steps.iter().map(Step::weight).sum(),
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
    /// How conflicts are settled. Only the owner may.
    pub policy: Option<PolicyName>,
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
            || self.policy.is_some()
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
