//! Whether an edit is accepted, and what it does. No clock, no store, no await: what a decision needs
//! beyond the present document, the caller brings as [`Evidence`] when it is asked for.

mod objects;
mod properties;
mod resolve;
mod restore;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::conflict::{Conflict, ConflictId, Disagreement, Outcome, PolicyName};
use crate::content::Content;
use crate::document::{Document, DocumentState, Role};
use crate::error::EditError;
use crate::identity::{IdSource, Version};
use crate::limits::Limits;
use crate::objects::Writer;
use crate::policy::{Case, Policies, Verdict};
use crate::record::{Change, Effect, Record, Status};
use crate::value::{Value, Write};
use crate::yjs::{Applied, ContentError};

pub(crate) use objects::writer_id;
pub(crate) use properties::checked_name;

/// The document with all edits before, and what decisions go by.
pub(crate) struct Situation<'a> {
    pub(crate) document: &'a Document,
    pub(crate) content: &'a mut Content,
    /// All conflicts that wait.
    pub(crate) open: &'a BTreeMap<ConflictId, Conflict>,
    pub(crate) limits: &'a Limits,
    pub(crate) policies: &'a Policies,
    pub(crate) ids: &'a IdSource,
    pub(crate) evidence: &'a Evidence,
}

/// What was brought for a decision that asked for it.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// All records after this version.
    pub(crate) since: Option<(Version, Vec<Arc<Record>>)>,
    /// The content at this version.
    pub(crate) earlier: Option<(Version, Content)>,
}

/// What a decision lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    RecordsSince(Version),
    ContentAt(Version),
}

/// What becomes of an edit.
#[derive(Debug)]
pub(crate) enum Decision {
    /// It is new: append it. The content has it already.
    Append(Accepting),
    /// All of it is in the log already: acknowledge, append nothing.
    Known,
    /// Nothing has changed: ask again with this.
    Needs(Need),
}

/// What goes with a record that is to be appended.
#[derive(Debug, Default)]
pub(crate) struct Accepting {
    /// A head that replaces the present one (version and time not yet moved).
    pub(crate) document: Option<Box<Document>>,
    /// Conflicts that are new, or not what they were.
    pub(crate) conflicts: Vec<Conflict>,
    /// What became of records that waited.
    pub(crate) settled: Vec<(Version, Status)>,
}

/// An edit that is not accepted.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Nothing has changed.
    Clean(EditError),
    /// The content may be half changed: load it again.
    Dirty(EditError),
}

impl From<EditError> for Refusal {
    fn from(error: EditError) -> Self {
        Self::Clean(error)
    }
}

/// The content cannot be used any more.
fn broken(error: ContentError) -> Refusal {
    Refusal::Dirty(error.into())
}

/// Decides about one edit. `draft` is the record that it would be, as it was asked for; if the decision
/// is to append, it is what to append.
pub(crate) fn decide(situation: Situation<'_>, draft: &mut Record) -> Result<Decision, Refusal> {
    let document = situation.document;
    require_role(document, draft, needed_role(&draft.change))?;
    if let Change::Properties(change) = &draft.change {
        if document.state == DocumentState::Deleted {
            return Err(EditError::NotActive(document.state).into());
        }
        let limits = situation.limits;
        let changed = properties::with_properties(document, change, limits, situation.policies)?;
        if changed == *document {
            return Ok(Decision::Known);
        }
        return Ok(Decision::Append(Accepting {
            document: Some(Box::new(changed)),
            ..Accepting::default()
        }));
    }
    if document.state != DocumentState::Active {
        return Err(EditError::NotActive(document.state).into());
    }
    situation.check_size(draft)?;
    match &draft.change {
        Change::Yjs(_) => situation.decide_update(draft),
        Change::Operation(_) if document.kind.is_yjs() => situation.decide_text(draft),
        Change::Operation(_) => situation.decide_operation(draft),
        Change::Resolve(_) => situation.decide_resolution(draft),
        Change::Restore(version) => {
            let version = *version;
            situation.decide_restore(draft, version)
        }
        Change::Properties(_) => Ok(Decision::Known),
    }
}

fn needed_role(change: &Change) -> Role {
    match change {
        Change::Properties(change) if change.needs_owner() => Role::Owner,
        _ => Role::Editor,
    }
}

fn require_role(document: &Document, draft: &Record, needed: Role) -> Result<(), EditError> {
    let role = document.metadata.permissions.role_of(&draft.author.user_id);
    if role >= Some(needed) {
        Ok(())
    } else {
        Err(EditError::Forbidden { role, needed })
    }
}

