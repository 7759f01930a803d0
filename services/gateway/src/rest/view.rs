//! Documents and sessions as JSON shows them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use statesync_core::{
    Document, DocumentId, DocumentState, DocumentType, FieldName, ObjectReading, Participant,
    Permissions, PolicyName, Role, UserId, Value,
};

/// A document as one user sees it.
#[derive(Serialize)]
pub(super) struct DocumentView<'a> {
    id: DocumentId,
    name: &'a str,
    #[serde(rename = "type")]
    kind: DocumentType,
    state: DocumentState,
    version: u64,
    created_by: &'a UserId,
    created_at: String,
    updated_by: &'a UserId,
    updated_at: String,
    active_users: Vec<UserView>,
    role: Role,
    policy: &'a PolicyName,
    metadata: MetadataView<'a>,
}

#[derive(Serialize)]
struct MetadataView<'a> {
    tags: &'a BTreeSet<String>,
    description: &'a str,
    properties: &'a BTreeMap<String, String>,
    permissions: &'a Permissions,
}

/// A user, for others to read.
#[derive(Serialize)]
pub(super) struct UserView {
    pub(super) id: String,
    pub(super) name: String,
}

impl<'a> DocumentView<'a> {
    pub(super) fn new(document: &'a Document, role: Role, active: Vec<Participant>) -> Self {
        let metadata = &document.metadata;
        let user = |who: Participant| UserView {
            id: who.user_id.to_string(),
            name: who.name,
        };
        Self {
            id: document.id,
            name: &document.name,
            kind: document.kind,
            state: document.state,
            version: document.version.0,
            created_by: &document.created_by,
            created_at: time(document.created_at.0),
            updated_by: &document.updated_by,
            updated_at: time(document.updated_at.0),
            active_users: active.into_iter().map(user).collect(),
            role,
            policy: &document.policy,
            metadata: MetadataView {
                tags: &metadata.tags,
                description: &metadata.description,
                properties: &metadata.properties,
                permissions: &metadata.permissions,
            },
        }
    }
}

/// An object of a whiteboard, a canvas or a sheet.
#[derive(Serialize)]
pub(super) struct ObjectView {
    kind: String,
    fields: BTreeMap<FieldName, serde_json::Value>,
}

impl From<ObjectReading> for ObjectView {
    fn from(object: ObjectReading) -> Self {
        let fields = object.fields.into_iter();
        Self {
            kind: object.kind,
            fields: fields.map(|(name, value)| (name, json(value))).collect(),
        }
    }
}

fn json(value: Value) -> serde_json::Value {
    match value {
        Value::Boolean(value) => value.into(),
        Value::Integer(number) => number.into(),
        Value::Number(number) => number.into(),
        Value::Text(text) => text.into(),
        Value::Points(points) => points.into_iter().map(|(x, y)| vec![x, y]).collect(),
        Value::Set(words) => words.into_iter().collect(),
        _ => serde_json::Value::Null,
    }
}

/// A time as RFC 3339 writes it, in UTC with milliseconds.
pub(super) fn time(unix_ms: u64) -> String {
    let unix_ms = i64::try_from(unix_ms).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or(jiff::Timestamp::MAX);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_have_milliseconds_and_no_offset() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(1_795_437_296_789), "2026-11-23T12:34:56.789Z");
    }
}
