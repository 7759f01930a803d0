//! An append as columns: each table gets all its rows in one statement, whatever their number.

use std::borrow::Cow;
use std::collections::BTreeMap;

use std::sync::Arc;

use bytes::Bytes;
use statesync_core::{Append, AuditEntry, Conflict, Document, Record, StoreError};
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::conflicts::ConflictColumns;
use crate::head::HeadColumns;
use crate::moment::Moment;
use crate::rows::{bigint, conflict_uuid, record_checksum};
use crate::texts::kept;
use crate::transaction::Statement;

/// Everything that an append writes. Made once, also when it is tried again.
pub(super) struct Columns<'a> {
    pub(super) head: HeadColumns<'a>,
    /// Operations that their authors named.
    pub(super) named: Vec<Uuid>,
    operations: OperationColumns<'a>,
    audit: AuditColumns<'a>,
    conflicts: ConflictColumns<'a>,
    settled: (Vec<i64>, Vec<&'static str>),
}

impl<'a> Columns<'a> {
    pub(super) fn of(append: &'a Append) -> Result<Self, StoreError> {
        let records = &append.records;
        let named = records
            .iter()
            .filter(|record| record.terms.operation_id.is_some());
        // Of several entries for one thing the last one holds.
        let settled: BTreeMap<_, _> = append.settled.iter().copied().collect();
        let conflicts: BTreeMap<_, &Conflict> = append
            .conflicts
            .iter()
            .map(|conflict| (conflict.id, conflict))
            .collect();
        Ok(Self {
            head: HeadColumns::of(&append.document)?,
            named: named
                .map(|record| record.operation_id.0.to_uuid())
                .collect(),
            operations: OperationColumns::of(&append.document, records),
            audit: AuditColumns::of(&append.audit),
            conflicts: ConflictColumns::of(append.document.id, conflicts.into_values())?,
            settled: settled
                .into_iter()
                .map(|(version, status)| (bigint(version), status.as_str()))
                .unzip(),
        })
    }

    /// The statements, in order.
    pub(super) fn statements<'s>(
        &'s self,
        changes_metadata: bool,
        forgotten: &'s Vec<i64>,
    ) -> Vec<Statement<'s>> {
        let id = &self.head.id;
        let mut statements = Vec::new();
        if !forgotten.is_empty() {
            statements.push(Statement::new(
                FORGET,
                [(id, Type::UUID), (forgotten, Type::INT8_ARRAY)],
            ));
        }
        statements.push(self.operations.insert(id));
        statements.push(self.audit.insert(id));
        if !self.conflicts.is_empty() {
            statements.push(self.conflicts.upsert(id));
        }
        let (versions, statuses) = &self.settled;
        if !versions.is_empty() {
            statements.push(Statement::new(
                SETTLE,
                [
                    (id, Type::UUID),
                    (versions, Type::INT8_ARRAY),
                    (statuses, Type::TEXT_ARRAY),
                ],
            ));
        }
        if changes_metadata {
            statements.push(self.head.remove_members());
            statements.push(self.head.add_members());
        }
        statements.push(self.head.update(changes_metadata));
        statements
    }
}

#[derive(Default)]
struct OperationColumns<'a> {
    versions: Vec<i64>,
    ids: Vec<Uuid>,
    types: Vec<&'static str>,
    statuses: Vec<&'static str>,
    users: Vec<&'a str>,
    sessions: Vec<Cow<'a, str>>,
    clients: Vec<Cow<'a, str>>,
    prev_versions: Vec<Option<i64>>,
    timestamps: Vec<Moment>,
    named: Vec<bool>,
    conflicts: Vec<Option<Uuid>>,
    bodies: Vec<Body>,
    checksums: Vec<i64>,
}

impl<'a> OperationColumns<'a> {
    fn of(document: &Document, records: &'a [Arc<Record>]) -> Self {
        let mut columns = Self::default();
        for record in records {
            let body = record.body();
            columns.versions.push(bigint(record.version));
            columns.ids.push(record.operation_id.0.to_uuid());
            columns.types.push(record.change.kind().as_str());
            columns.statuses.push(record.status.as_str());
            columns.users.push(record.author.user_id.as_str());
            columns.sessions.push(kept(&record.author.session_id));
            columns.clients.push(kept(&record.terms.client_id));
            columns.prev_versions.push(record.terms.base.map(bigint));
            columns.timestamps.push(Moment(record.timestamp));
            columns.named.push(record.terms.operation_id.is_some());
            columns.conflicts.push(conflict_uuid(record.conflict));
            columns
                .checksums
                .push(record_checksum(document.id, record, &body));
            columns.bodies.push(Body(body));
        }
        columns
    }

