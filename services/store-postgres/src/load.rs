//! Reading heads and logs. Each answer is of one moment.

use statesync_core::{
    Document, DocumentId, OperationId, Record, Since, StoreError, Stored, Version,
};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::conflicts;
use crate::failure::Failure;
use crate::rows::{self, Columns, RECORD, bigint, contiguous};
use crate::transaction::{Statement, Transactions};

pub(crate) async fn head(transactions: &Transactions, id: DocumentId) -> Result<Document, Failure> {
    let uuid = id.0.to_uuid();
    let head = format!("SELECT {} FROM documents WHERE id = $1", rows::HEAD);
    let head = Statement::new(&head, [(&uuid, Type::UUID)]);
    let [head] = transactions.read([head]).await?;
    Ok(rows::head(found(&head, id)?, id)?)
}

pub(crate) async fn load(transactions: &Transactions, id: DocumentId) -> Result<Stored, Failure> {
    let uuid = id.0.to_uuid();
    let head = format!("SELECT {}, pruned FROM documents WHERE id = $1", rows::HEAD);
    let records = format!(
        "SELECT {RECORD} FROM operations WHERE document_id = $1 AND version > COALESCE( \
         (SELECT max(version) FROM snapshots WHERE document_id = $1), 0) ORDER BY version"
    );
    let statement = |sql| Statement::new(sql, [(&uuid, Type::UUID)]);
    let statements = [
        statement(head.as_str()),
        statement(SNAPSHOT),
        statement(records.as_str()),
        statement(conflicts::OPEN),
    ];
    let [head, snapshot, records, open] = transactions.read(statements).await?;
    let head = found(&head, id)?;
    let document = rows::head(head, id)?;
    let snapshot = snapshot.first().map(|row| rows::snapshot(row, id));
    let snapshot = snapshot.transpose()?;
    let covered = snapshot
        .as_ref()
        .map_or(Version::ZERO, |known| known.version);
    let pruned = Columns::of(head, id, "head").version("pruned")?;
    if pruned > covered || covered > document.version {
        let lost = format!("the snapshot covers versions up to {covered} only");
        return Err(rows::corrupt(id, lost).into());
    }
    let records = contiguous(&records, id, covered, document.version)?;
    let open_conflicts = open.iter().map(|row| conflicts::conflict(row, id));
    Ok(Stored {
        snapshot,
        records,
        open_conflicts: open_conflicts.collect::<Result<_, _>>()?,
        document,
    })
}

pub(crate) async fn since(
    transactions: &Transactions,
    id: DocumentId,
    after: Version,
    limit: usize,
) -> Result<Since, Failure> {
    let (uuid, from, limit) = (id.0.to_uuid(), bigint(after), rows::limit(limit));
    let head = Statement::new(ENDS, [(&uuid, Type::UUID)]);
    let records = format!(
        "SELECT {RECORD} FROM operations WHERE document_id = $1 AND version > $2 \
         ORDER BY version LIMIT $3"
    );
    let records = Statement::new(
        &records,
        [
            (&uuid, Type::UUID),
            (&from, Type::INT8),
            (&limit, Type::INT8),
        ],
    );
    let [head, records] = transactions.read([head, records]).await?;
    let head = Columns::of(found(&head, id)?, id, "head");
    let (version, pruned) = (head.version("version")?, head.version("pruned")?);
    if after < pruned {
        let oldest = pruned.next();
        return Ok(Since::Pruned { oldest });
    }
    if after >= version {
        return Ok(Since::Records(Vec::new()));
    }
    let through = after.0.saturating_add(limit.unsigned_abs());
    let through = version.min(Version(through));
    Ok(Since::Records(contiguous(&records, id, after, through)?))
}

pub(crate) async fn operation(
    transactions: &Transactions,
    id: DocumentId,
    operation: OperationId,
) -> Result<Option<Record>, Failure> {
    let (uuid, named) = (id.0.to_uuid(), operation.0.to_uuid());
    let head = Statement::new(ENDS, [(&uuid, Type::UUID)]);
    let record =
        format!("SELECT {RECORD} FROM operations WHERE document_id = $1 AND id = $2 AND named");
    let record = Statement::new(&record, [(&uuid, Type::UUID), (&named, Type::UUID)]);
    let [head, record] = transactions.read([head, record]).await?;
    let pruned = Columns::of(found(&head, id)?, id, "head").version("pruned")?;
    let record = record.first().map(|row| rows::record(row, id));
    // The row of one that is forgotten may still be there for a while.
    Ok(record.transpose()?.filter(|record| record.version > pruned))
}

pub(crate) async fn versions(
    transactions: &Transactions,
    ids: &[DocumentId],
) -> Result<Vec<(DocumentId, Version)>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let uuids: Vec<_> = ids.iter().map(|id| id.0.to_uuid()).collect();
    let statement = Statement::new(VERSIONS, [(&uuids, Type::UUID_ARRAY)]);
    let [found] = transactions.read([statement]).await?;
    let mut versions = Vec::with_capacity(found.len());
    for row in &found {
        // Any of them, to have a name for what is damaged; the row has its own.
        let Some(first) = ids.first() else { break };
        let id = DocumentId(Columns::of(row, *first, "head").guuid("id")?);
        versions.push((id, Columns::of(row, id, "head").version("version")?));
    }
    Ok(versions)
}

/// The row of the head, or that there is no such document.
pub(crate) fn found(head: &[Row], id: DocumentId) -> Result<&Row, StoreError> {
    head.first().ok_or(StoreError::NotFound(id))
}

/// Where the log begins and ends.
pub(crate) const ENDS: &str = "SELECT version, pruned FROM documents WHERE id = $1";
const VERSIONS: &str = "SELECT id, version FROM documents WHERE id = ANY($1)";
const SNAPSHOT: &str = "SELECT version, content, checksum FROM snapshots \
     WHERE document_id = $1 ORDER BY version DESC LIMIT 1";
