//! Appends as columns: each table gets all its rows in one statement, whatever their number and whichever
//! documents they are of.

mod heads;
mod usual;

use std::borrow::Cow;
use std::collections::BTreeMap;

use std::sync::Arc;

use bytes::Bytes;
use statesync_core::{AuditEntry, Conflict, Document, DocumentId, Record, StoreError};
use tokio_postgres::types::Type;
use uuid::Uuid;

use self::heads::{DescribedHeads, UnchangedHeads};
use super::group::Allowed;
use crate::conflicts::ConflictColumns;
use crate::moment::Moment;
use crate::rows::{bigint, conflict_uuid, record_checksum};
use crate::texts::kept;
use crate::transaction::{Parameter, Statement};

pub(super) use self::usual::UsualColumns;

/// Everything that appends write.
pub(super) struct Columns<'a> {
    forgotten: (Vec<Uuid>, Vec<i64>),
    operations: OperationColumns<'a>,
    audit: AuditColumns<'a>,
    conflicts: ConflictColumns<'a>,
    settled: (Vec<Uuid>, Vec<i64>, Vec<&'static str>),
    unchanged: UnchangedHeads<'a>,
    described: DescribedHeads<'a>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(appends: &[Allowed<'a>]) -> Result<Self, StoreError> {
        let conflicts: BTreeMap<(DocumentId, _), &Conflict> = appends
            .iter()
            .flat_map(|allowed| {
                let id = allowed.append.document.id;
                let conflicts = allowed.append.conflicts.iter();
                conflicts.map(move |conflict| ((id, conflict.id), conflict))
            })
            .collect();
        let conflicts = conflicts.into_iter().map(|((id, _), one)| (id, one));
        let mut columns = Self {
            forgotten: <_>::default(),
            operations: OperationColumns::default(),
            audit: AuditColumns::default(),
            conflicts: ConflictColumns::of(conflicts)?,
            settled: <_>::default(),
            unchanged: UnchangedHeads::default(),
            described: DescribedHeads::default(),
        };
        for allowed in appends {
            columns.add(allowed)?;
        }
        Ok(columns)
    }

    fn add(&mut self, allowed: &Allowed<'a>) -> Result<(), StoreError> {
        let append = allowed.append;
        let uuid = append.document.id.0.to_uuid();
        for version in &allowed.forgotten {
            self.forgotten.0.push(uuid);
            self.forgotten.1.push(*version);
        }
        self.operations.add(&append.document, &append.records);
        self.audit.add(append.document.id, &append.audit);
        // Of several entries for one record the last one holds.
        let settled: BTreeMap<_, _> = append.settled.iter().copied().collect();
        for (version, status) in settled {
            self.settled.0.push(uuid);
            self.settled.1.push(bigint(version));
            self.settled.2.push(status.as_str());
        }
        if allowed.is_described {
            self.unchanged.add(&append.document);
            return Ok(());
        }
        self.described
            .add(&append.document, allowed.changes_metadata)
    }

    /// The statements, in order.
    pub(super) fn statements(&self) -> Vec<Statement<'_>> {
        let mut statements = Vec::new();
        let (documents, versions) = &self.forgotten;
        if !versions.is_empty() {
            statements.push(Statement::new(
                FORGET,
                [(documents, Type::UUID_ARRAY), (versions, Type::INT8_ARRAY)],
            ));
        }
        statements.push(self.operations.insert());
        statements.push(self.audit.insert());
        if !self.conflicts.is_empty() {
            statements.push(self.conflicts.upsert());
        }
        let (documents, versions, statuses) = &self.settled;
        if !versions.is_empty() {
            statements.push(Statement::new(
                SETTLE,
                [
                    (documents, Type::UUID_ARRAY),
                    (versions, Type::INT8_ARRAY),
                    (statuses, Type::TEXT_ARRAY),
                ],
            ));
        }
        statements.extend(self.described.statements());
        statements.extend(self.unchanged.update());
        statements
    }
}

#[derive(Default)]
struct OperationColumns<'a> {
    documents: Vec<Uuid>,
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
    fn add(&mut self, document: &Document, records: &'a [Arc<Record>]) {
        let uuid = document.id.0.to_uuid();
        let columns = self;
        for record in records {
            let body = record.body();
            columns.documents.push(uuid);
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
    }

    fn insert(&self) -> Statement<'_> {
        Statement::new(INSERT_OPERATIONS, self.parameters())
    }

    fn parameters(&self) -> [Parameter<'_>; 14] {
        [
            (&self.documents, Type::UUID_ARRAY),
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
        ]
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
    documents: Vec<Uuid>,
    versions: Vec<i64>,
    operations: Vec<Uuid>,
    users: Vec<&'a str>,
    timestamps: Vec<Moment>,
    kinds: Vec<&'static str>,
    digests: Vec<&'a [u8]>,
    hashes: Vec<&'a [u8]>,
}

impl<'a> AuditColumns<'a> {
    fn add(&mut self, id: DocumentId, entries: &'a [AuditEntry]) {
        let columns = self;
        for entry in entries {
            columns.documents.push(id.0.to_uuid());
            columns.versions.push(bigint(entry.version));
            columns.operations.push(entry.operation_id.0.to_uuid());
            columns.users.push(entry.user_id.as_str());
            columns.timestamps.push(Moment(entry.timestamp));
            columns.kinds.push(entry.kind.as_str());
            columns.digests.push(&entry.digest.0);
            columns.hashes.push(&entry.hash.0);
        }
    }

    fn insert(&self) -> Statement<'_> {
        Statement::new(
            INSERT_AUDIT,
            [
                (&self.documents, Type::UUID_ARRAY),
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

const FORGET: &str = "DELETE FROM operations \
     USING unnest($1::uuid[], $2::bigint[]) AS forgotten (document, number) \
     WHERE document_id = document AND version = number";
const INSERT_OPERATIONS: &str = "INSERT INTO operations (document_id, version, id, type, status, \
     user_id, session_id, client_id, prev_version, timestamp, named, conflict_id, body, checksum) \
     SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], \
     $6::text[], $7::text[], $8::text[], $9::bigint[], $10::timestamptz[], $11::boolean[], \
     $12::uuid[], $13::bytea[], $14::bigint[])";
const INSERT_AUDIT: &str = "INSERT INTO audit (document_id, version, operation_id, user_id, \
     timestamp, kind, digest, hash) SELECT * FROM unnest($1::uuid[], $2::bigint[], \
     $3::uuid[], $4::text[], $5::timestamptz[], $6::text[], $7::bytea[], $8::bytea[])";
/// Statuses of records that are no longer kept have no row to be written to.
const SETTLE: &str = "UPDATE operations SET status = settled.status \
     FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS settled (document, version, status) \
     WHERE operations.document_id = document AND operations.version = settled.version";
