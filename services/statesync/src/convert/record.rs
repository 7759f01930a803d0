//! Entries of the log, and answers to those who wrote them.

use aetherflow_api::statesync::v1 as wire;
use statesync_core::{
    Accepted, Change, DocumentId, FieldName, ObjectId, Operation, OperationKind, Record, Status,
    Step, TextEdit, Version,
};

use super::conflict::wire_resolution;
use super::properties::wire_properties;
use super::value::{wire_value, wire_values, wire_write};
use super::wire_time;

/// An entry of the log.
pub(crate) fn operation(doc_id: DocumentId, record: &Record) -> wire::Operation {
    let before = Version(record.version.0.saturating_sub(1));
    let metadata = record.terms.metadata.iter();
    wire::Operation {
        id: record.operation_id.to_string(),
        doc_id: doc_id.to_string(),
        user_id: record.author.user_id.to_string(),
        session_id: record.author.session_id.to_string(),
        r#type: wire_kind(record.change.kind()).into(),
        data: Some(data(&record.change)),
        timestamp: Some(wire_time(record.timestamp)),
        version: record.version.0,
        prev_version: record.terms.base.unwrap_or(before).0,
        status: wire_status(record.status).into(),
        client_id: record.terms.client_id.clone(),
        metadata: metadata
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        conflict_id: record.conflict.map(|conflict| conflict.to_string()),
        fence: record.terms.fence.map(|fence| fence.0),
        effect: Some(effect(record)),
    }
}

/// What became of an edit.
pub(crate) fn accepted(accepted: &Accepted) -> wire::ApplyOperationResponse {
    wire::ApplyOperationResponse {
        operation_id: accepted.operation_id.map(|id| id.to_string()),
        version: accepted.version.0,
        status: wire_status(accepted.status).into(),
        conflict_id: accepted.conflict.map(|conflict| conflict.to_string()),
    }
}

fn wire_status(status: Status) -> wire::OperationStatus {
    use wire::OperationStatus as Wire;
    match status {
        Status::Pending => Wire::Pending,
        Status::Applied => Wire::Applied,
        Status::Conflict => Wire::Conflict,
        Status::Rejected => Wire::Rejected,
        Status::Resolved => Wire::Resolved,
        _ => Wire::Unspecified,
    }
}

pub(super) fn wire_kind(kind: OperationKind) -> wire::OperationType {
    use wire::OperationType as Wire;
    match kind {
        OperationKind::Create => Wire::Create,
        OperationKind::Update => Wire::Update,
        OperationKind::Delete => Wire::Delete,
        OperationKind::Move => Wire::Move,
        OperationKind::Resize => Wire::Resize,
        OperationKind::Style => Wire::Style,
        OperationKind::Text => Wire::Text,
        OperationKind::Properties => Wire::Properties,
        OperationKind::Resolve => Wire::Resolve,
        OperationKind::Restore => Wire::Restore,
        _ => Wire::Unspecified,
    }
}

fn data(change: &Change) -> wire::OperationData {
    use wire::operation_data::Kind;
    let kind = match change {
        Change::Yjs(update) => Some(Kind::YjsUpdate(update.clone())),
        Change::Properties(change) => Some(Kind::Properties(wire_properties(change))),
        Change::Operation(operation) => typed(operation),
        Change::Resolve(resolution) => Some(Kind::Resolve(wire_resolution(resolution))),
        Change::Restore(version) => Some(Kind::RestoreVersion(version.0)),
        _ => None,
    };
    wire::OperationData { kind }
}

fn typed(operation: &Operation) -> Option<wire::operation_data::Kind> {
    use wire::operation_data::Kind;
    let object_id = operation.object().map(ToString::to_string);
    let object_id = object_id.unwrap_or_default();
    Some(match operation {
        Operation::Create { kind, fields, .. } => Kind::Create(wire::CreateObject {
            object_id,
            kind: kind.clone(),
            fields: wire_values(fields),
        }),
        Operation::Update { writes, .. } => {
            let writes = writes.iter();
            Kind::Update(wire::UpdateObject {
                object_id,
                writes: writes
                    .map(|(name, write)| (name.to_string(), wire_write(write)))
                    .collect(),
            })
        }
        Operation::Delete { .. } => Kind::Delete(wire::DeleteObject { object_id }),
        &Operation::Move { x, y, .. } => Kind::Move(wire::MoveObject { object_id, x, y }),
        &Operation::Resize { width, height, .. } => Kind::Resize(wire::ResizeObject {
            object_id,
            width,
            height,
        }),
        Operation::Style { fields, .. } => {
            let set = fields.iter().filter_map(|(name, value)| {
                let value = value.as_ref()?;
                Some((name.to_string(), wire_value(value)))
            });
            let clear = fields.iter().filter(|(_, value)| value.is_none());
            Kind::Style(wire::StyleObject {
                object_id,
                set: set.collect(),
                clear: clear.map(|(name, _)| name.to_string()).collect(),
            })
        }
        Operation::Text { target, edits } => {
            let field = target.as_ref().map(|target| target.field.to_string());
            Kind::Text(wire::EditText {
                object_id,
                field: field.unwrap_or_default(),
                edits: edits.iter().map(text_edit).collect(),
            })
        }
        _ => return None,
    })
}

fn text_edit(edit: &TextEdit) -> wire::TextEdit {
    wire::TextEdit {
        position: edit.position,
        delete: edit.delete,
        insert: edit.insert.clone(),
    }
}

fn effect(record: &Record) -> wire::Effect {
    // An operation that waits does nothing yet.
    let waits = matches!(record.effect, statesync_core::Effect::Nothing);
    let steps = if waits { Vec::new() } else { record.steps() };
    wire::Effect {
        yjs_update: record.yjs_update().cloned(),
        steps: steps.iter().map(step).collect(),
    }
}

fn step(step: &Step) -> wire::Step {
    use wire::step::Kind;
    let of = |id: &ObjectId, kind| wire::Step {
        object_id: id.to_string(),
        kind,
    };
    let named = FieldName::to_string;
    match step {
        Step::Create(id, kind) => of(id, Some(Kind::Create(kind.clone()))),
        Step::Delete(id) => {
            let object_id = id.to_string();
            of(id, Some(Kind::Delete(wire::DeleteObject { object_id })))
        }
        Step::Write(id, field, write) => {
            let write = Some(wire_write(write));
            let field = named(field);
            of(id, Some(Kind::Write(wire::FieldWrite { field, write })))
        }
        Step::Text(id, field, update) => {
            let text = wire::FieldText {
                field: named(field),
                yjs_update: update.clone(),
            };
            of(id, Some(Kind::Text(text)))
        }
        other => of(other.object(), None),
    }
}
