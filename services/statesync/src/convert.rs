//! From the types on the wire to those of the core, and back.

mod conflict;
mod document;
mod history;
mod operation;
mod properties;
mod record;
mod value;

use std::collections::BTreeSet;

use guuid::Guuid;
use prost_types::Timestamp as WireTime;
use statesync_core::{
    ConflictId, DocumentId, LockId, LockTarget, ObjectId, OperationId, Timestamp, UserId,
};
use tonic::Status;

use crate::status::invalid;

pub(crate) use conflict::{choice, conflict, conflict_state};
pub(crate) use document::{
    add_yjs, content, document, document_state, document_type, public_access,
};
pub(crate) use history::{audit_entry, lock, snapshot};
pub(crate) use operation::change;
pub(crate) use properties::properties_change;
pub(crate) use record::{accepted, operation};

/// An id that the caller sent.
pub(crate) fn guuid(field: &str, text: &str) -> Result<Guuid, Status> {
    Guuid::parse(text).map_err(|error| invalid(field, error.to_string()))
}

pub(crate) fn document_id(text: &str) -> Result<DocumentId, Status> {
    guuid("doc_id", text).map(DocumentId)
}

pub(crate) fn operation_id(text: Option<&str>) -> Result<Option<OperationId>, Status> {
    text.map(|text| guuid("operation_id", text).map(OperationId))
        .transpose()
}

pub(crate) fn conflict_id(text: &str) -> Result<ConflictId, Status> {
    guuid("conflict_id", text).map(ConflictId)
}

pub(crate) fn lock_id(text: &str) -> Result<LockId, Status> {
    guuid("lock_id", text).map(LockId)
}

/// The object of this id, or all of the document.
pub(crate) fn lock_target(object_id: &str) -> Result<LockTarget, Status> {
    if object_id.is_empty() {
        return Ok(LockTarget::Document);
    }
    object("object_id", object_id).map(LockTarget::Object)
}

fn object(field: &str, text: &str) -> Result<ObjectId, Status> {
    ObjectId::new(text).map_err(|error| invalid(field, error.to_string()))
}

fn users(field: &str, users: Vec<String>) -> Result<BTreeSet<UserId>, Status> {
    let user = |text| UserId::new(text).map_err(|error| invalid(field, error.to_string()));
    users.into_iter().map(user).collect()
}

pub(crate) fn wire_time(at: Timestamp) -> WireTime {
    const MS: u64 = 1_000;
    const NANOS: u64 = 1_000_000;
    WireTime {
        seconds: i64::try_from(at.0 / MS).unwrap_or(i64::MAX),
        nanos: i32::try_from(at.0 % MS * NANOS).unwrap_or_default(),
    }
}

/// A point in time that the caller sent. What is before 1970 is as early as it gets.
pub(crate) fn time(field: &str, at: WireTime) -> Result<Timestamp, Status> {
    const NANOS_PER_MS: u64 = 1_000_000;
    const NANOS_PER_SECOND: i32 = 1_000_000_000;
    if !(0..NANOS_PER_SECOND).contains(&at.nanos) {
        return Err(invalid(field, "nanos are from 0 to 999999999"));
    }
    let seconds = u64::try_from(at.seconds).unwrap_or_default();
    let nanos = u64::try_from(at.nanos).unwrap_or_default();
    let ms = seconds.saturating_mul(1_000);
    Ok(Timestamp(ms.saturating_add(nanos / NANOS_PER_MS)))
}
