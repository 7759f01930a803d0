//! Snapshots, and what becomes of the records that one covers.

use statesync_core::{DocumentId, NamedSnapshot, Snapshot, StoreError, Version};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::failure::{Failure, Tries};
use crate::load::{ENDS, found};
use crate::moment::Moment;
use crate::rows::{self, Columns, bigint, snapshot_checksum};
use crate::texts::kept;
use crate::transaction::{Statement, Transactions};

/// Adds a snapshot unless there is a newer one, removes those that it makes unnecessary, and says up to
/// where the log is pruned after it.
///
/// It may be done twice.
pub(crate) async fn save(
    transactions: &Transactions,
    id: DocumentId,
    snapshot: &Snapshot,
    readable_from: Version,
) -> Result<Version, Failure> {
    let uuid = id.0.to_uuid();
    let version = bigint(snapshot.version);
    let content = snapshot.content.as_ref();
    let checksum = snapshot_checksum(id, snapshot);
    let readable_from = bigint(readable_from);
    let insert = Statement::new(
        INSERT,
        [
            (&uuid, Type::UUID),
            (&version, Type::INT8),
            (&content, Type::BYTEA),
            (&checksum, Type::INT8),
        ],
    );
    let lock = Statement::new(LOCK, [(&uuid, Type::UUID)]);
    let retained = |sql| Statement::new(sql, [(&uuid, Type::UUID), (&readable_from, Type::INT8)]);
    let ends = Statement::new(ENDS, [(&uuid, Type::UUID)]);
    let statements = [insert, lock, retained(RETAIN), retained(PRUNE), ends];
    let [_, _, _, _, ends] = transactions.write(statements).await?;
    Ok(Columns::of(found(&ends, id)?, id, "head").version("pruned")?)
}

/// Deletes rows of records that are forgotten, some at a time, so that nobody waits long for a row and
/// no transaction grows without bound. Nobody reads them any more: what is left when this fails goes
/// with the next snapshot.
pub(crate) async fn sweep(transactions: &Transactions, id: DocumentId, pruned: Version) {
    if pruned == Version::ZERO {
        return;
    }
    let (uuid, through) = (id.0.to_uuid(), bigint(pruned));
    loop {
        let delete = Statement::new(
            DELETE,
            [
                (&uuid, Type::UUID),
                (&through, Type::INT8),
                (&SWEEP_ROWS, Type::INT8),
            ],
        );
        match transactions.write([delete]).await {
            Ok([deleted]) if (deleted.len() as u64) < SWEEP_ROWS.unsigned_abs() => return,
            Ok(_) => {}
            Err(failure) => {
                tracing::warn!(document = %id, ?failure, "pruned records are deleted later");
                return;
            }
        }
    }
}

/// Keeps a snapshot under a name.
pub(crate) async fn name(
    transactions: &Transactions,
    id: DocumentId,
    named: &NamedSnapshot,
) -> Result<(), StoreError> {
    let mut tries = Tries::default();
    loop {
        match name_once(transactions, id, named).await {
            Ok(None) => return Ok(()),
            // An attempt that is in doubt gave it this name. (An insert waits for one on its way.)
            Ok(Some(present)) if tries.in_doubt() && present == named.without_content() => {
                return Ok(());
            }
            Ok(Some(_)) => return Err(StoreError::NameTaken(named.name.clone())),
            Err(failure) => tries.again(failure).await?,
        }
    }
}

/// The snapshot that has the name already, if there is one.
async fn name_once(
    transactions: &Transactions,
    id: DocumentId,
    named: &NamedSnapshot,
) -> Result<Option<NamedSnapshot>, Failure> {
    let uuid = id.0.to_uuid();
    let name = kept(&named.name);
    let version = bigint(named.snapshot.version);
    let created_by = named.created_by.as_str();
    let created_at = Moment(named.created_at);
    let content = named.snapshot.content.as_ref();
    let checksum = snapshot_checksum(id, &named.snapshot);
    let ends = Statement::new(ENDS, [(&uuid, Type::UUID)]);
    let insert = Statement::new(
        INSERT_NAMED,
        [
            (&uuid, Type::UUID),
            (&name, Type::TEXT),
            (&version, Type::INT8),
            (&created_by, Type::TEXT),
            (&created_at, Type::TIMESTAMPTZ),
            (&content, Type::BYTEA),
            (&checksum, Type::INT8),
        ],
    );
    let present = Statement::new(PRESENT, [(&uuid, Type::UUID), (&name, Type::TEXT)]);
    let [ends, inserted, present] = transactions.write([ends, insert, present]).await?;
    found(&ends, id)?;
    if !inserted.is_empty() {
        return Ok(None);
    }
    let present = present.first().map(|row| rows::named_snapshot(row, id));
    Ok(present.transpose()?)
}

