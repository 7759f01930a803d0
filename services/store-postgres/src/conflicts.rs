//! Conflicts: a row each, with the whole of it as bytes and columns for queries.

use std::borrow::Cow;

use statesync_core::{Conflict, ConflictId, ConflictQuery, DocumentId, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::checksum::checksum;
use crate::failure::Failure;
use crate::load::{ENDS, found};
use crate::moment::Moment;
use crate::rows::{Columns, limit};
use crate::texts::kept;
use crate::transaction::{Statement, Transactions};

pub(crate) async fn conflicts(
    transactions: &Transactions,
    query: &ConflictQuery,
) -> Result<Vec<Conflict>, Failure> {
    let id = query.document_id;
    let uuid = id.0.to_uuid();
    let after = query.after.map(|after| after.0.to_uuid());
    let limit = limit(query.limit);
    let head = Statement::new(ENDS, [(&uuid, Type::UUID)]);
    let matching = Statement::new(
        MATCHING,
        [
            (&uuid, Type::UUID),
            (&query.open, Type::BOOL),
            (&after, Type::UUID),
            (&limit, Type::INT8),
        ],
    );
    let [head, matching] = transactions.read([head, matching]).await?;
    found(&head, id)?;
    let matching = matching.iter().map(|row| conflict(row, id));
    Ok(matching.collect::<Result<_, _>>()?)
}

pub(crate) async fn one(
    transactions: &Transactions,
    id: DocumentId,
    wanted: ConflictId,
) -> Result<Option<Conflict>, Failure> {
    let (uuid, wanted) = (id.0.to_uuid(), wanted.0.to_uuid());
    let head = Statement::new(ENDS, [(&uuid, Type::UUID)]);
    let statement = Statement::new(ONE, [(&uuid, Type::UUID), (&wanted, Type::UUID)]);
    let [head, matching] = transactions.read([head, statement]).await?;
    found(&head, id)?;
    let matching = matching.first().map(|row| conflict(row, id));
    Ok(matching.transpose()?)
}

/// A conflict, of the columns `id, body, checksum`.
pub(crate) fn conflict(row: &Row, id: DocumentId) -> Result<Conflict, StoreError> {
    let columns = Columns::of(row, id, "conflict");
    let name = ConflictId(columns.guuid("id")?);
    let body = columns.checked("body", &[id.0.as_bytes(), name.0.as_bytes()])?;
    match postcard::take_from_bytes::<Conflict>(body) {
        Ok((conflict, [])) if conflict.id == name && conflict.document_id == id => Ok(conflict),
        Ok(_) => Err(columns.corrupt(format!("the body of {name} is of another"))),
        Err(error) => Err(columns.corrupt(format!("the body of {name}: {error}"))),
    }
}

/// Conflicts for the statement that writes them.
#[derive(Default)]
pub(crate) struct ConflictColumns<'a> {
    documents: Vec<Uuid>,
    ids: Vec<Uuid>,
    policies: Vec<Cow<'a, str>>,
    resolutions: Vec<Option<Cow<'a, str>>>,
    resolved_by: Vec<Option<&'a str>>,
    resolved_ops: Vec<Option<Uuid>>,
    resolved_at: Vec<Option<Moment>>,
    detected_at: Vec<Moment>,
    bodies: Vec<Vec<u8>>,
    checksums: Vec<i64>,
}

impl<'a> ConflictColumns<'a> {
    /// Each conflict at most once.
    pub(crate) fn of(
        conflicts: impl Iterator<Item = (DocumentId, &'a Conflict)>,
    ) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for (id, conflict) in conflicts {
            columns.documents.push(id.0.to_uuid());
            let body = postcard::to_allocvec(conflict);
            let body = body.map_err(|error| StoreError::Backend(error.into()))?;
            let outcome = conflict.outcome.as_ref();
            let policy = kept(conflict.policy.as_str());
            let resolution = outcome.map(|outcome| match outcome.resolved_by {
                Some(_) => Cow::Borrowed("manual"),
                None => policy.clone(),
            });
            let resolved_by = outcome.and_then(|outcome| outcome.resolved_by.as_ref());
            let resolved_op = outcome.and_then(|outcome| outcome.resolved_operation);
            columns.ids.push(conflict.id.0.to_uuid());
            columns.policies.push(policy);
            columns.resolutions.push(resolution);
            columns
                .resolved_by
                .push(resolved_by.map(|user| user.as_str()));
            columns
                .resolved_ops
                .push(resolved_op.map(|id| id.0.to_uuid()));
            let resolved_at = outcome.map(|outcome| Moment(outcome.resolved_at));
            columns.resolved_at.push(resolved_at);
            columns.detected_at.push(Moment(conflict.detected_at));
            let parts: [&[u8]; 3] = [id.0.as_bytes(), conflict.id.0.as_bytes(), &body];
            columns.checksums.push(checksum(&parts));
            columns.bodies.push(body);
        }
        Ok(columns)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Writes new ones, and replaces known ones.
    pub(crate) fn upsert(&self) -> Statement<'_> {
        Statement::new(
            UPSERT,
            [
                (&self.documents, Type::UUID_ARRAY),
                (&self.ids, Type::UUID_ARRAY),
                (&self.policies, Type::TEXT_ARRAY),
                (&self.resolutions, Type::TEXT_ARRAY),
                (&self.resolved_by, Type::TEXT_ARRAY),
                (&self.resolved_ops, Type::UUID_ARRAY),
                (&self.resolved_at, Type::TIMESTAMPTZ_ARRAY),
                (&self.detected_at, Type::TIMESTAMPTZ_ARRAY),
                (&self.bodies, Type::BYTEA_ARRAY),
                (&self.checksums, Type::INT8_ARRAY),
            ],
        )
    }
}

/// All that wait.
pub(crate) const OPEN: &str = "SELECT id, body, checksum FROM conflicts \
     WHERE document_id = $1 AND resolved_at IS NULL ORDER BY id";
const ONE: &str = "SELECT id, body, checksum FROM conflicts WHERE document_id = $1 AND id = $2";
const MATCHING: &str = "SELECT id, body, checksum FROM conflicts WHERE document_id = $1 \
     AND ($2::boolean IS NULL OR (resolved_at IS NULL) = $2) \
     AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4";
const UPSERT: &str = "INSERT INTO conflicts (document_id, id, policy, resolution, resolved_by, \
     resolved_op, resolved_at, detected_at, body, checksum) \
     SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], \
     $6::uuid[], $7::timestamptz[], $8::timestamptz[], $9::bytea[], $10::bigint[]) \
     ON CONFLICT (document_id, id) DO UPDATE SET policy = excluded.policy, \
     resolution = excluded.resolution, resolved_by = excluded.resolved_by, \
     resolved_op = excluded.resolved_op, resolved_at = excluded.resolved_at, \
     detected_at = excluded.detected_at, body = excluded.body, checksum = excluded.checksum";
