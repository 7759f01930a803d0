//! Changes of a document's head.

use std::collections::BTreeSet;

use crate::document::Document;
use crate::error::EditError;
use crate::identity::UserId;
use crate::limits::Limits;
use crate::policy::Policies;
use crate::record::PropertiesChange;

/// The head with `change` in it, after checking every value.
pub(super) fn with_properties(
    document: &Document,
    change: &PropertiesChange,
    limits: &Limits,
    policies: &Policies,
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
    if let Some(policy) = &change.policy {
        if !policies.knows(policy) {
            return Err(EditError::Invalid {
                field: "policy",
                reason: format!("no policy is called {:?}", policy.as_str()),
            });
        }
        changed.policy.clone_from(policy);
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
