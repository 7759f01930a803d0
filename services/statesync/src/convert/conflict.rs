//! Conflicts, and answers to them.

use aetherflow_api::statesync::v1 as wire;
use statesync_core::{Choice, Conflict, Disagreement, OperationId, Resolution};
use tonic::Status;

use super::document::wire_policy;
use super::object;
use super::record::operation;
use super::value::{field_name, value, wire_value};
use super::{guuid, wire_time};
use crate::status::invalid;

/// A conflict, open or settled.
pub(crate) fn conflict(conflict: &Conflict) -> wire::Conflict {
    let outcome = conflict.outcome.as_ref();
    let by = outcome.and_then(|outcome| outcome.resolved_by.as_ref());
    let chosen = outcome.and_then(|outcome| outcome.resolved_operation);
    let ops = conflict.operations.iter();
    wire::Conflict {
        id: conflict.id.to_string(),
        doc_id: conflict.document_id.to_string(),
        ops: ops
            .map(|record| operation(conflict.document_id, record))
            .collect(),
        resolution: wire_policy(&conflict.policy),
        resolved_by: by.map(ToString::to_string).unwrap_or_default(),
        resolved_op: chosen.map(|id| id.to_string()).unwrap_or_default(),
        resolved_at: outcome.map(|outcome| wire_time(outcome.resolved_at)),
        detected_at: Some(wire_time(conflict.detected_at)),
        about: conflict.about.iter().map(disagreement).collect(),
        resolved_version: outcome.map(|outcome| outcome.version.0),
    }
}

fn disagreement(about: &Disagreement) -> wire::Disagreement {
    let (object_id, field) = match about {
        Disagreement::Field(object, field) => (object.to_string(), field.to_string()),
        Disagreement::Object(object) => (object.to_string(), String::new()),
        Disagreement::Text => (String::new(), String::new()),
    };
    wire::Disagreement { object_id, field }
}

/// Whether only open conflicts are asked for, or only settled ones.
pub(crate) fn conflict_state(number: i32) -> Result<Option<bool>, Status> {
    use wire::ConflictState as Wire;
    let known = Wire::try_from(number).map_err(|_| invalid("state", "no such state"))?;
    Ok(match known {
        Wire::Unspecified => None,
        Wire::Open => Some(true),
        Wire::Resolved => Some(false),
    })
}

/// What the caller decides.
pub(crate) fn choice(choice: Option<wire::resolution::Choice>) -> Result<Choice, Status> {
    use wire::resolution::Choice as Wire;
    let missing = || invalid("resolution.choice", "nothing is chosen");
    Ok(match choice.ok_or_else(missing)? {
        Wire::ResolvedOp(id) => {
            Choice::Operation(OperationId(guuid("resolution.resolved_op", &id)?))
        }
        Wire::Values(values) => {
            const AT: &str = "resolution.values";
            let named = |named: wire::FieldValue| {
                let held = named.value.ok_or_else(|| invalid(AT, "no value"))?;
                let object = object(AT, &named.object_id)?;
                Ok((object, field_name(AT, &named.field)?, value(AT, held)?))
            };
            let values = values.values.into_iter().map(named);
            Choice::Values(values.collect::<Result<_, Status>>()?)
        }
        Wire::Text(text) => Choice::Text(text),
    })
}

pub(super) fn wire_resolution(resolution: &Resolution) -> wire::Resolution {
    use wire::resolution::Choice as Wire;
    let choice = match &resolution.choice {
        Choice::Operation(id) => Some(Wire::ResolvedOp(id.to_string())),
        Choice::Values(values) => {
            let values = values
                .iter()
                .map(|(object, field, value)| wire::FieldValue {
                    object_id: object.to_string(),
                    field: field.to_string(),
                    value: Some(wire_value(value)),
                });
            Some(Wire::Values(wire::FieldValues {
                values: values.collect(),
            }))
        }
        Choice::Text(text) => Some(Wire::Text(text.clone())),
        _ => None,
    };
    wire::Resolution {
        conflict_id: resolution.conflict.to_string(),
        choice,
    }
}
