//! Appending to a log: one transaction, two round trips, three when locks are in the way.
//!
//! The first one begins and locks the head, which puts this writer behind all others of the document, on
//! whichever replica; then it knows whether the append is allowed. The second one writes everything
//! and commits. [`settle`] is for when the answer to that is lost.

mod columns;
mod settle;

use std::collections::HashMap;

use statesync_core::{Append, DocumentId, StoreError, Version};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use self::columns::Columns;
use crate::failure::{Failure, Tries};
use crate::locks;
use crate::rows::{self, bigint};
use crate::transaction::{Statement, Transaction, Transactions};

/// Appends, or says why not. An attempt whose end is unknown is looked up, not guessed.
pub(crate) async fn append(transactions: &Transactions, append: &Append) -> Result<(), StoreError> {
    let columns = Columns::of(append)?;
    let mut tries = Tries::default();
    loop {
        if tries.in_doubt() {
            match settle::is_written(transactions, append).await {
                Ok(true) => return Ok(()),
                Ok(false) => tries.cleared(),
                Err(failure) => {
                    tries.again(failure).await?;
                    continue;
                }
            }
        }
        match once(transactions, append, &columns).await {
            Ok(()) => return Ok(()),
            Err(failure) => tries.again(failure).await?,
        }
    }
}

async fn once(
    transactions: &Transactions,
    append: &Append,
    columns: &Columns<'_>,
) -> Result<(), Failure> {
    let transaction = transactions.start().await?;
    let outcome = written(&transaction, &transactions.writing, append, columns).await;
    transaction.end(outcome)
}

async fn written(
    transaction: &Transaction,
    begin: &str,
    append: &Append,
    columns: &Columns<'_>,
) -> Result<(), Failure> {
    let id = append.document.id;
    let head = Statement::new(
        LOCK_HEAD,
        [
            (&columns.head.id, Type::UUID),
            (&columns.head.metadata, Type::JSONB),
        ],
    );
    let known = Statement::new(
        KNOWN,
        [
            (&columns.head.id, Type::UUID),
            (&columns.named, Type::UUID_ARRAY),
        ],
    );
    let (head, known) = if columns.named.is_empty() {
        let [head] = transaction.begin(begin, [head]).await?;
        (head, Vec::new())
    } else {
        let [head, known] = transaction.begin(begin, [head, known]).await?;
        (head, known)
    };
    let head = Head::of(&head, id)?;
    let forgotten = head.check(append, &known)?;
    let relies_on_a_lock = || {
        let mut records = append.records.iter();
        records.any(|record| record.terms.fence.is_some())
    };
    if head.locked || relies_on_a_lock() {
        guard(transaction, append).await?;
    }
    let statements = columns.statements(head.changes_metadata, &forgotten);
    transaction.commit(&statements).await?;
    Ok(())
}

/// What the first round trip tells.
struct Head {
    id: DocumentId,
    version: Version,
    pruned: Version,
    /// Whether there may be a live lock.
    locked: bool,
    /// Whether the append brings other metadata.
    changes_metadata: bool,
}

impl Head {
    fn of(rows: &[Row], id: DocumentId) -> Result<Self, StoreError> {
        let row = rows.first().ok_or(StoreError::NotFound(id))?;
        let columns = rows::Columns::of(row, id, "head");
        Ok(Self {
            id,
            version: columns.version("version")?,
            pruned: columns.version("pruned")?,
            locked: columns.get::<Option<bool>>("locked")?.unwrap_or_default(),
            changes_metadata: columns.get("changes_metadata")?,
        })
    }

    /// Whether the log can take the append; rows of pruned operations that bear a name of it.
    fn check(&self, append: &Append, known: &[Row]) -> Result<Vec<i64>, StoreError> {
        let id = self.id;
        let mut versions = HashMap::new();
        for row in known {
            let columns = rows::Columns::of(row, id, "record");
            versions.insert(columns.get::<Uuid>("id")?, columns.version("version")?);
        }
        let mut forgotten = Vec::new();
        for record in &append.records {
            let operation = record.operation_id;
            let named = record.terms.operation_id.is_some();
            match versions.get(&operation.0.to_uuid()) {
                Some(version) if named && *version > self.pruned => {
                    return Err(StoreError::Duplicate { id, operation });
                }
                Some(version) if named => forgotten.push(bigint(*version)),
                _ => {}
            }
        }
        if self.version != append.expected {
            let (expected, actual) = (append.expected, self.version);
            return Err(StoreError::Conflict {
                id,
                expected,
                actual,
            });
        }
        Ok(forgotten)
    }
}

/// Checks the locks at one moment of the database's clock. Whoever wants another lock waits for the
/// head, so they stay what they are until the commit.
async fn guard(transaction: &Transaction, append: &Append) -> Result<(), Failure> {
    let id = append.document.id;
    let (now, locks) = locks::all(transaction, id).await?;
    for (index, record) in append.records.iter().enumerate() {
        if let Some(violation) = record.violation(&locks, now) {
            return Err(Failure::Refused(StoreError::Guarded {
                id,
                record: index,
                violation,
            }));
        }
    }
    Ok(())
}

/// `locked` may be true a moment too long, never too short: every grant changes the row.
const LOCK_HEAD: &str = "SELECT version, pruned, locked_until > clock_timestamp() AS locked, \
     metadata IS DISTINCT FROM $2 AS changes_metadata FROM documents WHERE id = $1 FOR UPDATE";
const KNOWN: &str =
    "SELECT id, version FROM operations WHERE document_id = $1 AND named AND id = ANY($2)";
