//! The audit log.

use statesync_core::{AuditEntry, DocumentId, Version};
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::load::{ENDS, found};
use crate::rows::{self, Columns, bigint};
use crate::transaction::{Statement, Transactions};

pub(crate) async fn audit(
    transactions: &Transactions,
    id: DocumentId,
    after: Version,
    limit: usize,
) -> Result<Vec<AuditEntry>, Failure> {
    let (uuid, from, limit) = (id.0.to_uuid(), bigint(after), rows::limit(limit));
    let head = Statement::new(ENDS, [(&uuid, Type::UUID)]);
    let sql = format!(
        "SELECT {} FROM audit WHERE document_id = $1 AND version > $2 \
         ORDER BY version LIMIT $3",
        rows::AUDIT
    );
    let entries = Statement::new(
        &sql,
        [
            (&uuid, Type::UUID),
            (&from, Type::INT8),
            (&limit, Type::INT8),
        ],
    );
    let [head, entries] = transactions.read([head, entries]).await?;
    let end = Columns::of(found(&head, id)?, id, "head").version("version")?;
    let entries = entries.iter().map(|row| rows::audit_entry(row, id));
    let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
    // All that there should be: whoever verifies the chain must not take a part of it for the whole.
    let wanted = end.0.saturating_sub(after.0).min(limit.unsigned_abs());
    let mut expected = after;
    for entry in &entries {
        expected = expected.next();
        if entry.version != expected {
            return Err(rows::corrupt(id, format!("audit entry {expected} is missing")).into());
        }
    }
    if entries.len() as u64 != wanted {
        let lost = format!("the audit log ends at version {expected} instead of {end}");
        return Err(rows::corrupt(id, lost).into());
    }
    Ok(entries)
}
