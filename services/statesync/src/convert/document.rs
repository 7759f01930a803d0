//! Documents and their contents.

use std::collections::HashMap;

use aetherflow_api::statesync::v1 as wire;
use bytes::Bytes;
use statesync_core::{
    Content, ContentError, Document, DocumentState, DocumentType, Metadata, Object, Participant,
    PolicyName, PublicAccess, Reading, UserId, Version,
};
use tonic::Status;

use super::value::wire_values;
use super::wire_time;
use crate::status::invalid;

/// A document as the caller is shown it.
pub(crate) fn document(document: &Document, active: &[Participant]) -> wire::Document {
    let active = active
        .iter()
        .map(|participant| participant.user_id.to_string());
    wire::Document {
        id: document.id.to_string(),
        name: document.name.clone(),
        r#type: wire_document_type(document.kind).into(),
        state: wire_document_state(document.state).into(),
        version: document.version.0,
        content: None,
        created_by: document.created_by.to_string(),
        created_at: Some(wire_time(document.created_at)),
        updated_by: document.updated_by.to_string(),
        updated_at: Some(wire_time(document.updated_at)),
        active_users: active.collect(),
        metadata: Some(metadata(&document.metadata)),
        policy: wire_policy(&document.policy),
        audit_hash: document.audit.0.to_vec().into(),
    }
}

fn metadata(metadata: &Metadata) -> wire::Metadata {
    let names = |users: &std::collections::BTreeSet<UserId>| {
        users.iter().map(ToString::to_string).collect()
    };
    let permissions = &metadata.permissions;
    let properties = metadata.properties.iter();
    wire::Metadata {
        tags: metadata.tags.iter().cloned().collect(),
        description: metadata.description.clone(),
        properties: properties
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        permissions: Some(wire::Permissions {
            owner: permissions.owner.to_string(),
            editors: names(&permissions.editors),
            viewers: names(&permissions.viewers),
            public: wire_public_access(permissions.public).into(),
        }),
    }
}

/// The content at a version.
pub(crate) fn content(version: Version, reading: Reading) -> wire::Content {
    let objects = reading.objects.iter().map(|(id, object)| {
        let wire = wire::Object {
            kind: object.kind.clone(),
            fields: wire_values(&object.fields),
            texts: HashMap::new(),
        };
        (id.to_string(), wire)
    });
    wire::Content {
        version: version.0,
        objects: objects.collect(),
        text: reading.text,
        xml: reading.xml,
        yjs_update: None,
    }
}

/// Adds what takes part in Yjs, for those who go on from there.
pub(crate) fn add_yjs(shown: &mut wire::Content, content: &Content) -> Result<(), ContentError> {
    // The state vector of somebody who has nothing.
    const NOTHING: [u8; 1] = [0];
    if let Some(yjs) = content.as_yjs() {
        shown.yjs_update = Some(yjs.difference(&NOTHING)?);
    }
    let objects = content.as_objects().into_iter();
    for (id, object) in objects.flat_map(|objects| objects.iter()) {
        if let Some(shown) = shown.objects.get_mut(id.as_str()) {
            shown.texts = texts(object, &NOTHING)?;
        }
    }
    Ok(())
}

fn texts(object: &Object, state_vector: &[u8]) -> Result<HashMap<String, Bytes>, ContentError> {
    let names = object.values().map(|(name, _)| name);
    let texts = names.filter_map(|name| Some((name, object.text(name)?)));
    texts
        .map(|(name, text)| Ok((name.to_string(), text.difference(state_vector)?)))
        .collect()
}

pub(super) fn wire_policy(policy: &PolicyName) -> String {
    policy.as_str().to_owned()
}

/// `None` when the caller did not say.
pub(crate) fn document_type(field: &str, number: i32) -> Result<Option<DocumentType>, Status> {
    use wire::DocumentType as Wire;
    let known = Wire::try_from(number).map_err(|_| invalid(field, "no such type"))?;
    Ok(match known {
        Wire::Unspecified => None,
        Wire::Text => Some(DocumentType::Text),
        Wire::Richtext => Some(DocumentType::Richtext),
        Wire::Whiteboard => Some(DocumentType::Whiteboard),
        Wire::Canvas => Some(DocumentType::Canvas),
        Wire::Sheet => Some(DocumentType::Sheet),
    })
}

fn wire_document_type(kind: DocumentType) -> wire::DocumentType {
    use wire::DocumentType as Wire;
    match kind {
        DocumentType::Text => Wire::Text,
        DocumentType::Richtext => Wire::Richtext,
        DocumentType::Whiteboard => Wire::Whiteboard,
        DocumentType::Canvas => Wire::Canvas,
        DocumentType::Sheet => Wire::Sheet,
        _ => Wire::Unspecified,
    }
}

/// `None` when the caller did not say.
pub(crate) fn document_state(field: &str, number: i32) -> Result<Option<DocumentState>, Status> {
    use wire::DocumentState as Wire;
    let known = Wire::try_from(number).map_err(|_| invalid(field, "no such state"))?;
    Ok(match known {
        Wire::Unspecified => None,
        Wire::Active => Some(DocumentState::Active),
        Wire::Archived => Some(DocumentState::Archived),
        Wire::Deleted => Some(DocumentState::Deleted),
    })
}

pub(super) fn wire_document_state(state: DocumentState) -> wire::DocumentState {
    use wire::DocumentState as Wire;
    match state {
        DocumentState::Active => Wire::Active,
        DocumentState::Archived => Wire::Archived,
        DocumentState::Deleted => Wire::Deleted,
        _ => Wire::Unspecified,
    }
}

/// `None` when the caller did not say.
pub(crate) fn public_access(field: &str, number: i32) -> Result<Option<PublicAccess>, Status> {
    use wire::PublicAccess as Wire;
    let known = Wire::try_from(number).map_err(|_| invalid(field, "no such access"))?;
    Ok(match known {
        Wire::Unspecified => None,
        Wire::None => Some(PublicAccess::None),
        Wire::View => Some(PublicAccess::View),
        Wire::Edit => Some(PublicAccess::Edit),
    })
}

pub(super) fn wire_public_access(public: PublicAccess) -> wire::PublicAccess {
    use wire::PublicAccess as Wire;
    match public {
        PublicAccess::None => Wire::None,
        PublicAccess::View => Wire::View,
        PublicAccess::Edit => Wire::Edit,
    }
}
