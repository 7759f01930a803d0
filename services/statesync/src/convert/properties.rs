//! Changes of a document's head.

use aetherflow_api::statesync::v1 as wire;
use statesync_core::{PolicyName, PropertiesChange, UserId};
use tonic::Status;

use super::document::{
    document_state, public_access, wire_document_state, wire_policy, wire_public_access,
};
use super::users;
use super::value::wire_words;

/// What the caller wants changed.
pub(crate) fn properties_change(
    asked: wire::UpdateDocumentRequest,
) -> Result<PropertiesChange, Status> {
    let editors = asked.editors.map(|set| users("editors", set.users));
    let viewers = asked.viewers.map(|set| users("viewers", set.users));
    Ok(PropertiesChange {
        name: asked.name,
        description: asked.description,
        tags: asked.tags.map(|tags| tags.words.into_iter().collect()),
        state: document_state("state", asked.state)?,
        editors: editors.transpose()?,
        viewers: viewers.transpose()?,
        public: public_access("public", asked.public)?,
        policy: asked.policy.map(policy),
    })
}

fn policy(name: String) -> PolicyName {
    match name.as_str() {
        "lww" => PolicyName::Lww,
        "manual" => PolicyName::Manual,
        "merge" => PolicyName::Merge,
        _ => PolicyName::Custom(name),
    }
}

pub(super) fn wire_properties(change: &PropertiesChange) -> wire::PropertiesChange {
    let users = |users: &std::collections::BTreeSet<UserId>| wire::UserSet {
        users: users.iter().map(ToString::to_string).collect(),
    };
    wire::PropertiesChange {
        name: change.name.clone(),
        description: change.description.clone(),
        tags: change.tags.as_ref().map(wire_words),
        state: change
            .state
            .map_or(0, |state| wire_document_state(state).into()),
        editors: change.editors.as_ref().map(users),
        viewers: change.viewers.as_ref().map(users),
        public: change
            .public
            .map_or(0, |public| wire_public_access(public).into()),
        policy: change.policy.as_ref().map(wire_policy),
    }
}