    fn insert<'s>(&'s self, id: &'s Uuid) -> Statement<'s> {
        Statement::new(
            INSERT_OPERATIONS,
            [
                (id, Type::UUID),
                (&self.versions, Type::INT8_ARRAY),
                (&self.ids, Type::UUID_ARRAY),
                (&self.types, Type::TEXT_ARRAY),
                (&self.statuses, Type::TEXT_ARRAY),
                (&self.users, Type::TEXT_ARRAY),
                (&self.sessions, Type::TEXT_ARRAY),
                (&self.clients, Type::TEXT_ARRAY),
                (&self.prev_versions, Type::INT8_ARRAY),
                (&self.timestamps, Type::TIMESTAMPTZ_ARRAY),
                (&self.named, Type::BOOL_ARRAY),
                (&self.conflicts, Type::UUID_ARRAY),
                (&self.bodies, Type::BYTEA_ARRAY),
                (&self.checksums, Type::INT8_ARRAY),
            ],
        )
    }
}

/// Bytes that are not copied before they are sent.
#[derive(Debug)]
struct Body(Bytes);

impl tokio_postgres::types::ToSql for Body {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut bytes::BytesMut,
    ) -> Result<tokio_postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.0.as_ref().to_sql(kind, out)
    }

    tokio_postgres::types::accepts!(BYTEA);
    tokio_postgres::types::to_sql_checked!();
}

#[derive(Default)]
struct AuditColumns<'a> {
    versions: Vec<i64>,
    operations: Vec<Uuid>,
    users: Vec<&'a str>,
    timestamps: Vec<Moment>,
    kinds: Vec<&'static str>,
    digests: Vec<&'a [u8]>,
    hashes: Vec<&'a [u8]>,
}

impl<'a> AuditColumns<'a> {
    fn of(entries: &'a [AuditEntry]) -> Self {
        let mut columns = Self::default();
        for entry in entries {
            columns.versions.push(bigint(entry.version));
            columns.operations.push(entry.operation_id.0.to_uuid());
            columns.users.push(entry.user_id.as_str());
            columns.timestamps.push(Moment(entry.timestamp));
            columns.kinds.push(entry.kind.as_str());
            columns.digests.push(&entry.digest.0);
            columns.hashes.push(&entry.hash.0);
        }
        columns
    }

    fn insert<'s>(&'s self, id: &'s Uuid) -> Statement<'s> {
        Statement::new(
            INSERT_AUDIT,
            [
                (id, Type::UUID),
                (&self.versions, Type::INT8_ARRAY),
                (&self.operations, Type::UUID_ARRAY),
                (&self.users, Type::TEXT_ARRAY),
                (&self.timestamps, Type::TIMESTAMPTZ_ARRAY),
                (&self.kinds, Type::TEXT_ARRAY),
                (&self.digests, Type::BYTEA_ARRAY),
                (&self.hashes, Type::BYTEA_ARRAY),
            ],
        )
    }
}

const FORGET: &str = "DELETE FROM operations WHERE document_id = $1 AND version = ANY($2)";
const INSERT_OPERATIONS: &str = "INSERT INTO operations (document_id, version, id, type, status, \
     user_id, session_id, client_id, prev_version, timestamp, named, conflict_id, body, checksum) \
     SELECT $1::uuid, rows.* FROM unnest($2::bigint[], $3::uuid[], $4::text[], $5::text[], \
     $6::text[], $7::text[], $8::text[], $9::bigint[], $10::timestamptz[], $11::boolean[], \
     $12::uuid[], $13::bytea[], $14::bigint[]) AS rows (version, id, type, status, user_id, \
     session_id, client_id, prev_version, timestamp, named, conflict_id, body, checksum)";
const INSERT_AUDIT: &str = "INSERT INTO audit (document_id, version, operation_id, user_id, \
     timestamp, kind, digest, hash) SELECT $1::uuid, rows.* FROM unnest($2::bigint[], \
     $3::uuid[], $4::text[], $5::timestamptz[], $6::text[], $7::bytea[], $8::bytea[]) \
     AS rows (version, operation_id, user_id, timestamp, kind, digest, hash)";
/// Statuses of records that are no longer kept have no row to be written to.
const SETTLE: &str = "UPDATE operations SET status = settled.status \
     FROM unnest($2::bigint[], $3::text[]) AS settled (version, status) \
     WHERE operations.document_id = $1 AND operations.version = settled.version";