pub(crate) async fn named(
    transactions: &Transactions,
    id: DocumentId,
) -> Result<Vec<NamedSnapshot>, Failure> {
    let [ends, named] = read(transactions, id, NAMED).await?;
    found(&ends, id)?;
    let named = named.iter().map(|row| rows::named_snapshot(row, id));
    let mut named: Vec<_> = named.collect::<Result<_, StoreError>>()?;
    // By the bytes of the names, whatever the collation of the database.
    named.sort_by(|one, other| {
        (one.snapshot.version, &one.name).cmp(&(other.snapshot.version, &other.name))
    });
    Ok(named)
}

async fn read(
    transactions: &Transactions,
    id: DocumentId,
    sql: &str,
) -> Result<[Vec<Row>; 2], Failure> {
    let uuid: Uuid = id.0.to_uuid();
    let statement = |sql| Statement::new(sql, [(&uuid, Type::UUID)]);
    transactions.read([statement(ENDS), statement(sql)]).await
}

pub(crate) async fn before(
    transactions: &Transactions,
    id: DocumentId,
    version: Version,
) -> Result<Option<Snapshot>, Failure> {
    let (uuid, version) = (id.0.to_uuid(), bigint(version));
    let ends = Statement::new(ENDS, [(&uuid, Type::UUID)]);
    let newest = Statement::new(BEFORE, [(&uuid, Type::UUID), (&version, Type::INT8)]);
    let [ends, newest] = transactions.read([ends, newest]).await?;
    found(&ends, id)?;
    let newest = newest.first().map(|row| rows::snapshot(row, id));
    Ok(newest.transpose()?)
}

/// Not past the end of the log. It comes first, so that the head is locked only after the content has
/// arrived.
const INSERT: &str = "INSERT INTO snapshots (document_id, version, content, checksum) \
     SELECT id, $2::bigint, $3::bytea, $4::bigint FROM documents \
     WHERE id = $1 AND version >= $2 AND NOT EXISTS \
     (SELECT FROM snapshots WHERE document_id = $1 AND snapshots.version > $2) \
     ON CONFLICT (document_id, version) DO UPDATE SET \
     content = excluded.content, checksum = excluded.checksum";
/// Of two that save at the same time, the later one sees what the other one left.
const LOCK: &str = "SELECT FROM documents WHERE id = $1 FOR NO KEY UPDATE";
/// As [`Retention`](statesync_core::Retention) decides.
const RETAIN: &str = "WITH present AS (SELECT version FROM snapshots WHERE document_id = $1), \
     base AS (SELECT COALESCE(max(version), 0) AS version FROM present WHERE version <= $2), \
     between_them AS (SELECT min(version) AS version FROM present \
     WHERE version > (SELECT version FROM base)) \
     DELETE FROM snapshots WHERE document_id = $1 \
     AND version <> (SELECT version FROM base) \
     AND version <> (SELECT max(version) FROM present) \
     AND version IS DISTINCT FROM (SELECT version FROM between_them)";
const PRUNE: &str = "UPDATE documents SET pruned = base.version FROM \
     (SELECT max(version) AS version FROM snapshots \
     WHERE document_id = $1 AND version <= $2) AS base \
     WHERE id = $1 AND pruned < base.version";
const DELETE: &str = "DELETE FROM operations WHERE document_id = $1 AND version IN \
     (SELECT version FROM operations WHERE document_id = $1 AND version <= $2 \
     ORDER BY version LIMIT $3) RETURNING version";
const INSERT_NAMED: &str = "INSERT INTO named_snapshots (document_id, name, version, created_by, \
     created_at, content, checksum) SELECT id, $2::text, $3::bigint, $4::text, $5::timestamptz, \
     $6::bytea, $7::bigint FROM documents WHERE id = $1 \
     ON CONFLICT (document_id, name) DO NOTHING RETURNING version";
const PRESENT: &str = "SELECT name, created_by, created_at, version FROM named_snapshots \
     WHERE document_id = $1 AND name = $2";
const NAMED: &str = "SELECT name, created_by, created_at, version FROM named_snapshots \
     WHERE document_id = $1";
const BEFORE: &str = "SELECT version, content, checksum FROM \
     (SELECT version, content, checksum FROM snapshots \
     WHERE document_id = $1 AND version <= $2 UNION ALL \
     SELECT version, content, checksum FROM named_snapshots \
     WHERE document_id = $1 AND version <= $2) AS old_enough ORDER BY version DESC LIMIT 1";

/// Rows that one transaction deletes.
const SWEEP_ROWS: i64 = 1_000;
