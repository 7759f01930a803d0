//! Records of the log.

use std::sync::Arc;

use bytes::Bytes;
use statesync_core::{
    Author, ConflictId, DocumentId, OperationId, Record, StoreError, Timestamp, UserId, Version,
};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Columns, corrupt};
use crate::checksum::checksum;

/// The columns of [`record`]. What is not among them is for people's queries: the body has it, too.
pub(crate) const RECORD: &str =
    "version, id, status, user_id, session_id, timestamp, conflict_id, body, checksum";

/// A record, of the columns [`RECORD`].
pub(crate) fn record(row: &Row, id: DocumentId) -> Result<Record, StoreError> {
    let columns = Columns::of(row, id, "record");
    let version = columns.version("version")?;
    let damaged = |lost: &dyn std::fmt::Display| corrupt(id, format!("record {version}: {lost}"));
    let conflict = columns.get::<Option<Uuid>>("conflict_id")?;
    let conflict = conflict.map(|_| columns.guuid("conflict_id")).transpose()?;
    let body = Bytes::copy_from_slice(columns.get("body")?);
    let operation_id = OperationId(columns.guuid("id")?);
    let author = Author {
        user_id: columns.user("user_id")?,
        session_id: columns.text("session_id")?.into(),
    };
    let timestamp = columns.time("timestamp")?;
    let identity = Identity {
        version,
        operation_id,
        user_id: &author.user_id,
        session_id: &author.session_id,
        timestamp,
    };
    if identity.checksum(id, &body) != columns.get::<i64>("checksum")? {
        return Err(damaged(&"its checksum is another"));
    }
    let (change, terms, effect) = Record::parse_body(&body).map_err(|error| damaged(&error))?;
    Ok(Record {
        version,
        operation_id,
        author,
        timestamp,
        status: columns.word("status")?,
        change,
        terms,
        effect,
        conflict: conflict.map(ConflictId),
    })
}

/// The checksum of everything about a record that never changes.
pub(crate) fn record_checksum(id: DocumentId, record: &Record, body: &[u8]) -> i64 {
    let identity = Identity {
        version: record.version,
        operation_id: record.operation_id,
        user_id: &record.author.user_id,
        session_id: &record.author.session_id,
        timestamp: record.timestamp,
    };
    identity.checksum(id, body)
}

struct Identity<'a> {
    version: Version,
    operation_id: OperationId,
    user_id: &'a UserId,
    session_id: &'a str,
    timestamp: Timestamp,
}

impl Identity<'_> {
    fn checksum(&self, id: DocumentId, body: &[u8]) -> i64 {
        checksum(&[
            id.0.as_bytes(),
            &self.version.0.to_be_bytes(),
            self.operation_id.0.as_bytes(),
            self.user_id.as_str().as_bytes(),
            self.session_id.as_bytes(),
            &self.timestamp.0.to_be_bytes(),
            body,
        ])
    }
}

/// Records of rows that must be those of the versions `after + 1` to `through`, each once.
pub(crate) fn contiguous(
    rows: &[Row],
    id: DocumentId,
    after: Version,
    through: Version,
) -> Result<Vec<Arc<Record>>, StoreError> {
    let mut records = Vec::with_capacity(rows.len());
    let mut last = after;
    for row in rows {
        let record = record(row, id)?;
        if record.version != last.next() {
            return Err(corrupt(id, format!("record {} is missing", last.next())));
        }
        last = record.version;
        records.push(Arc::new(record));
    }
    if last != through {
        let lost = format!("the log ends at version {last} instead of {through}");
        return Err(corrupt(id, lost));
    }
    Ok(records)
}
