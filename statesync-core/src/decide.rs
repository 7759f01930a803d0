//! Whether an edit is accepted, and what it makes of the document. No clock, no store, no await.

use std::collections::BTreeSet;

use crate::content::{Applied, Content, ContentError};
use crate::document::{Document, DocumentState, Role};
use crate::error::EditError;
use crate::identity::UserId;
use crate::limits::Limits;
use crate::record::{Change, Edit, PropertiesChange};

/// What becomes of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is new: append it. The content has it already.
    Append,
    /// It is new and replaces the head (version and time not yet moved).
    AppendWithHead(Box<Document>),
    /// All of it is in the log already: acknowledge, append nothing.
    Known,
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

/// Decides about one edit, given the document with all edits before it.
pub(crate) fn decide(
    document: &Document,
    content: &mut Content,
    edit: &Edit,
    limits: &Limits,
) -> Result<Decision, Refusal> {
    match &edit.change {
        Change::Yjs(update) => {
            require_role(document, edit, Role::Editor)?;
            if document.state != DocumentState::Active {
                return Err(EditError::NotActive(document.state).into());
            }
            decide_update(content, update, limits)
        }
        Change::Properties(change) => {
            let needed = if change.needs_owner() {
                Role::Owner
            } else {
                Role::Editor
            };
            require_role(document, edit, needed)?;
            if document.state == DocumentState::Deleted {
                return Err(EditError::NotActive(document.state).into());
            }
            let changed = with_properties(document, change, limits)?;
            if changed == *document {
                return Ok(Decision::Known);
            }
            Ok(Decision::AppendWithHead(Box::new(changed)))
        }
    }
}

fn require_role(document: &Document, edit: &Edit, needed: Role) -> Result<(), EditError> {
    let role = document.metadata.permissions.role_of(&edit.author.user_id);
    if role >= Some(needed) {
        Ok(())
    } else {
        Err(EditError::Forbidden { role, needed })
    }
}

fn decide_update(
    content: &mut Content,
    update: &[u8],
    limits: &Limits,
) -> Result<Decision, Refusal> {
    if update.len() > limits.edit_bytes_max {
        let (bytes, max) = (update.len(), limits.edit_bytes_max);
        return Err(EditError::TooLarge { bytes, max }.into());
    }
    if content.encoded_bytes() + update.len() > limits.document_bytes_max {
        return Err(EditError::Full {
            max: limits.document_bytes_max,
        }
        .into());
    }
    match content.apply(update) {
        Ok(Applied::Changed) => Ok(Decision::Append),
        Ok(Applied::Unchanged) => Ok(Decision::Known),
        Err(error @ ContentError::Malformed(_)) => Err(Refusal::Clean(error.into())),
        Err(error @ ContentError::Unfit(_)) => Err(Refusal::Dirty(error.into())),
    }
}

/// The head with `change` in it, after checking every value.
fn with_properties(
    document: &Document,
    change: &PropertiesChange,
    limits: &Limits,
) -> Result<Document, EditError> {
    let mut changed = document.clone();
    if let Some(name) = &change.name {
        changed.name = checked_name(name, limits)?;
    }
    if let Some(description) = &change.description {
        check_text("description", description, limits.description_bytes_max)?;
        changed.metadata.description.clone_from(description);
    }
    if let Some(tags) = &change.tags {
        check_count("tags", tags.len(), limits)?;
        for tag in tags {
            check_text("tags", tag, limits.tag_bytes_max)?;
        }
        changed.metadata.tags.clone_from(tags);
    }
    if let Some(state) = change.state {
        changed.state = state;
    }
    let permissions = &mut changed.metadata.permissions;
    replace_users(
        "editors",
        &mut permissions.editors,
        change.editors.as_ref(),
        limits,
    )?;
    replace_users(
        "viewers",
        &mut permissions.viewers,
        change.viewers.as_ref(),
        limits,
    )?;
    if let Some(public) = change.public {
        permissions.public = public;
    }
    Ok(changed)
}

fn replace_users(
    field: &'static str,
    users: &mut BTreeSet<UserId>,
    replacement: Option<&BTreeSet<UserId>>,
    limits: &Limits,
) -> Result<(), EditError> {
    let Some(replacement) = replacement else {
        return Ok(());
    };
    check_count(field, replacement.len(), limits)?;
    users.clone_from(replacement);
    Ok(())
}

/// A document's name, without blanks around it.
pub(crate) fn checked_name(name: &str, limits: &Limits) -> Result<String, EditError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(EditError::Invalid {
            field: "name",
            reason: "must not be empty".to_owned(),
        });
    }
    check_text("name", name, limits.name_bytes_max)?;
    Ok(name.to_owned())
}

fn check_text(field: &'static str, text: &str, bytes_max: usize) -> Result<(), EditError> {
    let reason = if text.len() > bytes_max {
        format!("at most {bytes_max} bytes, got {}", text.len())
    } else if text
        .chars()
        .any(|letter| letter.is_control() && letter != '\n')
    {
        "must not have control characters".to_owned()
    } else {
        return Ok(());
    };
    Err(EditError::Invalid { field, reason })
}

fn check_count(field: &'static str, count: usize, limits: &Limits) -> Result<(), EditError> {
    if count <= limits.list_entries_max {
        return Ok(());
    }
    let reason = format!("at most {} entries, got {count}", limits.list_entries_max);
    Err(EditError::Invalid { field, reason })
}

#[cfg(test)]
mod tests;
