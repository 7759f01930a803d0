//! Locks, snapshots and audit entries.

use aetherflow_api::statesync::v1 as wire;
use statesync_core::{AuditEntry, Lock, LockTarget, NamedSnapshot};

use super::record::wire_kind;
use super::wire_time;

pub(crate) fn lock(lock: &Lock) -> wire::Lock {
    let object_id = match &lock.target {
        LockTarget::Document => String::new(),
        LockTarget::Object(object) => object.to_string(),
    };
    wire::Lock {
        id: lock.id.to_string(),
        doc_id: lock.document_id.to_string(),
        user_id: lock.holder.user_id.to_string(),
        session_id: lock.holder.session_id.to_string(),
        fence: lock.fence.0,
        acquired_at: Some(wire_time(lock.acquired_at)),
        expires_at: Some(wire_time(lock.expires_at)),
        object_id,
    }
}

pub(crate) fn snapshot(named: &NamedSnapshot) -> wire::Snapshot {
    wire::Snapshot {
        name: named.name.clone(),
        created_by: named.created_by.to_string(),
        created_at: Some(wire_time(named.created_at)),
        version: named.snapshot.version.0,
    }
}

pub(crate) fn audit_entry(entry: &AuditEntry) -> wire::AuditEntry {
    wire::AuditEntry {
        version: entry.version.0,
        operation_id: entry.operation_id.to_string(),
        user_id: entry.user_id.to_string(),
        timestamp: Some(wire_time(entry.timestamp)),
        r#type: wire_kind(entry.kind).into(),
        digest: entry.digest.0.to_vec().into(),
        hash: entry.hash.0.to_vec().into(),
    }
}