impl Situation<'_> {
    fn check_size(&self, draft: &Record) -> Result<(), EditError> {
        let (bytes, max) = (draft.weight(), self.limits.edit_bytes_max);
        if bytes > max {
            return Err(EditError::TooLarge { bytes, max });
        }
        let max = self.limits.document_bytes_max;
        if self.content.encoded_bytes() + bytes > max {
            return Err(EditError::Full { max });
        }
        Ok(())
    }

    /// A raw Yjs update: those merge, always.
    fn decide_update(self, draft: &Record) -> Result<Decision, Refusal> {
        let (Change::Yjs(update), Content::Yjs(content)) = (&draft.change, self.content) else {
            let reason = "this document is not made of Yjs".to_owned();
            return Err(EditError::Impossible(reason).into());
        };
        if self.document.policy != PolicyName::Merge {
            return Err(EditError::PolicyForbids(self.document.policy.clone()).into());
        }
        match content.apply(update) {
            Ok(Applied::Changed) => Ok(Decision::Append(Accepting::default())),
            Ok(Applied::Unchanged) => Ok(Decision::Known),
            Err(error @ ContentError::Malformed(_)) => Err(Refusal::Clean(error.into())),
            Err(error @ ContentError::Unfit(_)) => Err(Refusal::Dirty(error.into())),
        }
    }

    /// The version that the author had seen.
    fn base_of(&self, draft: &Record) -> Result<Version, EditError> {
        let current = self.document.version;
        let base = draft.terms.base.unwrap_or(current);
        if base > current {
            return Err(EditError::Invalid {
                field: "base",
                reason: format!("the document is at version {current}, not yet at {base}"),
            });
        }
        let unseen = current.0 - base.0;
        if unseen > self.limits.unseen_records_max as u64 {
            return Err(EditError::Stale { base, current });
        }
        Ok(base)
    }

    /// The records that the author of an edit, who had seen `base`, had not seen, and that are about
    /// one of these; or that they have to be brought.
    fn unseen(
        &self,
        draft: &Record,
        base: Version,
        about: &[&Disagreement],
    ) -> Result<Vec<Arc<Record>>, Need> {
        let Some((_, records)) = self
            .evidence
            .since
            .as_ref()
            .filter(|(since, _)| *since == base)
        else {
            return Err(Need::RecordsSince(base));
        };
        let writer = Writer::of(&draft.author, &draft.terms.client_id);
        let of_others = |record: &&Arc<Record>| {
            Writer::of(&record.author, &record.terms.client_id) != writer
                && matches!(record.status, Status::Applied | Status::Resolved)
                && about.iter().any(|about| record.is_about(about))
        };
        Ok(records.iter().filter(of_others).cloned().collect())
    }

    fn settle(
        &self,
        about: &Disagreement,
        earlier: &[Arc<Record>],
        later: &Record,
        write: Option<&Write>,
    ) -> Verdict {
        let case = Case {
            document: self.document,
            about,
            earlier,
            later,
            present: self.present(about),
            write,
        };
        self.policies.settle(&self.document.policy, &case)
    }

    fn present(&self, about: &Disagreement) -> Option<&Value> {
        let Disagreement::Field(object, field) = about else {
            return None;
        };
        self.content.as_objects()?.get(object)?.value(field)
    }

    /// The edit waits: its conflict is a new one, or one that waits already and is about the same.
    fn wait(
        &self,
        draft: &mut Record,
        about: Vec<Disagreement>,
        earlier: Vec<Arc<Record>>,
    ) -> Result<Decision, Refusal> {
        let same = |conflict: &&Conflict| about.iter().any(|about| conflict.about.contains(about));
        let known = self.open.values().find(same).cloned();
        if known.is_none() && self.open.len() >= self.limits.open_conflicts_max {
            let max = self.limits.open_conflicts_max;
            return Err(EditError::TooManyConflicts { max }.into());
        }
        let mut conflict = known.unwrap_or_else(|| self.new_conflict(draft));
        draft.status = Status::Conflict;
        draft.effect = Effect::Nothing;
        draft.conflict = Some(conflict.id);
        let own = Arc::new(draft.clone());
        conflict.add(about, earlier.into_iter().chain([own]));
        Ok(Decision::Append(Accepting {
            conflicts: vec![conflict],
            ..Accepting::default()
        }))
    }

    /// The policy has settled it: the record of that.
    fn settled_by_policy(
        &self,
        draft: &mut Record,
        about: Vec<Disagreement>,
        earlier: Vec<Arc<Record>>,
        holds: Holds,
    ) -> Decision {
        let mut conflict = self.new_conflict(draft);
        draft.conflict = Some(conflict.id);
        let resolved_operation = match holds {
            Holds::Later => Some(draft.operation_id),
            Holds::Earlier => earlier.last().map(|record| record.operation_id),
            Holds::Neither => None,
        };
        conflict.outcome = Some(Outcome {
            resolved_by: None,
            resolved_operation,
            resolved_at: draft.timestamp,
            version: draft.version,
        });
        let own = Arc::new(draft.clone());
        conflict.add(about, earlier.into_iter().chain([own]));
        Decision::Append(Accepting {
            conflicts: vec![conflict],
            ..Accepting::default()
        })
    }

    fn new_conflict(&self, draft: &Record) -> Conflict {
        Conflict {
            id: ConflictId((self.ids)()),
            document_id: self.document.id,
            detected_at: draft.timestamp,
            about: Vec::new(),
            operations: Vec::new(),
            policy: self.document.policy.clone(),
            outcome: None,
        }
    }
}

/// Which side of a conflict holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Later,
    Earlier,
    Neither,
}

#[cfg(test)]
mod tests;
